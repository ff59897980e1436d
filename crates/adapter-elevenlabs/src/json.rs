//! Reads JSON of any size and shape within bounds. A field that is missing or has an unexpected
//! type counts as absent.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The provider's objects have about thirty fields. Further fields are ignored.
const MAX_FIELDS: usize = 256;
/// The turns of a conversation of many hours. Further items are ignored.
const MAX_ITEMS: usize = 4096;

/// An object that parses each field on access. It borrows the JSON text, so size and depth cost
/// nothing.
#[derive(Default)]
pub(crate) struct Object<'a>(HashMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// This object, with the fields that it lacks taken from `other`.
    pub(crate) fn or(self, other: Object<'a>) -> Self {
        let mut fields = other.0;
        fields.extend(self.0.into_iter().filter(|(_, value)| value.get() != "null"));
        Self(fields)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An object in this one; empty if the field is not an object.
    pub(crate) fn object(&self, key: &str) -> Object<'a> {
        self.value(key).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// The objects among the first [`MAX_ITEMS`] of an array in this one.
    pub(crate) fn objects(&self, key: &str) -> impl Iterator<Item = Object<'a>> + use<'a> {
        let items: Option<Items<'a>> = self.value(key).and_then(|json| serde_json::from_str(json).ok());
        items.unwrap_or_default().0.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok())
    }

    /// The items of an array in this one; `None` unless it has fewer than [`MAX_ITEMS`] objects and
    /// nothing else.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<Object<'a>>> {
        let items: Items<'a> = serde_json::from_str(self.value(key)?).ok()?;
        let is_whole = items.0.len() < MAX_ITEMS;
        items.0.into_iter().map(|item| serde_json::from_str(item.get()).ok().filter(|_| is_whole)).collect()
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.value(key)?).ok()
    }

    /// A text of any length, borrowed if it has no escape sequence.
    pub(crate) fn long_text(&self, key: &str) -> Option<Cow<'a, str>> {
        let text: Text<'a> = serde_json::from_str(self.value(key)?).ok()?;
        Some(text.0)
    }

    /// A text, or the digits of a number.
    pub(crate) fn text_or_number(&self, key: &str) -> Option<String> {
        let json = self.value(key)?;
        let is_number = json.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { Some(json.to_owned()) } else { self.text(key) }
    }

    /// A number or a text with a number, without its fraction.
    pub(crate) fn integer(&self, key: &str) -> Option<i64> {
        let text = self.text(key);
        let digits = text.as_deref().or_else(|| self.value(key))?;
        let float = || digits.parse::<f64>().ok().filter(|number| number.is_finite());
        digits.parse().ok().or_else(|| float().map(|number| number as i64))
    }

    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.value(key) == Some("true")
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).map(|value| value.get()).filter(|json| *json != "null")
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                let mut fields = HashMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if fields.len() < MAX_FIELDS {
                        fields.insert(key, map.next_value::<&'de RawValue>()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// With this wrapper serde borrows the text; it would copy it into a plain `Cow`.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Default)]
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut sequence: S) -> Result<Items<'de>, S::Error> {
                let mut items = Vec::new();
                while items.len() < MAX_ITEMS
                    && let Some(item) = sequence.next_element::<&'de RawValue>()?
                {
                    items.push(item);
                }
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(items))
            }
        }

        deserializer.deserialize_seq(InOrder)
    }
}

#[cfg(test)]
mod tests;

//! Reads JSON of any size and shape within bounds. A field that is missing or has an unexpected
//! type counts as absent.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The provider's objects have about thirty fields. So many of an object are in memory. Further fields
/// are looked for in its text.
const MAX_FIELDS: usize = 256;
/// The turns of a conversation of many hours. Further items are ignored.
pub(crate) const MAX_ITEMS: usize = 4096;

/// An object that parses each field on access. It borrows the JSON text, so size and depth cost
/// nothing.
#[derive(Default)]
pub(crate) struct Object<'a> {
    fields: Fields<'a>,
    /// The text of the object, if it has more than [`MAX_FIELDS`].
    text: Option<&'a str>,
    /// The object that the fields which this one lacks are taken from.
    outer: Option<Box<Object<'a>>>,
}

impl<'a> Object<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        Self::of(std::str::from_utf8(json).ok()?)
    }

    fn of(text: &'a str) -> Option<Self> {
        let fields: Fields<'a> = serde_json::from_str(text).ok()?;
        let is_whole = fields.is_whole;
        Some(Self { fields, text: (!is_whole).then_some(text), outer: None })
    }

    /// This object, with the fields that it lacks taken from `other`.
    pub(crate) fn or(self, other: Object<'a>) -> Self {
        Self { outer: Some(Box::new(other)), ..self }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.values.is_empty()
    }

    /// An object in this one; empty if the field is not an object.
    pub(crate) fn object(&self, key: &str) -> Object<'a> {
        self.value(key).and_then(Object::of).unwrap_or_default()
    }

    /// The objects among the first [`MAX_ITEMS`] of an array in this one.
    pub(crate) fn objects(&self, key: &str) -> impl Iterator<Item = Object<'a>> + use<'a> {
        self.items(key).objects().flatten()
    }

    /// An array in this one; empty if the field is not an array.
    pub(crate) fn items(&self, key: &str) -> Items<'a> {
        self.value(key).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Whether all fields of the object are in [`entries`](Self::entries).
    pub(crate) fn is_whole(&self) -> bool {
        self.fields.is_whole
    }

    /// The first fields, in the order of their names: `None` for a value that is not an object.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, Option<Object<'a>>)> {
        let mut entries: Vec<_> = self.fields.values.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        entries.into_iter().map(|(name, value)| (name.as_str(), Object::of(value.get())))
    }

    /// The items of an array in this one; `None` unless it has fewer than [`MAX_ITEMS`] objects and
    /// nothing else.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<Object<'a>>> {
        let items: Items<'a> = serde_json::from_str(self.value(key)?).ok()?;
        let is_whole = items.values.len() < MAX_ITEMS;
        items.objects().map(|item| item.filter(|_| is_whole)).collect()
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

    /// The JSON of a field; `None` if the field is missing or null.
    pub(crate) fn value(&self, key: &str) -> Option<&'a str> {
        let in_memory = self.fields.values.get(key).map(|value| value.get());
        let own = in_memory.or_else(|| find(self.text?, key)).filter(|json| *json != "null");
        own.or_else(|| self.outer.as_ref()?.value(key))
    }
}

/// The fields of an object, at most [`MAX_FIELDS`].
struct Fields<'a> {
    values: HashMap<String, &'a RawValue>,
    is_whole: bool,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self { values: HashMap::new(), is_whole: true }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;

        impl<'de> Visitor<'de> for First {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut fields = Fields::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if fields.values.len() < MAX_FIELDS || fields.values.contains_key(&*key) {
                        fields.values.insert(key.into_owned(), map.next_value::<&'de RawValue>()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        fields.is_whole = false;
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(First)
    }
}

/// A field of an object that is not in memory as a whole. Each call reads the object once.
fn find<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    struct Field<'k>(&'k str);

    impl<'de> Visitor<'de> for Field<'_> {
        type Value = Option<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut found = None;
            while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                if name == self.0 {
                    found = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }

    let mut json = serde_json::Deserializer::from_str(object);
    json.deserialize_map(Field(key)).ok().flatten().map(RawValue::get)
}

/// With this wrapper serde borrows the text; it would copy it into a plain `Cow`.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// An array.
#[derive(Default)]
pub(crate) struct Items<'a> {
    /// The first items, at most [`MAX_ITEMS`].
    values: Vec<&'a RawValue>,
    /// Whether it has more.
    pub(crate) is_cut: bool,
}

impl<'a> Items<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The first items: `None` for one that is not an object.
    pub(crate) fn objects(self) -> impl Iterator<Item = Option<Object<'a>>> + use<'a> {
        self.values.into_iter().map(|item| Object::of(item.get()))
    }
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut sequence: S) -> Result<Items<'de>, S::Error> {
                let mut items = Items::default();
                while items.values.len() < MAX_ITEMS
                    && let Some(item) = sequence.next_element::<&'de RawValue>()?
                {
                    items.values.push(item);
                }
                while sequence.next_element::<IgnoredAny>()?.is_some() {
                    items.is_cut = true;
                }
                Ok(items)
            }
        }

        deserializer.deserialize_seq(InOrder)
    }
}

#[cfg(test)]
mod tests;

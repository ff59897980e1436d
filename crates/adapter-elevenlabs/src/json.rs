//! JSON of any size and kind, read within bounds: what is missing, or of another type than expected, is absent.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Fields of one object that are looked at; the provider's have some thirty.
const MOST_FIELDS: usize = 256;
/// Items of one array that are looked at: the turns of a conversation of many hours.
const MOST_ITEMS: usize = 4096;

/// An object whose fields are read when they are asked for. It borrows the text, whatever its length and depth.
#[derive(Default)]
pub(crate) struct Object<'a>(HashMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    /// Reads an object; nothing if the text is not one.
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// This object, and for every field that it lacks that of another.
    pub(crate) fn or(self, other: Object<'a>) -> Self {
        let mut fields = other.0;
        fields.extend(self.0.into_iter().filter(|(_, value)| value.get() != "null"));
        Self(fields)
    }

    /// Whether there is anything in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An object in this one; an empty one where there is none.
    pub(crate) fn object(&self, key: &str) -> Object<'a> {
        self.value(key).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// The objects of an array in this one, as far as they are looked at.
    pub(crate) fn objects(&self, key: &str) -> impl Iterator<Item = Object<'a>> + use<'a> {
        let items: Option<Items<'a>> = self.value(key).and_then(|json| serde_json::from_str(json).ok());
        items.unwrap_or_default().0.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok())
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.value(key)?).ok()
    }

    /// A text of any length, borrowed where nothing in it is escaped.
    pub(crate) fn long_text(&self, key: &str) -> Option<Cow<'a, str>> {
        let text: Text<'a> = serde_json::from_str(self.value(key)?).ok()?;
        Some(text.0)
    }

    /// A text, or a number as it is written.
    pub(crate) fn text_or_number(&self, key: &str) -> Option<String> {
        let json = self.value(key)?;
        let is_number = json.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { Some(json.to_owned()) } else { self.text(key) }
    }

    /// A number, or a text that is one, without its fraction.
    pub(crate) fn integer(&self, key: &str) -> Option<i64> {
        let text = self.text(key);
        let digits = text.as_deref().or_else(|| self.value(key))?;
        let float = || digits.parse::<f64>().ok().filter(|number| number.is_finite());
        digits.parse().ok().or_else(|| float().map(|number| number as i64))
    }

    /// Whether this is an array.
    pub(crate) fn is_array(&self, key: &str) -> bool {
        self.value(key).is_some_and(|json| json.starts_with('['))
    }

    /// A truth value.
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
                    if fields.len() < MOST_FIELDS {
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

/// Without this, serde copies a text into a `Cow`.
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
                while items.len() < MOST_ITEMS
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
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_of_another_type_is_absent() {
        let json =
            br#"{"a":null,"b":[1,{"c":"x"},"y"],"d":"7","e":7.9,"f":{"g":"h"},"i":1e999,"j":"\ud800"}"#;
        let object = Object::parse(json).expect("an object");
        assert_eq!(
            (object.text("a"), object.text("b"), object.text("e"), object.text("j")),
            (None, None, None, None)
        );
        assert_eq!(object.integer("d"), Some(7));
        assert_eq!(object.integer("e"), Some(7));
        assert_eq!((object.integer("i"), object.integer("f"), object.integer("z")), (None, None, None));
        assert_eq!(object.object("f").text("g").as_deref(), Some("h"));
        assert!(object.object("b").is_empty());
        let items: Vec<_> = object.objects("b").map(|item| item.text("c")).collect();
        assert_eq!(items, [Some("x".to_owned())]);
        assert_eq!(object.objects("f").count(), 0);
        assert!(Object::parse(b"[]").is_none() && Object::parse(b"{\"a\":1").is_none());
    }

    #[test]
    fn a_long_text_is_borrowed_unless_it_is_escaped() {
        let json = br#"{"plain":"a/b","escaped":"a\/b","number":7}"#;
        let object = Object::parse(json).expect("an object");
        assert!(matches!(object.long_text("plain"), Some(Cow::Borrowed("a/b"))));
        assert_eq!(object.long_text("escaped").as_deref(), Some("a/b"));
        assert_eq!(object.long_text("number"), None);
    }

    #[test]
    fn any_number_of_fields_items_and_depths_is_read_within_bounds() {
        let fields: Vec<String> = (0..100_000).map(|index| format!("\"k{index}\":0")).collect();
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let items = vec!["{}"; 2 * MOST_ITEMS].join(",");
        let json = format!("{{\"deep\":{deep},\"items\":[{items}],{}}}", fields.join(","));
        let object = Object::parse(json.as_bytes()).expect("an object");
        assert_eq!(object.0.len(), MOST_FIELDS);
        assert_eq!(object.objects("items").count(), MOST_ITEMS);
        assert_eq!(object.objects("deep").count(), 0);
    }

    #[test]
    fn an_object_comes_before_what_it_stands_in() {
        let outer = Object::parse(br#"{"a":"outer","b":"outer"}"#).expect("an object");
        let inner = Object::parse(br#"{"a":"inner","b":null}"#).expect("an object").or(outer);
        assert_eq!(inner.text("a").as_deref(), Some("inner"));
        assert_eq!(inner.text("b").as_deref(), Some("outer"));
    }
}

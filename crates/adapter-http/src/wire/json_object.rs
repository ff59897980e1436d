use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::parameters::Problems;
use crate::failure::InvalidRequest;

/// The text of a body that is one JSON object, with a bounded depth, whose strings have no control
/// characters except tabs and line breaks.
pub(super) fn json_object(body: &[u8]) -> Result<&str, InvalidRequest> {
    let text = std::str::from_utf8(body).map_err(|_| InvalidRequest::body("the body is not UTF-8"))?;
    // Also checks the fields that are ignored later: deep nesting could overflow the stack, and
    // stores refuse control characters.
    serde_json::from_str::<CheckedJson>(text).map_err(|error| {
        InvalidRequest::body(if error.is_data() {
            "a string holds control characters"
        } else {
            "the body is not valid JSON, or is nested too deeply"
        })
    })?;
    // The derived reader would accept an array of the fields in order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(InvalidRequest::body("the body is not a JSON object"));
    }
    Ok(text)
}

/// The fields of a body that is one JSON object with no other fields than the documented ones.
pub(super) fn fields<T: DeserializeOwned + PartialSchema>(body: &[u8]) -> Result<T, InvalidRequest> {
    let text = json_object(body)?;
    refuse_fields(unknown_names(text, &documented_fields::<T>()))?;
    serde_json::from_str(text).map_err(|_| InvalidRequest::body("a field is given twice"))
}

/// Checks a body that is one JSON object without fields.
pub(crate) fn no_fields(body: &[u8]) -> Result<(), InvalidRequest> {
    refuse_fields(unknown_names(json_object(body)?, &[]))
}

fn refuse_fields(unknown: impl Iterator<Item = String>) -> Result<(), InvalidRequest> {
    let mut problems = Problems::default();
    problems.add_unknown(shown(unknown), "is not a field of this request");
    problems.none_or(())
}

/// The most unknown names that a response shows, and the most characters of each.
const MAX_NAMES: usize = 20;
const MAX_NAME_CHARS: usize = 64;

/// The names of the object's fields that are not among these.
pub(super) fn unknown_names(object: &str, known: &[String]) -> impl Iterator<Item = String> {
    let Names(names) = serde_json::from_str(object).unwrap_or_default();
    names.into_iter().filter(|name| !known.contains(name))
}

/// The names of the fields that the document describes.
pub(super) fn documented_fields<T: PartialSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.properties.into_keys().collect(),
        _ => Vec::new(),
    }
}

/// Unknown names as a response shows them: each once, in their order, cut, and not too many.
pub(super) fn shown(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut shown = Vec::new();
    for name in names {
        let name: String = name.chars().take(MAX_NAME_CHARS).collect();
        if shown.len() < MAX_NAMES && !shown.contains(&name) {
            shown.push(name);
        }
    }
    shown
}

/// The names of an object's fields.
#[derive(Default)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = entries.next_entry::<String, IgnoredAny>()? {
            names.push(name);
        }
        Ok(Names(names))
    }
}

/// Any JSON with at most 127 levels of nesting (the limit of the reader) and without control
/// characters in its strings.
struct CheckedJson;

impl<'de> Deserialize<'de> for CheckedJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CheckedJsonVisitor)
    }
}

struct CheckedJsonVisitor;

impl<'de> Visitor<'de> for CheckedJsonVisitor {
    type Value = CheckedJson;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<CheckedJson, E> {
        Ok(CheckedJson)
    }

    fn visit_bool<E>(self, _: bool) -> Result<CheckedJson, E> {
        Ok(CheckedJson)
    }

    fn visit_i64<E>(self, _: i64) -> Result<CheckedJson, E> {
        Ok(CheckedJson)
    }

    fn visit_u64<E>(self, _: u64) -> Result<CheckedJson, E> {
        Ok(CheckedJson)
    }

    fn visit_f64<E>(self, _: f64) -> Result<CheckedJson, E> {
        Ok(CheckedJson)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<CheckedJson, E> {
        let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        if text.chars().any(forbidden) { Err(E::custom("control character")) } else { Ok(CheckedJson) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<CheckedJson, A::Error> {
        while items.next_element::<CheckedJson>()?.is_some() {}
        Ok(CheckedJson)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<CheckedJson, A::Error> {
        while entries.next_entry::<CheckedJson, CheckedJson>()?.is_some() {}
        Ok(CheckedJson)
    }
}

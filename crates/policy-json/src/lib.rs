//! The JSON document of a calling policy.
//!
//! Requests, responses, imports and stores have the same document, so that a policy that one of them
//! shows can be given to another. [`to_json`] returns the same bytes for the same policy. [`from_json`]
//! accepts no field that it does not know: a misspelt rule must not be ignored.

mod document;
mod node;
mod reader;

use domain::{CallingPolicy, PolicyFault};

pub use self::document::PolicyDocument;
use self::reader::UnknownNames;

/// The document of a policy, in one line, with every field.
#[must_use]
pub fn to_json(policy: &CallingPolicy) -> String {
    serde_json::to_string(&PolicyDocument::from(policy)).expect("texts and numbers always serialize to JSON")
}

/// Reads a document. A field that it does not have is as in the default policy.
///
/// # Errors
/// Everything that is wrong with it, by field: at most 20 faults. The field is empty if the text is no
/// JSON object. They quote nothing but the names of fields.
pub fn from_json(text: &str) -> Result<CallingPolicy, Vec<PolicyFault>> {
    reader::read(text, UnknownNames::Refused)
}

/// Reads a document that a store has. The fields of a later release are ignored, so that this one works
/// beside it.
#[must_use]
pub fn from_stored(text: &str) -> Option<CallingPolicy> {
    reader::read(text, UnknownNames::Ignored).ok()
}

#[cfg(test)]
mod tests;

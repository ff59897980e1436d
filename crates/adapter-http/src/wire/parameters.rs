use actix_web::web::Query;
use domain::EventSequence;
use serde::de::DeserializeOwned;

use super::{ErrorDetail, RequestRefusal};

/// Reads a query string.
pub(super) fn read<T: DeserializeOwned>(query: &str) -> Result<T, RequestRefusal> {
    let parameters = Query::<T>::from_query(query);
    Ok(parameters.map_err(|_| RequestRefusal::body("a parameter is given twice"))?.into_inner())
}

/// What is wrong with the parameters, in words that quote nothing of them.
#[derive(Default)]
pub(super) struct Problems(Vec<ErrorDetail>);

impl Problems {
    /// Reads a parameter. An empty one counts as absent.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        value: Option<String>,
        otherwise: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = value.filter(|value| !value.is_empty())?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.add(name, otherwise);
        }
        parsed
    }

    pub(super) fn add(&mut self, name: &'static str, message: &'static str) {
        self.0.push(ErrorDetail { field: Some(name), message });
    }

    /// What was read, if nothing is wrong.
    pub(super) fn none_or<T>(self, read: T) -> Result<T, RequestRefusal> {
        if self.0.is_empty() { Ok(read) } else { Err(RequestRefusal(self.0)) }
    }
}

/// Digits alone: no sign, no space.
pub(super) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A place in the order of events: digits alone.
pub(crate) fn position(text: &str) -> Option<EventSequence> {
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
    EventSequence::from_number(number?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_number_without_a_sign() {
        assert_eq!(position("0"), Some(EventSequence::START));
        assert_eq!(position("9223372036854775807").map(EventSequence::number), Some(i64::MAX));
        for text in ["", "-1", "+1", " 1", "1.0", "0x1", "9223372036854775808", "\u{661}"] {
            assert_eq!(position(text), None, "{text:?}");
        }
    }
}

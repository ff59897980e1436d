use actix_web::web::Query;
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

use actix_web::web::Query;
use domain::EventSequence;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::json_object::shown;
use crate::failure::{ErrorDetail, InvalidRequest};

/// Parses a query string that has no other parameters than the documented ones.
pub(super) fn read<T: DeserializeOwned + IntoParams>(query: &str) -> Result<T, InvalidRequest> {
    let documented = T::into_params(|| None);
    let unknown = names(query).filter(|name| !documented.iter().any(|known| known.name == *name));
    refuse(shown(unknown))?;
    let parameters = Query::<T>::from_query(query);
    Ok(parameters.map_err(|_| InvalidRequest::body("a parameter is given twice"))?.into_inner())
}

/// Refuses every parameter.
pub(crate) fn refuse_all(query: &str) -> Result<(), InvalidRequest> {
    refuse(shown(names(query)))
}

fn refuse(unknown: Vec<String>) -> Result<(), InvalidRequest> {
    let mut problems = Problems::default();
    problems.add_unknown(unknown, "is not a parameter of this path");
    problems.none_or(())
}

/// The names of the parameters of a query string.
pub(super) fn names(query: &str) -> impl Iterator<Item = String> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query);
    let pairs = pairs.map(Query::into_inner).unwrap_or_default();
    pairs.into_iter().map(|(name, _)| name)
}

/// What is wrong with a request. The texts quote nothing from it but the names of unknown fields.
#[derive(Default)]
pub(super) struct Problems(Vec<ErrorDetail>);

impl Problems {
    /// Parses a parameter. An empty one counts as absent.
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
        self.0.push(ErrorDetail { field: Some(name.into()), message });
    }

    /// Notes each of these names that the request must not have.
    pub(super) fn add_unknown(&mut self, names: Vec<String>, message: &'static str) {
        self.0.extend(names.into_iter().map(|name| ErrorDetail { field: Some(name.into()), message }));
    }

    /// The parsed value, if nothing is wrong.
    pub(super) fn none_or<T>(self, parsed: T) -> Result<T, InvalidRequest> {
        if self.0.is_empty() { Ok(parsed) } else { Err(self.into()) }
    }
}

impl From<Problems> for InvalidRequest {
    fn from(problems: Problems) -> Self {
        Self::new(problems.0)
    }
}

/// A number of digits only: no sign, no space.
pub(super) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The sequence number of an event, of digits only.
pub(crate) fn sequence(text: &str) -> Option<EventSequence> {
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
    EventSequence::from_number(number?)
}

#[cfg(test)]
mod tests;

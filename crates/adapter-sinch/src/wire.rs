//! The carrier's JSON.

use std::borrow::Cow;
use std::time::Duration;

use domain::ports::{PortUnavailable, Trunk, VendorFailure};
use domain::{PhoneNumber, TrunkId};
use secrecy::SecretString;
use serde_json::{Map, Value};

/// The limit of a trunk that names none.
const DEFAULT_CALLS_PER_SECOND: u32 = 1;
/// A token that the carrier issues for no time named.
const DEFAULT_TOKEN_TIME: Duration = Duration::from_mins(5);

/// A page of numbers.
pub(crate) struct NumberPage {
    pub(crate) numbers: Vec<ListedNumber>,
    /// The number of numbers on all pages.
    pub(crate) total: usize,
}

pub(crate) struct ListedNumber {
    /// As the carrier writes it.
    pub(crate) text: String,
    pub(crate) trunk_id: String,
}

impl ListedNumber {
    /// The number, if calls can be placed from it.
    pub(crate) fn phone_number(&self) -> Option<PhoneNumber> {
        PhoneNumber::parse(&self.text).ok()
    }
}

pub(crate) fn token(body: &[u8]) -> Option<(SecretString, Duration)> {
    let token: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let text = token.get("access_token")?.as_str().filter(|text| !text.is_empty())?;
    let valid_for = token.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
    Some((SecretString::from(text), valid_for.unwrap_or(DEFAULT_TOKEN_TIME)))
}

/// The trunk with this id.
pub(crate) fn trunk(body: &[u8], id: &TrunkId) -> Option<Trunk> {
    let trunk: Map<String, Value> = serde_json::from_slice(body).ok()?;
    if trunk.get("id")?.as_str()? != id.as_str() {
        return None;
    }
    let calls_per_second = match trunk.get("callsPerSecond") {
        None | Some(Value::Null) => DEFAULT_CALLS_PER_SECOND,
        Some(limit) => u32::try_from(limit.as_u64()?).ok().filter(|limit| *limit > 0)?,
    };
    let domain = trunk.get("domain").and_then(Value::as_str).map(str::to_lowercase);
    Some(Trunk { id: id.clone(), domain, calls_per_second })
}

pub(crate) fn numbers(body: &[u8]) -> Option<NumberPage> {
    let page: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let number = |item: &Value| {
        let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        // A number between two trunks has none.
        Some(ListedNumber { text: text("phoneNumber")?, trunk_id: text("sipTrunkId").unwrap_or_default() })
    };
    let numbers: Option<Vec<_>> = page.get("phoneNumbers")?.as_array()?.iter().map(number).collect();
    let total = usize::try_from(page.get("totalItems")?.as_u64()?).ok()?;
    Some(NumberPage { numbers: numbers?, total })
}

/// What a status other than 200 means.
pub(crate) fn refusal(status: u16) -> VendorFailure {
    match status {
        401 => VendorFailure::KeyRefused,
        403 => VendorFailure::NotAllowed,
        404 => VendorFailure::NotFound,
        429 => VendorFailure::RateLimited,
        status => unavailable(format!("the response has status {status}")),
    }
}

pub(crate) fn unavailable(reason: impl Into<Cow<'static, str>>) -> VendorFailure {
    VendorFailure::Unavailable(PortUnavailable::new("sinch", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_read_leniently_and_its_limit_strictly() {
        let id = TrunkId::parse("t1").expect("a valid id");
        for (body, limit) in [
            (r#"{"id":"t1","domain":"ACME.pstn.sinch.com"}"#, Some(1)),
            (r#"{"id":"t1","callsPerSecond":null,"new":{}}"#, Some(1)),
            (r#"{"id":"t1","callsPerSecond":20}"#, Some(20)),
            (r#"{"id":"t1","callsPerSecond":0}"#, None),
            (r#"{"id":"t1","callsPerSecond":"20"}"#, None),
            (r#"{"id":"t2","callsPerSecond":20}"#, None),
            ("[]", None),
        ] {
            assert_eq!(trunk(body.as_bytes(), &id).map(|trunk| trunk.calls_per_second), limit, "{body}");
        }
        let trunk = trunk(br#"{"id":"t1","domain":"ACME.pstn.sinch.com"}"#, &id).expect("a trunk");
        assert_eq!(trunk.domain.as_deref(), Some("acme.pstn.sinch.com"));
    }

    #[test]
    fn a_page_without_its_total_or_with_an_unreadable_item_is_refused() {
        let number = r#"{"phoneNumber":"+14165550100","sipTrunkId":"t1"}"#;
        for (body, count) in [
            (format!(r#"{{"phoneNumbers":[{number}],"totalItems":1}}"#), Some(1)),
            (format!(r#"{{"phoneNumbers":[{number}]}}"#), None),
            (r#"{"phoneNumbers":[{}],"totalItems":1}"#.to_owned(), None),
            (r#"{"phoneNumbers":{},"totalItems":0}"#.to_owned(), None),
        ] {
            assert_eq!(numbers(body.as_bytes()).map(|page| page.numbers.len()), count, "{body}");
        }
    }
}

use domain::{
    AddConsent, AddSuppression, CalleePage, ConsentKind, ContactId, DEFAULT_RECORDS, MAX_RECORDS, RecordNote,
    SuppressionSource, Timestamp, WrittenCallee,
};
use event_json::from_iso8601;
use event_json::schema::names;
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};

use super::json_object::fields;
use super::parameters::{Problems, number};
use super::{cursor, parameters};
use crate::failure::InvalidRequest;

/// A callee who wants no more calls. `phoneNumber` or `contactId` is required.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
#[schema(
    as = CalleesAddSuppressionRequest,
    example = json!({ "phoneNumber": "+14165550110", "reason": "asked by letter", "source": "letter" })
)]
pub(crate) struct AddSuppressionRequest {
    /// The number, E.164, or as in a request for a call.
    #[schema(value_type = String, required = false, max_length = 128)]
    phone_number: Value,
    /// The ID of a contact of the organization. Its number is suppressed too.
    #[schema(value_type = String, required = false, max_length = 128)]
    contact_id: Value,
    /// Why, for people to read: at most 1024 bytes.
    #[schema(value_type = String, required = false, max_length = 1024)]
    reason: Value,
    /// Where it came from: a word like `letter`. The default is `api`.
    #[schema(value_type = String, required = false, max_length = 32, pattern = "^[a-z-]+$")]
    source: Value,
    /// When it ends, in ISO 8601. Without it, never.
    #[schema(value_type = String, format = DateTime, required = false)]
    expires_at: Value,
}

/// A permission of a callee. `phoneNumber` or `contactId` is required.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(
    as = CalleesAddConsentRequest,
    example = json!({
        "phoneNumber": "+14165550110",
        "kind": "express",
        "givenAt": "2026-03-02T09:00:00.000Z",
        "method": "web form",
        "evidence": "crm:forms/4711"
    })
)]
pub(crate) struct AddConsentRequest {
    /// The number, E.164, or as in a request for a call.
    #[schema(value_type = String, required = false, max_length = 128)]
    phone_number: Value,
    /// The ID of a contact of the organization. The consent counts for its number too.
    #[schema(value_type = String, required = false, max_length = 128)]
    contact_id: Value,
    #[schema(schema_with = kind_schema, required = true)]
    kind: Value,
    /// When it was given, in ISO 8601.
    #[schema(value_type = String, format = DateTime, required = true)]
    given_at: Value,
    /// When it ends, in ISO 8601. Without it, never.
    #[schema(value_type = String, format = DateTime, required = false)]
    expires_at: Value,
    /// How it was given, for people to read: at most 1024 bytes.
    #[schema(value_type = String, required = false, max_length = 1024)]
    method: Value,
    /// Where the evidence is, for people to read: at most 1024 bytes.
    #[schema(value_type = String, required = false, max_length = 1024)]
    evidence: Value,
}

/// The parameters of a list of suppressions or consents.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CalleeParameters {
    /// Only those of this number, E.164, or as in a request for a call.
    #[param(value_type = String, required = false, max_length = 128)]
    phone_number: Option<String>,
    /// Only those of this contact.
    #[param(value_type = String, required = false, max_length = 128)]
    contact_id: Option<String>,
    /// The largest number of records in the page.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `nextCursor` of the previous page: only records older than those of that page.
    #[param(value_type = String, required = false, max_length = 200)]
    before: Option<String>,
}

pub(crate) fn kind_schema() -> Object {
    let meaning = "What it permits: `express` calls with an artificial voice, however the permission was given; \
                   `written` also marketing calls, by a signed text.";
    names(ConsentKind::ALL.map(ConsentKind::as_str), meaning)
}

const NOTE: &str = "must be a text of at most 1024 bytes without control characters";
const TIME: &str = "must be a time in ISO 8601, like 2026-03-02T09:00:00Z";

/// A field of a request. `null` and an empty text count as absent.
fn read<T>(
    problems: &mut Problems,
    name: &'static str,
    value: &Value,
    otherwise: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    match value {
        Value::Null => None,
        Value::String(text) => problems.read(name, Some(text.clone()), otherwise, parse),
        _ => {
            problems.add(name, otherwise);
            None
        }
    }
}

fn callee(problems: &mut Problems, phone_number: &Value, contact_id: &Value) -> WrittenCallee {
    WrittenCallee {
        phone_number: read(problems, "phoneNumber", phone_number, "must be a string", |text| {
            Some(text.to_owned())
        }),
        contact_id: read(problems, "contactId", contact_id, CONTACT, |text| ContactId::parse(text).ok()),
    }
}

const CONTACT: &str = "must be the ID of a contact";

impl AddSuppressionRequest {
    /// Parses a body: one JSON object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        fields(body)
    }

    pub(crate) fn read(&self) -> Result<AddSuppression, InvalidRequest> {
        let mut problems = Problems::default();
        let source = "must be a word of 1 to 32 lower-case letters and -";
        let request = AddSuppression {
            callee: callee(&mut problems, &self.phone_number, &self.contact_id),
            reason: read(&mut problems, "reason", &self.reason, NOTE, |text| RecordNote::parse(text).ok()),
            source: read(&mut problems, "source", &self.source, source, |text| {
                SuppressionSource::parse(text).ok()
            }),
            expires_at: read(&mut problems, "expiresAt", &self.expires_at, TIME, from_iso8601),
        };
        problems.none_or(request)
    }
}

impl AddConsentRequest {
    /// Parses a body: one JSON object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        fields(body)
    }

    pub(crate) fn read(&self) -> Result<AddConsent, InvalidRequest> {
        const KIND: &str = "must be express or written";
        let mut problems = Problems::default();
        let callee = callee(&mut problems, &self.phone_number, &self.contact_id);
        let kind = self.kind.as_str();
        let kind = kind.and_then(|text| ConsentKind::ALL.into_iter().find(|kind| kind.as_str() == text));
        let given_at = self.given_at.as_str().and_then(from_iso8601);
        if kind.is_none() {
            problems.add("kind", KIND);
        }
        if given_at.is_none() {
            problems.add("givenAt", TIME);
        }
        let expires_at = read(&mut problems, "expiresAt", &self.expires_at, TIME, from_iso8601);
        let method = read(&mut problems, "method", &self.method, NOTE, |text| RecordNote::parse(text).ok());
        let evidence =
            read(&mut problems, "evidence", &self.evidence, NOTE, |text| RecordNote::parse(text).ok());
        let (Some(kind), Some(given_at)) = (kind, given_at) else { return Err(problems.into()) };
        problems.none_or(AddConsent { callee, kind, given_at, expires_at, method, evidence })
    }
}

impl CalleeParameters {
    /// Parses a query string. Empty parameters count as absent, unknown ones are refused.
    pub(crate) fn parse<Id>(
        query: &str,
        id: impl FnOnce(&str) -> Option<Id>,
    ) -> Result<CalleePage<Id>, InvalidRequest> {
        let Self { phone_number, contact_id, limit, before } = parameters::read(query)?;
        let mut problems = Problems::default();
        let page = CalleePage {
            callee: WrittenCallee {
                phone_number: phone_number.filter(|text| !text.is_empty()),
                contact_id: problems
                    .read("contactId", contact_id, CONTACT, |text| ContactId::parse(text).ok()),
            },
            before: problems.read("before", before, "must be the nextCursor of a page", |text| {
                let key = cursor::read_key(text)?;
                let (millis, text) = key.split_once(' ')?;
                Some((Timestamp::from_unix_millis(millis.parse().ok()?), id(text)?))
            }),
            limit: problems
                .read("limit", limit, "must be a whole number from 1 to 200", |text| {
                    number(text).filter(|limit| (1..=MAX_RECORDS).contains(limit))
                })
                .unwrap_or(DEFAULT_RECORDS),
        };
        problems.none_or(page)
    }
}

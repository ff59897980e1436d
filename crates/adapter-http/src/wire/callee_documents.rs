//! The responses about suppressions and consents.

use domain::{ConsentRecord, Suppression, Timestamp};
use event_json::iso8601;
use event_json::schema::always_true;
use serde::Serialize;
use utoipa::ToSchema;

use super::callee_records::kind_schema;
use super::cursor;

/// A callee who is not called. Times are in ISO 8601, UTC.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CalleesSuppression)]
pub(crate) struct SuppressionDocument {
    /// The suppression's ID.
    id: String,
    /// The number, E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    phone_number: Option<String>,
    /// True if the number was erased, and is suppressed without being stored; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = always_true, required = false)]
    number_erased: Option<bool>,
    /// The contact's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    contact_id: Option<String>,
    /// Why, for people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    reason: Option<String>,
    /// Where it came from: `api`, `import`, `agent-tool` for the agent during a call, `post-call` for
    /// what was collected in a conversation, or the word of the request.
    source: String,
    /// The voice provider's ID of the conversation in which the callee said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    conversation_id: Option<String>,
    /// When it was recorded.
    #[schema(format = DateTime)]
    created_at: String,
    /// The ID of the user who recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    created_by: Option<String>,
    /// When it ends; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    expires_at: Option<String>,
}

/// A permission on record. Times are in ISO 8601, UTC.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CalleesConsent)]
pub(crate) struct ConsentDocument {
    /// The consent's ID.
    id: String,
    /// The number, E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    phone_number: Option<String>,
    /// The contact's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    contact_id: Option<String>,
    #[schema(schema_with = kind_schema)]
    kind: &'static str,
    /// When it was given.
    #[schema(format = DateTime)]
    given_at: String,
    /// How it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    method: Option<String>,
    /// Where the evidence is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    evidence: Option<String>,
    /// When it ends; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    expires_at: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    revoked_at: Option<String>,
    /// When it was recorded.
    #[schema(format = DateTime)]
    created_at: String,
    /// The ID of the user who recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    created_by: Option<String>,
}

/// A suppression, as it is stored.
#[derive(Serialize, ToSchema)]
#[schema(
    as = CalleesSuppressionResponse,
    example = json!({
        "success": true,
        "suppression": {
            "id": "64f0a1b2c3d4e5f6a7b8ee00",
            "phoneNumber": "+14165550110",
            "reason": "asked by letter",
            "source": "letter",
            "createdAt": "2026-03-02T09:00:00.000Z",
            "createdBy": "64f0a1b2c3d4e5f6a7b8aa00"
        }
    })
)]
pub(crate) struct SuppressionResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    suppression: SuppressionDocument,
}

/// A page of suppressions, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CalleesSuppressionsResponse,
    example = json!({
        "success": true,
        "suppressions": [{
            "id": "64f0a1b2c3d4e5f6a7b8ee00",
            "phoneNumber": "+14165550110",
            "contactId": "64f0a1b2c3d4e5f6a7b8c9d0",
            "source": "agent-tool",
            "conversationId": "eleven-conv-abc123",
            "createdAt": "2026-03-02T09:00:00.000Z"
        }]
    })
)]
pub(crate) struct SuppressionsResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    suppressions: Vec<SuppressionDocument>,
    /// The value of `before` for the next page; absent if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// The suppression is removed.
#[derive(Serialize, ToSchema)]
#[schema(as = CalleesSuppressionRemovedResponse, example = json!({ "success": true }))]
pub(crate) struct SuppressionRemovedResponse {
    #[schema(schema_with = always_true)]
    success: bool,
}

/// A consent, as it is stored.
#[derive(Serialize, ToSchema)]
#[schema(
    as = CalleesConsentResponse,
    example = json!({
        "success": true,
        "consent": {
            "id": "64f0a1b2c3d4e5f6a7b8ff00",
            "phoneNumber": "+14165550110",
            "kind": "express",
            "givenAt": "2026-03-02T09:00:00.000Z",
            "method": "web form",
            "evidence": "crm:forms/4711",
            "createdAt": "2026-03-02T09:00:01.000Z",
            "createdBy": "64f0a1b2c3d4e5f6a7b8aa00"
        }
    })
)]
pub(crate) struct ConsentResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    consent: ConsentDocument,
}

/// A page of consents, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CalleesConsentsResponse,
    example = json!({
        "success": true,
        "consents": [{
            "id": "64f0a1b2c3d4e5f6a7b8ff00",
            "phoneNumber": "+14165550110",
            "kind": "express",
            "givenAt": "2026-03-02T09:00:00.000Z",
            "revokedAt": "2026-03-09T12:00:00.000Z",
            "createdAt": "2026-03-02T09:00:01.000Z"
        }]
    })
)]
pub(crate) struct ConsentsResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    consents: Vec<ConsentDocument>,
    /// The value of `before` for the next page; absent if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// The cursor of the page after a record, if the page of it is full.
fn next_cursor<T>(records: &[T], limit: u32, key: impl Fn(&T) -> (Timestamp, &str)) -> Option<String> {
    let is_full = u32::try_from(records.len()).is_ok_and(|records| records >= limit);
    let (time, id) = key(records.last().filter(|_| is_full)?);
    Some(cursor::after_key(&format!("{} {id}", time.unix_millis())))
}

impl SuppressionResponse {
    pub(crate) fn new(suppression: &Suppression) -> Self {
        Self { success: true, suppression: suppression.into() }
    }
}

impl SuppressionRemovedResponse {
    pub(crate) const fn new() -> Self {
        Self { success: true }
    }
}

impl SuppressionsResponse {
    /// The response with a page of at most `limit` suppressions.
    pub(crate) fn new(page: &[Suppression], limit: u32) -> Self {
        let next_cursor = next_cursor(page, limit, |last| (last.created_at, last.id.as_str()));
        Self {
            success: true,
            suppressions: page.iter().map(SuppressionDocument::from).collect(),
            next_cursor,
        }
    }
}

impl ConsentResponse {
    pub(crate) fn new(consent: &ConsentRecord) -> Self {
        Self { success: true, consent: consent.into() }
    }
}

impl ConsentsResponse {
    /// The response with a page of at most `limit` consents.
    pub(crate) fn new(page: &[ConsentRecord], limit: u32) -> Self {
        let next_cursor = next_cursor(page, limit, |last| (last.created_at, last.id.as_str()));
        Self { success: true, consents: page.iter().map(ConsentDocument::from).collect(), next_cursor }
    }
}

impl From<&Suppression> for SuppressionDocument {
    fn from(suppression: &Suppression) -> Self {
        Self {
            id: suppression.id.to_string(),
            phone_number: suppression.phone_number.as_ref().map(|number| number.as_e164().to_owned()),
            number_erased: suppression.number_is_erased.then_some(true),
            contact_id: suppression.contact_id.as_ref().map(ToString::to_string),
            reason: suppression.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            source: suppression.source.as_str().to_owned(),
            conversation_id: suppression.conversation_id.as_ref().map(ToString::to_string),
            created_at: iso8601(suppression.created_at),
            created_by: suppression.created_by.as_ref().map(ToString::to_string),
            expires_at: suppression.expires_at.map(iso8601),
        }
    }
}

impl From<&ConsentRecord> for ConsentDocument {
    fn from(record: &ConsentRecord) -> Self {
        Self {
            id: record.id.to_string(),
            phone_number: record.phone_number.as_ref().map(|number| number.as_e164().to_owned()),
            contact_id: record.contact_id.as_ref().map(ToString::to_string),
            kind: record.consent.kind.as_str(),
            given_at: iso8601(record.consent.given_at),
            method: record.method.as_ref().map(|method| method.as_str().to_owned()),
            evidence: record.evidence.as_ref().map(|evidence| evidence.as_str().to_owned()),
            expires_at: record.consent.expires_at.map(iso8601),
            revoked_at: record.consent.revoked_at.map(iso8601),
            created_at: iso8601(record.created_at),
            created_by: record.created_by.as_ref().map(ToString::to_string),
        }
    }
}

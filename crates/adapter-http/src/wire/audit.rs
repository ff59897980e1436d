use domain::{AuditRecord, AuditSequence, HistoryFilter};
use event_json::iso8601;
use event_json::schema::always_true;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::parameters::{self, Problems, number};
use crate::failure::InvalidRequest;

/// The longest name of an action.
const MAX_ACTION_LEN: usize = 64;

/// The parameters of the list.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParameters {
    /// Only records with this action.
    #[param(value_type = String, required = false, max_length = 64, pattern = "^[a-z_]+$")]
    action: Option<String>,
    /// The largest number of records in the page.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `nextCursor` of the previous page: only records older than those of that page.
    #[param(value_type = String, required = false, max_length = 19, pattern = "^[0-9]+$")]
    before: Option<String>,
}

/// The page that a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AuditPage {
    pub(crate) action: Option<Box<str>>,
    pub(crate) before: Option<AuditSequence>,
    pub(crate) limit: u32,
}

/// A page of records, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = AuditResponse,
    example = json!({
        "success": true,
        "records": [{
            "position": 17,
            "timestamp": "2026-03-02T09:12:35.120Z",
            "userId": "64f0a1b2c3d4e5f6a7b8aa00",
            "action": "calling_policy_changed",
            "detail": { "revision": 4, "policy": { "timeZone": "America/Toronto" } }
        }],
        "nextCursor": "17"
    })
)]
pub(crate) struct AuditResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    records: Vec<AuditDocument>,
    /// The value of `before` for the next page; absent if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// A change.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditRecord)]
pub(crate) struct AuditDocument {
    /// Its position among the records of all organizations; a later change has a greater one.
    position: AuditSequence,
    /// When it was made, in ISO 8601, UTC.
    #[schema(format = DateTime)]
    timestamp: String,
    /// The user who made it. Absent if it was an import.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    user_id: Option<String>,
    /// What was changed, for example `calling_policy_changed` or `vendor_credentials_changed`. Later releases add actions.
    action: String,
    /// The ID of what was changed, if there can be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    object_id: Option<String>,
    /// More about the change. Of a policy: its `revision`, and the new `policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    detail: Option<Box<RawValue>>,
}

impl AuditParameters {
    /// Parses a query string. Empty parameters count as absent, unknown ones are refused.
    pub(crate) fn parse(query: &str) -> Result<AuditPage, InvalidRequest> {
        let Self { action, limit, before } = parameters::read(query)?;
        let mut problems = Problems::default();
        let page = AuditPage {
            action: problems.read("action", action, "must be the name of an action", |text| {
                let is_name =
                    text.len() <= MAX_ACTION_LEN && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                is_name.then(|| text.into())
            }),
            before: problems.read("before", before, "must be the nextCursor of a page", |text| {
                text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
            }),
            limit: problems
                .read("limit", limit, "must be a whole number from 1 to 200", |text| {
                    number(text).filter(|limit| (1..=HistoryFilter::MAX_LIMIT).contains(limit))
                })
                .unwrap_or(HistoryFilter::DEFAULT_LIMIT),
        };
        problems.none_or(page)
    }
}

impl AuditResponse {
    /// The response with a page of at most `limit` records.
    pub(crate) fn new(records: Vec<AuditRecord>, limit: u32) -> Self {
        let is_full = u32::try_from(records.len()).is_ok_and(|records| records >= limit);
        let last = records.last().filter(|_| is_full);
        let next_cursor = last.map(|record| record.sequence.to_string());
        Self { success: true, records: records.into_iter().map(AuditDocument::from).collect(), next_cursor }
    }
}

impl From<AuditRecord> for AuditDocument {
    fn from(record: AuditRecord) -> Self {
        Self {
            position: record.sequence,
            timestamp: iso8601(record.at),
            user_id: record.user_id.map(|id| id.to_string()),
            action: record.action.into(),
            object_id: record.object_id.map(Into::into),
            // Stores check that it is JSON.
            detail: record.detail.and_then(|detail| RawValue::from_string(detail.into()).ok()),
        }
    }
}

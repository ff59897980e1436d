use domain::{Refusal, RefusalCode};
use event_json::iso8601;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use event_json::schema::names;

/// One reason against a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsRefusal)]
pub(crate) struct RefusalDocument {
    #[schema(schema_with = refusal_code)]
    code: &'static str,
    /// The rule: one of the calling rules, or one of the organization's own.
    rule_id: String,
    /// Where the rule is written.
    source: String,
    /// What the rule asks for, and what is the case.
    detail: String,
    /// When this reason ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    opens_at: Option<String>,
}

impl From<&Refusal> for RefusalDocument {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code.as_str(),
            rule_id: refusal.rule_id.0.to_string(),
            source: refusal.source.to_string(),
            detail: refusal.detail.to_string(),
            opens_at: refusal.opens_at.map(iso8601),
        }
    }
}

pub(crate) fn refusal_code() -> Object {
    names(RefusalCode::ALL.map(RefusalCode::as_str), "The code, as an error response has it.")
}

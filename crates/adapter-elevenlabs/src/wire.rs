//! The provider's JSON. `outcome.rs` decides what a response means.

use std::time::Duration;

use domain::ports::DialRequest;
use domain::{CallReason, CarrierCallId, ConversationId, PersonName, ProviderCode, ProviderReference};
use provider_client::client_variables;
use serde::Serialize;
use serde_json::{Map, Value};

/// `POST` places a call. Below the base URL.
pub(crate) const OUTBOUND_CALL: [&str; 4] = ["v1", "convai", "sip-trunk", "outbound-call"];

/// `GET` lists conversations; with an id appended, it returns one. Below the base URL.
pub(crate) const CONVERSATIONS: [&str; 3] = ["v1", "convai", "conversations"];

/// The body of a dial. The callee sees the number that belongs to `agent_phone_number_id`.
#[derive(Serialize)]
pub(crate) struct OutboundCall<'a> {
    agent_id: &'a str,
    agent_phone_number_id: &'a str,
    to_number: &'a str,
    conversation_initiation_client_data: ClientData<'a>,
    telephony_call_config: TelephonyCallConfig,
}

#[derive(Serialize)]
struct ClientData<'a> {
    /// Our call id. The provider has no idempotency key, and this is the only field of ours by
    /// which it can find a call.
    user_id: &'a str,
    dynamic_variables: DynamicVariables<'a>,
}

/// The variables of the agent's prompt. Every dial sends all of them: if a prompt uses a variable
/// that the call lacks, the provider hangs up a second after the callee answers.
#[derive(Serialize)]
struct DynamicVariables<'a> {
    call_reason: &'a str,
    /// The other party, here the callee. Inbound calls use the same name for their caller, so one
    /// prompt serves both directions.
    caller_name: &'a str,
    caller_number: &'a str,
    org_name: &'a str,
    #[serde(flatten)]
    of_client: Map<String, Value>,
}

#[derive(Serialize)]
struct TelephonyCallConfig {
    ringing_timeout_secs: u64,
}

impl<'a> From<&'a DialRequest> for OutboundCall<'a> {
    fn from(request: &'a DialRequest) -> Self {
        let to_number = request.to.as_e164();
        Self {
            agent_id: request.provider_agent_id.as_str(),
            agent_phone_number_id: request.provider_number_id.as_str(),
            to_number,
            conversation_initiation_client_data: ClientData {
                user_id: request.call_id.as_str(),
                dynamic_variables: DynamicVariables {
                    call_reason: request.reason.as_ref().map_or("", CallReason::as_str),
                    caller_name: request.callee_name.as_ref().map_or("", PersonName::as_str),
                    caller_number: to_number,
                    org_name: request.organization_name.as_str(),
                    of_client: client_variables(&request.variables),
                },
            },
            telephony_call_config: TelephonyCallConfig {
                ringing_timeout_secs: ringing_timeout_secs(request.ringing_timeout),
            },
        }
    }
}

/// The provider accepts whole seconds from 1 to 999. Rounded up, so that the phone does not ring
/// for less than the setting.
fn ringing_timeout_secs(timeout: Duration) -> u64 {
    timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0)).clamp(1, 999)
}

/// The body of a 200: `{"success", "message", "conversation_id", "sip_call_id"}`.
pub(crate) struct CallResponse {
    pub(crate) success: bool,
    /// Free text; it may contain a phone number.
    pub(crate) message: String,
    pub(crate) reference: ProviderReference,
}

impl CallResponse {
    /// Reads an object with a boolean `success`. All other fields may be missing or have another
    /// type: the call has been placed even if its ids are unreadable.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        // A derived `Deserialize` also accepts arrays and would read `[true]` as a success.
        let response: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let text = |key: &str| response.get(key).and_then(Value::as_str);
        Some(Self {
            success: response.get("success")?.as_bool()?,
            message: text("message").unwrap_or_default().to_owned(),
            reference: ProviderReference {
                conversation_id: text("conversation_id").and_then(|id| ConversationId::parse(id).ok()),
                carrier_call_id: text("sip_call_id").and_then(|id| CarrierCallId::parse(id).ok()),
            },
        })
    }
}

/// Reads the code of a refusal in any of the provider's four formats, or `None` if the body has
/// another format: then a proxy may have written it.
///
/// `detail` is an object with `code` (current) or `status` (legacy), a list of validation errors,
/// or a text. The last two have no code and use the HTTP status in its place.
pub(crate) fn refusal_code(status: u16, body: &[u8]) -> Option<ProviderCode> {
    let envelope: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let is_validation_error = |error: &Value| error["loc"].is_array() && error["msg"].is_string();
    match envelope.get("detail")? {
        Value::Object(detail) => {
            let text = |key: &str| detail.get(key).and_then(Value::as_str);
            text("code").or_else(|| text("status")).map(ProviderCode::from_untrusted)
        }
        Value::Array(errors) if errors.is_empty() || !errors.iter().all(is_validation_error) => None,
        Value::Array(_) | Value::String(_) => Some(ProviderCode::from_untrusted(&format!("http_{status}"))),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_rounded_up_and_kept_within_the_providers_bounds() {
        for (millis, secs) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (60_000, 60), (10_000_000, 999)] {
            assert_eq!(ringing_timeout_secs(Duration::from_millis(millis)), secs, "{millis} ms");
        }
        assert_eq!(ringing_timeout_secs(Duration::MAX), 999);
    }
}

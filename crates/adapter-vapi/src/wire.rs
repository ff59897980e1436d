//! The provider's JSON. What an answer means is decided in `outcome.rs`.

use domain::ports::DialRequest;
use domain::{CallReason, CarrierCallId, ConversationId, PersonName, ProviderCode, ProviderReference};
use serde::Serialize;
use serde_json::{Map, Value};

/// Where a dial is asked for, below the base URL; also where calls are listed, and below it each has its record.
pub(crate) const CALL: &str = "call";

/// The body of a dial. The number that shows is the one behind `phone_number_id`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateCall<'a> {
    assistant_id: &'a str,
    phone_number_id: &'a str,
    /// Our call id, at most 40 characters: the provider knows no idempotency key, and this is what a call is found by in its
    /// list, here and in `customer.external_id`.
    name: &'a str,
    customer: Customer<'a>,
    assistant_overrides: AssistantOverrides<'a>,
}

/// Without the callee's name: the provider bounds it more tightly than we do, and the agent has it as a variable.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Customer<'a> {
    number: &'a str,
    external_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssistantOverrides<'a> {
    variable_values: VariableValues<'a>,
}

/// What the assistant's prompt may name. All of them are always sent, so that no prompt shows a bare placeholder.
/// `customer` and some others are the provider's own names.
#[derive(Serialize)]
struct VariableValues<'a> {
    call_reason: &'a str,
    /// The other party, as on calls that come in, so that one prompt serves both directions: here the callee.
    caller_name: &'a str,
    caller_number: &'a str,
    org_name: &'a str,
}

impl<'a> From<&'a DialRequest> for CreateCall<'a> {
    fn from(request: &'a DialRequest) -> Self {
        let (call_id, number) = (request.call_id.as_str(), request.to.as_e164());
        Self {
            assistant_id: request.provider_agent_id.as_str(),
            phone_number_id: request.provider_number_id.as_str(),
            name: call_id,
            customer: Customer { number, external_id: call_id },
            assistant_overrides: AssistantOverrides {
                variable_values: VariableValues {
                    call_reason: request.reason.as_ref().map_or("", CallReason::as_str),
                    caller_name: request.callee_name.as_ref().map_or("", PersonName::as_str),
                    caller_number: number,
                    org_name: request.organization_name.as_str(),
                },
            },
        }
    }
}

/// The body of a 201: a call's record.
pub(crate) struct Call {
    pub(crate) reference: ProviderReference,
    /// `scheduled`, `queued`, `ringing`, `in-progress`, `forwarding`, `ended`, `not-found` or `deletion-failed`.
    pub(crate) status: Option<String>,
    /// Whether the call did not start, since as many as are allowed are under way.
    pub(crate) concurrency_blocked: bool,
}

impl Call {
    /// Reads an object that has what every record has, an organization and a time; whatever else it has may be missing or of
    /// another type, since a call that was placed stays placed whatever its ids look like.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        // A derived struct would also be read from an array.
        let call: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let text = |key: &str| call.get(key).and_then(Value::as_str);
        text("orgId").and(text("createdAt"))?;
        let blocked = call.get("subscriptionLimits").map(|limits| &limits["concurrencyBlocked"]);
        Some(Self {
            reference: ProviderReference {
                conversation_id: text("id").and_then(|id| ConversationId::parse(id).ok()),
                carrier_call_id: text("phoneCallProviderId").and_then(|id| CarrierCallId::parse(id).ok()),
            },
            status: text("status").map(str::to_owned),
            concurrency_blocked: blocked.and_then(Value::as_bool) == Some(true),
        })
    }
}

/// Reads the code of a refusal, `{"message": text or texts, "error"?: text, "statusCode": the status}`, or `None` if somebody
/// else wrote this body.
pub(crate) fn refusal_code(status: u16, body: &[u8]) -> Option<ProviderCode> {
    let refusal: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let told = match refusal.get("message")? {
        Value::String(_) => true,
        Value::Array(messages) => !messages.is_empty() && messages.iter().all(Value::is_string),
        _ => false,
    };
    if !told || refusal.get("statusCode")?.as_u64() != Some(status.into()) {
        return None;
    }
    // `error` is the status in words, `Bad Request` say. One word is a code; several could be anything.
    let word = refusal.get("error").and_then(Value::as_str).filter(|error| !error.contains(' '));
    let code = word.map_or_else(|| format!("http_{status}"), str::to_ascii_lowercase);
    Some(ProviderCode::from_untrusted(&code))
}

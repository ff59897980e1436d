//! The provider's JSON. `outcome.rs` decides what a response means.

use domain::ports::DialRequest;
use domain::{CallReason, CarrierCallId, ConversationId, PersonName, ProviderCode, ProviderReference};
use provider_client::client_variables;
use serde::Serialize;
use serde_json::{Map, Value};

/// `POST` places a call and `GET` lists calls; with an id appended, `GET` returns one call's
/// record. Below the base URL.
pub(crate) const CALL: &str = "call";

/// Our code for a call that did not start because the limit of concurrent calls is reached: the
/// provider has a flag for it, and no code.
pub(crate) const CONCURRENCY_BLOCKED: &str = "concurrency_blocked";

/// The body of a dial. The callee sees the number that belongs to `phone_number_id`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateCall<'a> {
    assistant_id: &'a str,
    phone_number_id: &'a str,
    /// Our call id; the provider allows 40 characters. The provider has no idempotency key, so this
    /// field and `customer.external_id` identify our call in its list.
    name: &'a str,
    customer: Customer<'a>,
    assistant_overrides: AssistantOverrides<'a>,
}

/// Without the callee's name: the provider's length limit is shorter than ours, and the agent has
/// the name as a variable.
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

/// The variables of the assistant's prompt. Every dial sends all of them, so that no prompt
/// contains a bare placeholder. `customer` and some others are reserved by the provider.
#[derive(Serialize)]
struct VariableValues<'a> {
    call_reason: &'a str,
    /// The other party, here the callee. Inbound calls use the same name for their caller, so one
    /// prompt serves both directions.
    caller_name: &'a str,
    caller_number: &'a str,
    org_name: &'a str,
    #[serde(flatten)]
    of_client: Map<String, Value>,
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
                    of_client: client_variables(&request.variables),
                },
            },
        }
    }
}

/// The body of a 201: a call's record.
pub(crate) struct Call {
    pub(crate) reference: ProviderReference,
    /// `scheduled`, `queued`, `ringing`, `in-progress`, `forwarding`, `ended`, `not-found` or
    /// `deletion-failed`.
    pub(crate) status: Option<String>,
    /// Whether the call did not start because the limit of concurrent calls is reached.
    pub(crate) concurrency_blocked: bool,
}

impl Call {
    /// Reads an object with the fields of every record: an organization and a time. All other
    /// fields may be missing or have another type: the call has been placed even if its ids are
    /// unreadable.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        // A derived `Deserialize` also accepts arrays.
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

/// Reads the code of a refusal, `{"message": text or texts, "error"?: text, "statusCode": the
/// status}`, or `None` if the body has another format: then a proxy may have written it.
pub(crate) fn refusal_code(status: u16, body: &[u8]) -> Option<ProviderCode> {
    let refusal: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let has_message = match refusal.get("message")? {
        Value::String(_) => true,
        Value::Array(messages) => !messages.is_empty() && messages.iter().all(Value::is_string),
        _ => false,
    };
    if !has_message || refusal.get("statusCode")?.as_u64() != Some(status.into()) {
        return None;
    }
    // `error` is a code if it is one word. Several words are free text, for example `Bad Request`.
    let word = refusal.get("error").and_then(Value::as_str).filter(|error| !error.contains(' '));
    let code = word.map_or_else(|| format!("http_{status}"), str::to_ascii_lowercase);
    Some(ProviderCode::from_untrusted(&code))
}

use domain::ports::DialRequest;
use domain::{CallReason, CarrierCallId, ConversationId, PersonName, ProviderCode, ProviderReference};
use provider_client::client_variables;
use serde::Serialize;
use serde_json::{Map, Value};

/// The body of a dial.
#[derive(Serialize)]
pub(crate) struct DialBody<'a> {
    agent: &'a str,
    from: &'a str,
    to: &'a str,
    /// Our call id. Parrot can list its calls by it.
    reference: &'a str,
    ring_secs: u64,
    variables: Variables<'a>,
}

/// All of them are always sent: an agent reads a prompt aloud even if a variable in it is missing.
#[derive(Serialize)]
struct Variables<'a> {
    call_reason: &'a str,
    caller_name: &'a str,
    caller_number: &'a str,
    org_name: &'a str,
    #[serde(flatten)]
    of_client: Map<String, Value>,
}

impl<'a> From<&'a DialRequest> for DialBody<'a> {
    fn from(request: &'a DialRequest) -> Self {
        Self {
            agent: request.provider_agent_id.as_str(),
            from: request.provider_number_id.as_str(),
            to: request.to.as_e164(),
            reference: request.call_id.as_str(),
            ring_secs: request.ringing_timeout.as_secs().max(1),
            variables: Variables {
                call_reason: request.reason.as_ref().map_or("", CallReason::as_str),
                caller_name: request.callee_name.as_ref().map_or("", PersonName::as_str),
                caller_number: request.to.as_e164(),
                org_name: request.organization_name.as_str(),
                of_client: client_variables(&request.variables),
            },
        }
    }
}

/// The body of a response with status 200: `{"accepted", "cause"?, "call"?, "leg"?}`.
pub(crate) struct DialResponse {
    pub(crate) accepted: bool,
    pub(crate) cause: String,
    pub(crate) reference: ProviderReference,
}

impl DialResponse {
    /// Requires only `accepted`, which decides. An id that we cannot use does not change that
    /// the call was accepted.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        // Not a derived struct: serde would also read that from an array.
        let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        Some(Self {
            accepted: body.get("accepted")?.as_bool()?,
            cause: text("cause").unwrap_or_default().to_owned(),
            reference: ProviderReference {
                conversation_id: text("call").and_then(|id| ConversationId::parse(id).ok()),
                carrier_call_id: text("leg").and_then(|id| CarrierCallId::parse(id).ok()),
            },
        })
    }
}

/// The code in `{"error": {"code", "text"}}`. `None` if the body is not Parrot's. The text may
/// quote a number, so it is not read.
pub(crate) fn refusal_code(body: &[u8]) -> Option<ProviderCode> {
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    body.get("error")?.get("code")?.as_str().map(ProviderCode::from_untrusted)
}

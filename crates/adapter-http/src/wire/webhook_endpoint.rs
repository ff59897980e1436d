use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{CallEventKind, WebhookEndpoint, WebhookSecret, WebhookUrl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder};

use super::call_event::kind_schema;
use super::moment::iso8601;
use super::request::sound_object;
use super::response::always_true;
use super::{ErrorDetail, RequestRefusal};

/// Where events are to be sent, and which.
// Without `Debug`: a URL may hold a token.
#[derive(Deserialize, ToSchema)]
#[schema(
    as = WebhooksRegisterEndpointRequest,
    example = json!({ "url": "https://crm.example.com/hooks/calls", "events": ["call_ended", "call_recording_ready"] })
)]
pub(crate) struct RegisterEndpointRequest {
    /// A URL of at most 2048 characters, without user name and password, on a host that has public addresses alone.
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    url: Value,
    #[serde(default)]
    #[schema(schema_with = kinds_schema, required = false)]
    events: Value,
}

/// A URL that events are sent to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhooksEndpoint)]
pub(crate) struct EndpointDocument {
    /// The endpoint's ID.
    id: String,
    /// Where events are sent.
    url: String,
    #[schema(schema_with = kinds_schema)]
    events: Vec<&'static str>,
    /// When it was registered, in ISO 8601, UTC.
    #[schema(format = DateTime)]
    created_at: String,
}

/// The endpoint is registered.
#[derive(Serialize, ToSchema)]
#[schema(
    as = WebhooksEndpointRegisteredResponse,
    example = json!({
        "success": true,
        "endpoint": {
            "id": "64f0a1b2c3d4e5f6a7b8dd00",
            "url": "https://crm.example.com/hooks/calls",
            "events": ["call_ended", "call_recording_ready"],
            "createdAt": "2026-03-02T09:00:00.000Z"
        },
        "secret": "whsec_b3V0ZGlhbCBleGFtcGxlIHNlY3JldCwgMzIgYnl0ZXM="
    })
)]
pub(crate) struct EndpointRegisteredResponse {
    /// Always true here.
    #[schema(schema_with = always_true)]
    success: bool,
    endpoint: EndpointDocument,
    /// What deliveries are signed with: `whsec_` and the key in base64. It is shown here alone.
    secret: String,
}

/// The organization's endpoints, oldest first.
#[derive(Serialize, ToSchema)]
#[schema(
    as = WebhooksEndpointsResponse,
    example = json!({
        "success": true,
        "endpoints": [{
            "id": "64f0a1b2c3d4e5f6a7b8dd00",
            "url": "https://crm.example.com/hooks/calls",
            "events": ["call_ended", "call_recording_ready"],
            "createdAt": "2026-03-02T09:00:00.000Z"
        }]
    })
)]
pub(crate) struct EndpointsResponse {
    /// Always true here.
    #[schema(schema_with = always_true)]
    success: bool,
    endpoints: Vec<EndpointDocument>,
}

/// The endpoint is removed.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhooksEndpointRemovedResponse, example = json!({ "success": true }))]
pub(crate) struct EndpointRemovedResponse {
    /// Always true here.
    #[schema(schema_with = always_true)]
    success: bool,
}

/// The secret is replaced.
#[derive(Serialize, ToSchema)]
#[schema(
    as = WebhooksSecretReplacedResponse,
    example = json!({ "success": true, "secret": "whsec_b3V0ZGlhbCBleGFtcGxlIHNlY3JldCwgMzIgYnl0ZXM=" })
)]
pub(crate) struct SecretReplacedResponse {
    /// Always true here.
    #[schema(schema_with = always_true)]
    success: bool,
    /// What deliveries are signed with from now on: `whsec_` and the key in base64. It is shown here alone.
    secret: String,
}

impl RegisterEndpointRequest {
    /// Reads a body: one JSON object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, RequestRefusal> {
        let text = sound_object(body)?;
        serde_json::from_str(text).map_err(|_| RequestRefusal::body("a field is given twice"))
    }

    /// The URL, and the kinds of events that are named; none where every kind is meant.
    pub(crate) fn read(&self) -> Result<(WebhookUrl, Vec<CallEventKind>), RequestRefusal> {
        let url = self.url.as_str().and_then(|text| WebhookUrl::parse(text).ok());
        match (url, kinds(&self.events)) {
            (Some(url), Some(kinds)) => Ok((url, kinds)),
            (url, kinds) => {
                let otherwise = "must be an http or https URL of at most 2048 characters";
                let url = url.is_none().then_some(ErrorDetail { field: Some("url"), message: otherwise });
                let otherwise = "must be a list of at least one name of an event";
                let events =
                    kinds.is_none().then_some(ErrorDetail { field: Some("events"), message: otherwise });
                Err(RequestRefusal(url.into_iter().chain(events).collect()))
            }
        }
    }
}

impl EndpointRegisteredResponse {
    pub(crate) fn new(endpoint: &WebhookEndpoint) -> Self {
        Self { success: true, endpoint: endpoint.into(), secret: shown(&endpoint.secret) }
    }
}

impl EndpointsResponse {
    pub(crate) fn new(endpoints: &[WebhookEndpoint]) -> Self {
        Self { success: true, endpoints: endpoints.iter().map(EndpointDocument::from).collect() }
    }
}

impl EndpointRemovedResponse {
    pub(crate) const fn new() -> Self {
        Self { success: true }
    }
}

impl SecretReplacedResponse {
    pub(crate) fn new(secret: &WebhookSecret) -> Self {
        Self { success: true, secret: shown(secret) }
    }
}

impl From<&WebhookEndpoint> for EndpointDocument {
    fn from(endpoint: &WebhookEndpoint) -> Self {
        Self {
            id: endpoint.id.to_string(),
            url: endpoint.url.as_str().to_owned(),
            events: endpoint.kinds.iter().map(|kind| kind.as_str()).collect(),
            created_at: iso8601(endpoint.created_at),
        }
    }
}

/// As Standard Webhooks has it.
fn shown(secret: &WebhookSecret) -> String {
    format!("whsec_{}", STANDARD.encode(secret.expose()))
}

/// The kinds that are named. An empty list is refused: who writes it may mean none, which no endpoint is for.
fn kinds(events: &Value) -> Option<Vec<CallEventKind>> {
    match events {
        Value::Null => Some(Vec::new()),
        Value::Array(names) if !names.is_empty() => {
            names.iter().map(|name| CallEventKind::from_name(name.as_str()?)).collect()
        }
        _ => None,
    }
}

fn kinds_schema() -> Array {
    let meaning = "Which events are sent; every kind where none is named.";
    ArrayBuilder::new().items(kind_schema()).min_items(Some(1)).description(Some(meaning)).build()
}

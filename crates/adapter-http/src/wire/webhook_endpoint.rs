use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{CallEventKind, WebhookEndpoint, WebhookSecret, WebhookUrl};
use event_json::iso8601;
use event_json::schema::{always_true, event_kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder};

use super::json_object::json_object;
use super::parameters::Problems;
use crate::failure::InvalidRequest;

/// The URL that receives events, and which events.
// Without `Debug`: a URL may hold a token.
#[derive(Deserialize, ToSchema)]
#[schema(
    as = WebhooksRegisterEndpointRequest,
    example = json!({ "url": "https://crm.example.com/hooks/calls", "events": ["call_ended", "call_recording_ready"] })
)]
pub(crate) struct RegisterEndpointRequest {
    /// A URL of at most 2048 characters, without user name and password, on a host that has only
    /// public addresses.
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    url: Value,
    #[serde(default)]
    #[schema(schema_with = kinds_schema, required = false)]
    events: Value,
}

/// A URL that receives events.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhooksEndpoint)]
pub(crate) struct EndpointDocument {
    /// The endpoint's ID.
    id: String,
    /// The URL that receives events.
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
    #[schema(schema_with = always_true)]
    success: bool,
    endpoint: EndpointDocument,
    /// The secret that signs deliveries: `whsec_` and the key in base64. No other response shows
    /// it.
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
    #[schema(schema_with = always_true)]
    success: bool,
    endpoints: Vec<EndpointDocument>,
}

/// The endpoint is removed.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhooksEndpointRemovedResponse, example = json!({ "success": true }))]
pub(crate) struct EndpointRemovedResponse {
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
    #[schema(schema_with = always_true)]
    success: bool,
    /// The secret that signs deliveries from now on: `whsec_` and the key in base64. No other
    /// response shows it.
    secret: String,
}

impl RegisterEndpointRequest {
    /// Parses a body: one JSON object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let text = json_object(body)?;
        serde_json::from_str(text).map_err(|_| InvalidRequest::body("a field is given twice"))
    }

    /// The URL and the kinds of events; an empty list means every kind.
    pub(crate) fn read(&self) -> Result<(WebhookUrl, Vec<CallEventKind>), InvalidRequest> {
        let url = self.url.as_str().and_then(|text| WebhookUrl::parse(text).ok());
        match (url, kinds(&self.events)) {
            (Some(url), Some(kinds)) => Ok((url, kinds)),
            (url, kinds) => {
                let mut problems = Problems::default();
                if url.is_none() {
                    problems.add("url", "must be an http or https URL of at most 2048 characters");
                }
                if kinds.is_none() {
                    problems.add("events", "must be a list of at least one name of an event");
                }
                Err(problems.into())
            }
        }
    }
}

impl EndpointRegisteredResponse {
    pub(crate) fn new(endpoint: &WebhookEndpoint) -> Self {
        Self { success: true, endpoint: endpoint.into(), secret: standard_form(&endpoint.secret) }
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
        Self { success: true, secret: standard_form(secret) }
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

/// In the form of Standard Webhooks.
fn standard_form(secret: &WebhookSecret) -> String {
    format!("whsec_{}", STANDARD.encode(secret.expose()))
}

/// The named kinds. An empty list is refused: its author may mean no event at all, and such an
/// endpoint has no use.
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
    let meaning = "The events that it receives; every kind if none is named.";
    ArrayBuilder::new().items(event_kind()).min_items(Some(1)).description(Some(meaning)).build()
}

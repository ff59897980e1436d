use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ports::SendOutcome;
use domain::{CallEventKind, ChangeEndpoint, SuspensionReason, WebhookEndpoint, WebhookSecret, WebhookUrl};
use event_json::iso8601;
use event_json::schema::{always_true, event_kind, names};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object};

use super::json_object::fields;
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
    #[schema(value_type = String, required = true, max_length = 2048, pattern = "^[Hh][Tt][Tt][Pp][Ss]?://")]
    url: Value,
    #[serde(default)]
    #[schema(schema_with = kinds_schema, required = false)]
    events: Value,
}

/// What changes at an endpoint. Whatever is absent stays the same.
// Without `Debug`: a URL may hold a token.
#[derive(Deserialize, ToSchema)]
#[schema(as = WebhooksChangeEndpointRequest, example = json!({ "status": "paused" }))]
pub(crate) struct ChangeEndpointRequest {
    /// A URL as at the registration. Events that wait are sent to it too.
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 2048, pattern = "^[Hh][Tt][Tt][Pp][Ss]?://")]
    url: Value,
    #[serde(default)]
    #[schema(schema_with = kinds_schema, required = false)]
    events: Value,
    #[serde(default)]
    #[schema(schema_with = new_status_schema, required = false)]
    status: Value,
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
    #[schema(schema_with = status_schema)]
    status: &'static str,
    /// Since when it is paused or disabled, in ISO 8601, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    suspended_at: Option<String>,
    /// Why it is disabled: `gone` if its receiver responded 410.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    disabled_reason: Option<&'static str>,
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
            "status": "active",
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
            "status": "active",
            "createdAt": "2026-03-02T09:00:00.000Z"
        }]
    })
)]
pub(crate) struct EndpointsResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    endpoints: Vec<EndpointDocument>,
}

/// The endpoint is changed.
#[derive(Serialize, ToSchema)]
#[schema(
    as = WebhooksEndpointChangedResponse,
    example = json!({
        "success": true,
        "endpoint": {
            "id": "64f0a1b2c3d4e5f6a7b8dd00",
            "url": "https://crm.example.com/hooks/calls",
            "events": ["call_ended", "call_recording_ready"],
            "status": "paused",
            "suspendedAt": "2026-03-02T10:00:00.000Z",
            "createdAt": "2026-03-02T09:00:00.000Z"
        }
    })
)]
pub(crate) struct EndpointChangedResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    endpoint: EndpointDocument,
}

/// What came of a test event.
#[derive(Serialize, ToSchema)]
#[schema(
    as = WebhooksEndpointTestedResponse,
    example = json!({ "success": true, "accepted": false, "failure": "status-404" })
)]
pub(crate) struct EndpointTestedResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    /// Whether the receiver responded with 2xx.
    accepted: bool,
    /// Why the attempt failed: `status-<HTTP status>`, `timed-out`, `unreachable`,
    /// `forbidden-address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    failure: Option<String>,
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
        fields(body)
    }

    /// The URL and the kinds of events; an empty list means every kind.
    pub(crate) fn read(&self) -> Result<(WebhookUrl, Vec<CallEventKind>), InvalidRequest> {
        let url = self.url.as_str().and_then(|text| WebhookUrl::parse(text).ok());
        match (url, kinds(&self.events)) {
            (Some(url), Some(kinds)) => Ok((url, kinds)),
            (url, kinds) => {
                let mut problems = Problems::default();
                if url.is_none() {
                    problems.add("url", INVALID_URL);
                }
                if kinds.is_none() {
                    problems.add("events", INVALID_EVENTS);
                }
                Err(problems.into())
            }
        }
    }
}

const INVALID_URL: &str = "must be an http or https URL of at most 2048 characters";
const INVALID_EVENTS: &str = "must be a list of at least one name of an event";

impl ChangeEndpointRequest {
    /// Parses a body: one JSON object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        fields(body)
    }

    /// The change. `null` counts as absent.
    pub(crate) fn read(&self) -> Result<ChangeEndpoint, InvalidRequest> {
        let mut problems = Problems::default();
        let mut check = |value: &Value, name, message, is_valid: bool| {
            if !value.is_null() && !is_valid {
                problems.add(name, message);
            }
        };
        let url = self.url.as_str().and_then(|text| WebhookUrl::parse(text).ok());
        check(&self.url, "url", INVALID_URL, url.is_some());
        let kinds = kinds(&self.events).filter(|_| !self.events.is_null());
        check(&self.events, "events", INVALID_EVENTS, kinds.is_some());
        let active = match self.status.as_str() {
            Some("active") => Some(true),
            Some("paused") => Some(false),
            _ => None,
        };
        check(&self.status, "status", "must be active or paused", active.is_some());
        problems.none_or(ChangeEndpoint { url, kinds, active })
    }
}

impl EndpointChangedResponse {
    pub(crate) fn new(endpoint: &WebhookEndpoint) -> Self {
        Self { success: true, endpoint: endpoint.into() }
    }
}

impl EndpointTestedResponse {
    pub(crate) fn new(outcome: SendOutcome) -> Self {
        let failure = match outcome {
            SendOutcome::Accepted => None,
            SendOutcome::Failed { failure, .. } => Some(failure.to_string()),
        };
        Self { success: true, accepted: failure.is_none(), failure }
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
            status: match endpoint.suspension.map(|suspension| suspension.reason) {
                None => ACTIVE,
                Some(SuspensionReason::Paused) => PAUSED,
                Some(SuspensionReason::Gone) => DISABLED,
            },
            suspended_at: endpoint.suspension.map(|suspension| iso8601(suspension.since)),
            disabled_reason: endpoint
                .suspension
                .map(|suspension| suspension.reason)
                .filter(|reason| *reason == SuspensionReason::Gone)
                .map(SuspensionReason::as_str),
            created_at: iso8601(endpoint.created_at),
        }
    }
}

const ACTIVE: &str = "active";
const PAUSED: &str = "paused";
const DISABLED: &str = "disabled";

pub(crate) fn status_schema() -> Object {
    let meaning = "Events are sent; the organization paused the endpoint; the gateway disabled it, because its \
                   receiver does not exist any more. The events of the last two wait.";
    names([ACTIVE, PAUSED, DISABLED], meaning)
}

fn new_status_schema() -> Object {
    names([ACTIVE, PAUSED], "Send events, also those that wait and the dead letters; or let them wait.")
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

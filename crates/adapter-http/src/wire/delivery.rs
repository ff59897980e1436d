use domain::{DeliveryFilter, DeliveryRecord, DeliveryState, WebhookEndpointId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};

use super::RequestRefusal;
use super::call::names;
use super::call_event::kind_schema;
use super::moment::iso8601;
use super::parameters::{self, Problems, number, position};
use super::response::always_true;

/// The parameters of the list, as they stand in the query.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryParameters {
    #[param(schema_with = state_schema, required = false)]
    state: Option<String>,
    /// How many deliveries to answer at most.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `nextCursor` of the page before: deliveries of events older than those of that page alone.
    #[param(value_type = String, required = false)]
    before: Option<String>,
}

/// A page of deliveries, newest event first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = WebhooksDeliveriesResponse,
    example = json!({
        "success": true,
        "deliveries": [{
            "eventId": "evt_64f0a1b2c3d4e5f6a7b8d111_call_ended_completed",
            "position": 4711,
            "type": "call_ended",
            "callId": "64f0a1b2c3d4e5f6a7b8d111",
            "state": "pending",
            "attempts": 2,
            "queuedAt": "2026-03-02T09:12:35.120Z",
            "nextAttemptAt": "2026-03-02T09:13:10.000Z",
            "lastFailure": "status-503"
        }],
        "nextCursor": "4711"
    })
)]
pub(crate) struct DeliveriesResponse {
    /// Always true here.
    #[schema(schema_with = always_true)]
    success: bool,
    deliveries: Vec<DeliveryDocument>,
    /// What to pass as `before` for the page after this one; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// An event on its way to an endpoint. Moments are in ISO 8601, UTC.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhooksDelivery)]
pub(crate) struct DeliveryDocument {
    /// What the event is known by: the delivery's `webhook-id`.
    event_id: String,
    /// The event's place in the order of events: the `id` of a stream.
    position: i64,
    #[serde(rename = "type")]
    #[schema(schema_with = kind_schema)]
    kind: &'static str,
    /// The gateway's ID of the call.
    call_id: String,
    #[schema(schema_with = state_schema)]
    state: &'static str,
    /// How often it was attempted since it was queued.
    attempts: u32,
    /// When it was queued, first or by a replay.
    #[schema(format = DateTime)]
    queued_at: String,
    /// When it is attempted next, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    next_attempt_at: Option<String>,
    /// When it was taken or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    concluded_at: Option<String>,
    /// What the last attempt failed of: `status-<HTTP status>`, `timed-out`, `unreachable`, `forbidden-address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    last_failure: Option<String>,
}

impl DeliveryParameters {
    /// Reads a query string. Empty parameters count as absent, unknown ones are ignored.
    pub(crate) fn parse(
        query: &str,
        endpoint_id: &WebhookEndpointId,
    ) -> Result<DeliveryFilter, RequestRefusal> {
        let Self { state, limit, before } = parameters::read(query)?;
        let mut problems = Problems::default();
        let most = DeliveryFilter::MAX_LIMIT;
        let filter = DeliveryFilter {
            endpoint_id: Some(endpoint_id.clone()),
            state: problems.read("state", state, "must be a state of deliveries", DeliveryState::from_name),
            limit: problems
                .read("limit", limit, "must be a whole number from 1 to 200", |text| {
                    number(text).filter(|limit| (1..=most).contains(limit))
                })
                .unwrap_or(DeliveryFilter::DEFAULT_LIMIT),
            before: problems
                .read("before", before, "must be the nextCursor of a page", position)
                .map(|sequence| (sequence, endpoint_id.clone())),
        };
        problems.none_or(filter)
    }
}

impl DeliveriesResponse {
    /// What a page of at most `limit` deliveries is answered with.
    pub(crate) fn new(deliveries: &[DeliveryRecord], limit: u32) -> Self {
        let is_full = u32::try_from(deliveries.len()).is_ok_and(|deliveries| deliveries >= limit);
        let last = deliveries.last().filter(|_| is_full);
        let next_cursor = last.map(|delivery| delivery.sequence.number().to_string());
        Self {
            success: true,
            deliveries: deliveries.iter().map(DeliveryDocument::from).collect(),
            next_cursor,
        }
    }
}

impl From<&DeliveryRecord> for DeliveryDocument {
    fn from(delivery: &DeliveryRecord) -> Self {
        Self {
            event_id: delivery.event_id.to_string(),
            position: delivery.sequence.number(),
            kind: delivery.kind.as_str(),
            call_id: delivery.call_id.to_string(),
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            queued_at: iso8601(delivery.queued_at),
            next_attempt_at: delivery.next_attempt_at.map(iso8601),
            concluded_at: delivery.concluded_at.map(iso8601),
            last_failure: delivery.last_failure.map(|failure| failure.to_string()),
        }
    }
}

fn state_schema() -> Object {
    let meaning = "Where the delivery stands: it is attempted, now or later; it was taken; it was given up.";
    names(DeliveryState::ALL.map(DeliveryState::as_str), meaning)
}

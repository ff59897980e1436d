use domain::{DeliveryFilter, DeliveryRecord, DeliveryState, WebhookEndpointId};
use event_json::iso8601;
use event_json::schema::{always_true, event_kind, names};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};

use super::parameters::{self, Problems, number, sequence};
use crate::failure::InvalidRequest;

/// The parameters of the list.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryParameters {
    #[param(schema_with = state_schema, required = false)]
    state: Option<String>,
    /// The largest number of deliveries in the page.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `nextCursor` of the previous page: only deliveries of events older than those of that
    /// page.
    #[param(value_type = String, required = false, max_length = 19, pattern = "^[0-9]+$")]
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
    #[schema(schema_with = always_true)]
    success: bool,
    deliveries: Vec<DeliveryDocument>,
    /// The value of `before` for the next page; absent if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// The delivery of one event to one endpoint. Times are in ISO 8601, UTC.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhooksDelivery)]
pub(crate) struct DeliveryDocument {
    /// The ID of the event: the delivery's `webhook-id`.
    event_id: String,
    /// The event's sequence number: its `id` in a stream.
    position: i64,
    #[serde(rename = "type")]
    #[schema(schema_with = event_kind)]
    kind: &'static str,
    /// The gateway's ID of the call.
    call_id: String,
    #[schema(schema_with = state_schema)]
    state: &'static str,
    /// The number of attempts since it was queued.
    attempts: u32,
    /// When it was queued, the first time or by a replay.
    #[schema(format = DateTime)]
    queued_at: String,
    /// When the gateway attempts it next, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    next_attempt_at: Option<String>,
    /// When the endpoint acknowledged it, or the gateway stopped its attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    concluded_at: Option<String>,
    /// Why the last attempt failed: `status-<HTTP status>`, `timed-out`, `unreachable`,
    /// `forbidden-address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    last_failure: Option<String>,
}

impl DeliveryParameters {
    /// Parses a query string. Empty parameters count as absent, unknown ones are refused.
    pub(crate) fn parse(
        query: &str,
        endpoint_id: &WebhookEndpointId,
    ) -> Result<DeliveryFilter, InvalidRequest> {
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
                .read("before", before, "must be the nextCursor of a page", sequence)
                .map(|sequence| (sequence, endpoint_id.clone())),
        };
        problems.none_or(filter)
    }
}

impl DeliveriesResponse {
    /// The response with a page of at most `limit` deliveries.
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

pub(crate) fn state_schema() -> Object {
    let meaning = "The gateway attempts the delivery, now or later; the endpoint acknowledged it; the gateway \
                   stopped its attempts.";
    names(DeliveryState::ALL.map(DeliveryState::as_str), meaning)
}

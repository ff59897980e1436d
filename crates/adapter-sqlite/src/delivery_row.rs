//! A delivery, as it is handed out and as it is listed.

use domain::ports::PortUnavailable;
use domain::{
    CallEvent, CallId, DeliveryFailure, DeliveryRecord, DeliveryState, DueDelivery, EventId, Timestamp,
    WebhookEndpointId,
};

use crate::endpoints::{previous_secret, secret, url};
use crate::events::{EventRow, kind, sequence, status};
use crate::failure::unreadable;

/// Deliveries with their events: the rest of the statement, its arguments.
macro_rules! select_deliveries {
    ($rest:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            DeliveryRow,
            "select deliveries.endpoint_id, deliveries.position, events.call_id, events.kind, events.status_rank,
                    deliveries.state, deliveries.attempts, deliveries.queued_at, deliveries.due_at,
                    deliveries.concluded_at, deliveries.last_failure
             from webhook_deliveries deliveries
             join call_events events on events.written_order = deliveries.position
             " + $rest,
            $($argument),+
        )
    };
}
pub(crate) use select_deliveries;

/// A delivery that is due, with everything that is sent. It holds secrets, and has no `Debug`.
pub(crate) struct DueRow {
    pub(crate) endpoint_id: String,
    pub(crate) url: String,
    pub(crate) secret: Vec<u8>,
    pub(crate) previous_secret: Option<Vec<u8>>,
    pub(crate) previous_until: Option<i64>,
    pub(crate) attempts: i64,
    pub(crate) queued_at: i64,
    pub(crate) position: i64,
    pub(crate) call_id: String,
    pub(crate) kind: String,
    pub(crate) status_rank: i64,
    pub(crate) organization_id: String,
    pub(crate) conversation_id: Option<String>,
    pub(crate) user_id: String,
    pub(crate) contact_id: String,
    pub(crate) agent_id: String,
    pub(crate) from_number: String,
    pub(crate) to_number: String,
    pub(crate) happened_at: i64,
}

impl DueRow {
    /// The delivery, its attempts being those before this one.
    pub(crate) fn handed_out(self, now: Timestamp) -> Result<DueDelivery, PortUnavailable> {
        let mut secrets = vec![secret(&self.secret)?];
        if let (Some(previous), Some(until)) = (self.previous_secret, self.previous_until)
            && Timestamp::from_unix_millis(until) > now
        {
            secrets.push(previous_secret(&previous)?);
        }
        let event = EventRow {
            position: self.position,
            call_id: self.call_id,
            kind: self.kind,
            status_rank: self.status_rank,
            organization_id: self.organization_id,
            conversation_id: self.conversation_id,
            user_id: self.user_id,
            contact_id: self.contact_id,
            agent_id: self.agent_id,
            from_number: self.from_number,
            to_number: self.to_number,
            happened_at: self.happened_at,
        };
        Ok(DueDelivery {
            endpoint_id: endpoint_id(&self.endpoint_id)?,
            url: url(&self.url)?,
            secrets,
            event: CallEvent::try_from(event)?,
            attempt: attempts(self.attempts.saturating_add(1))?,
            queued_at: Timestamp::from_unix_millis(self.queued_at),
        })
    }
}

/// A delivery that is listed.
pub(crate) struct DeliveryRow {
    pub(crate) endpoint_id: String,
    pub(crate) position: i64,
    pub(crate) call_id: String,
    pub(crate) kind: String,
    pub(crate) status_rank: i64,
    pub(crate) state: String,
    pub(crate) attempts: i64,
    pub(crate) queued_at: i64,
    pub(crate) due_at: i64,
    pub(crate) concluded_at: Option<i64>,
    pub(crate) last_failure: Option<String>,
}

impl TryFrom<DeliveryRow> for DeliveryRecord {
    type Error = PortUnavailable;

    fn try_from(row: DeliveryRow) -> Result<Self, PortUnavailable> {
        let call_id = CallId::parse(&row.call_id).map_err(unreadable("call_events.call_id"))?;
        let kind = kind(&row.kind)?;
        let state =
            DeliveryState::from_name(&row.state).ok_or(()).map_err(unreadable("webhook_deliveries.state"))?;
        let last_failure = row.last_failure.map(|name| DeliveryFailure::from_name(&name).ok_or(()));
        Ok(Self {
            endpoint_id: endpoint_id(&row.endpoint_id)?,
            sequence: sequence(row.position)?,
            event_id: EventId::of(&call_id, kind, status(row.status_rank)?),
            kind,
            call_id,
            state,
            attempts: attempts(row.attempts)?,
            queued_at: Timestamp::from_unix_millis(row.queued_at),
            next_attempt_at: (state == DeliveryState::Pending)
                .then(|| Timestamp::from_unix_millis(row.due_at)),
            concluded_at: row.concluded_at.map(Timestamp::from_unix_millis),
            last_failure: last_failure.transpose().map_err(unreadable("webhook_deliveries.last_failure"))?,
        })
    }
}

fn endpoint_id(id: &str) -> Result<WebhookEndpointId, PortUnavailable> {
    WebhookEndpointId::parse(id).map_err(unreadable("webhook_deliveries.endpoint_id"))
}

fn attempts(number: i64) -> Result<u32, PortUnavailable> {
    u32::try_from(number).map_err(unreadable("webhook_deliveries.attempts"))
}

use std::collections::BTreeMap;
use std::iter;
use std::time::Duration;

use domain::ports::AttemptConclusion;
use domain::{DeliveryRecord, DeliveryState, DueDelivery, OrganizationId, WebhookEndpointId};

use crate::call_event::EventKey;
use crate::webhook_endpoint::{read_secret, read_url};
use crate::{Columns, EventColumns, StoredTime, Table, Unreadable, read_sequence};

const WEBHOOK_DELIVERIES: Table = Table("webhook_deliveries");

/// A delivery that was leased for an attempt, with its endpoint and its call event. It holds
/// secrets, and has no `Debug`.
pub struct DueColumns<T> {
    pub endpoint_id: String,
    pub url: String,
    pub secret: Vec<u8>,
    /// The previous secret while it is valid.
    pub previous_secret: Option<Vec<u8>>,
    /// This attempt included.
    pub attempts: i64,
    pub queued_at: T,
    pub position: i64,
    pub kind: String,
    pub status_rank: i64,
    pub end_reason: Option<String>,
    pub conversation_id: Option<String>,
    pub metadata: Option<String>,
    pub happened_at: T,
    pub call_id: String,
    pub organization_id: String,
    pub user_id: String,
    pub contact_id: String,
    pub agent_id: String,
    pub from_number: String,
    pub to_number: String,
}

impl<T: StoredTime> Columns for DueColumns<T> {
    type Value = DueDelivery;

    fn read(self) -> Result<DueDelivery, Unreadable> {
        let event = EventColumns {
            position: self.position,
            kind: self.kind,
            status_rank: self.status_rank,
            end_reason: self.end_reason,
            conversation_id: self.conversation_id,
            metadata: self.metadata,
            happened_at: self.happened_at,
            call_id: self.call_id,
            organization_id: self.organization_id,
            user_id: self.user_id,
            contact_id: self.contact_id,
            agent_id: self.agent_id,
            from_number: self.from_number,
            to_number: self.to_number,
        };
        let previous_secret = self.previous_secret.map(|secret| ("previous_secret", secret));
        let secrets = iter::once(("secret", self.secret)).chain(previous_secret);
        Ok(DueDelivery {
            endpoint_id: read_endpoint_id(&self.endpoint_id)?,
            url: read_url(&self.url)?,
            secrets: secrets
                .map(|(column, secret)| read_secret(column, &secret))
                .collect::<Result<_, _>>()?,
            event: event.read()?,
            attempt: WEBHOOK_DELIVERIES.read_number("attempts", self.attempts)?,
            queued_at: self.queued_at.timestamp(),
        })
    }
}

/// A delivery in a list.
pub struct DeliveryColumns<T> {
    pub endpoint_id: String,
    pub position: i64,
    pub call_id: String,
    pub kind: String,
    pub status_rank: i64,
    pub state: String,
    pub attempts: i64,
    pub queued_at: T,
    pub due_at: T,
    pub concluded_at: Option<T>,
    pub last_failure: Option<String>,
}

impl<T: StoredTime> Columns for DeliveryColumns<T> {
    type Value = DeliveryRecord;

    fn read(self) -> Result<DeliveryRecord, Unreadable> {
        let key = EventKey::read(&self.call_id, &self.kind, self.status_rank)?;
        let state = WEBHOOK_DELIVERIES.read("state", self.state)?;
        Ok(DeliveryRecord {
            endpoint_id: read_endpoint_id(&self.endpoint_id)?,
            sequence: read_sequence(self.position)?,
            event_id: key.id(),
            kind: key.kind,
            call_id: key.call_id,
            state,
            attempts: WEBHOOK_DELIVERIES.read_number("attempts", self.attempts)?,
            queued_at: self.queued_at.timestamp(),
            next_attempt_at: (state == DeliveryState::Pending).then(|| self.due_at.timestamp()),
            concluded_at: self.concluded_at.map(StoredTime::timestamp),
            last_failure: WEBHOOK_DELIVERIES.read_optional("last_failure", self.last_failure)?,
        })
    }
}

fn read_endpoint_id(id: &str) -> Result<WebhookEndpointId, Unreadable> {
    WEBHOOK_DELIVERIES.read("endpoint_id", id)
}

/// The conclusion of an attempt as it is written to its delivery.
pub struct ConclusionColumns {
    pub state: &'static str,
    pub last_failure: Option<String>,
    /// The time until the next attempt, if there is one.
    pub pause: Option<Duration>,
}

impl From<AttemptConclusion> for ConclusionColumns {
    fn from(conclusion: AttemptConclusion) -> Self {
        let (state, failure, pause) = match conclusion {
            AttemptConclusion::Delivered => (DeliveryState::Delivered, None, None),
            AttemptConclusion::Postponed { failure, pause } => {
                (DeliveryState::Pending, Some(failure), Some(pause))
            }
            AttemptConclusion::GivenUp { failure } | AttemptConclusion::ReceiverGone { failure, .. } => {
                (DeliveryState::Dead, Some(failure), None)
            }
        };
        Self { state: state.as_str(), last_failure: failure.map(|failure| failure.to_string()), pause }
    }
}

/// The attempts that a worker runs as a JSON array of pairs: organization and number.
pub fn running_to_json(running: &BTreeMap<OrganizationId, u32>) -> String {
    let pairs: Vec<(&str, u32)> = running.iter().map(|(id, attempts)| (id.as_str(), *attempts)).collect();
    serde_json::to_string(&pairs).expect("texts and numbers are always JSON")
}

use std::collections::HashMap;

use domain::{
    Agent, Booking, CallEvent, CallId, CallProgress, Contact, ConversationContext, ConversationId,
    DeliveryFailure, DeliveryState, DialOutcome, IntentKey, NumberRecord, Organization, OwnerToken,
    Recording, SettledCall, Timestamp, UserRecord, WebhookEndpoint, WebhookEndpointId,
};

/// The data of one [`Memory`](super::Memory).
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Organizations, users, agents, numbers and contacts.
    pub directory: DirectoryTables,
    /// The calls in the ledger, in the order of booking.
    pub calls: Vec<LedgerCall>,
    /// The durable hold on each intent key. One that has expired may still be here.
    pub reservations: HashMap<IntentKey, Reservation>,
    /// The lock on each intent key. One that has expired may still be here.
    pub locks: HashMap<IntentKey, LockEntry>,
    /// Cached contexts. One that has expired may still be here.
    pub contexts: HashMap<ConversationId, StoredContext>,
    /// Provider events, in the order of arrival.
    pub inbox: Vec<InboxEvent>,
    /// Call events, in the order of writing. The sequence is `EventSequence::START` until the event
    /// is published.
    pub events: Vec<CallEvent>,
    /// Webhook endpoints, in the order of registration.
    pub endpoints: Vec<WebhookEndpoint>,
    /// Deliveries, in the order of queueing.
    pub deliveries: Vec<QueuedDelivery>,
    /// Recordings, by the text of their key.
    pub recordings: HashMap<String, Vec<u8>>,
    /// How many calls may start in a second, by the id of the trunk.
    pub trunks: HashMap<String, u32>,
    /// The end of the last lease of the check of the vendors' accounts.
    pub check_leased_until: Option<Timestamp>,
}

/// What an import stores. Each table is in the order of insertion.
#[derive(Debug, Clone, Default)]
pub struct DirectoryTables {
    /// Organizations.
    pub organizations: Vec<Organization>,
    /// Users.
    pub users: Vec<UserRecord>,
    /// Agents.
    pub agents: Vec<Agent>,
    /// Caller numbers.
    pub numbers: Vec<NumberRecord>,
    /// Contacts.
    pub contacts: Vec<Contact>,
}

/// A call in the ledger.
#[derive(Debug, Clone)]
pub struct LedgerCall {
    /// What was booked.
    pub booking: Booking,
    /// The outcome of the dial and when it was settled; `None` while the call is dialling.
    pub dial: Option<(DialOutcome, Timestamp)>,
    /// What the outcome and later updates say. A failure of the dial is not in it: it is added when
    /// the call is read.
    pub progress: CallProgress,
    /// The end of the lease of `UnfinishedCalls`; `None` if the call has never been leased.
    pub leased_until: Option<Timestamp>,
    /// The attached recording.
    pub recording: Option<Recording>,
}

/// A durable hold on an intent key.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The call that holds the key.
    pub call_id: CallId,
    /// The owner.
    pub token: OwnerToken,
    /// When the key is free again.
    pub until: Timestamp,
}

/// A lock on an intent key.
#[derive(Debug, Clone)]
pub struct LockEntry {
    /// The owner.
    pub token: OwnerToken,
    /// When the key is free again.
    pub until: Timestamp,
    /// The result; `None` while the call is in flight.
    pub result: Option<SettledCall>,
}

/// A cached context.
#[derive(Debug, Clone)]
pub struct StoredContext {
    /// The context.
    pub context: ConversationContext,
    /// When it is forgotten.
    pub until: Timestamp,
}

/// A provider event in the inbox.
#[derive(Debug, Clone)]
pub struct InboxEvent {
    /// The key and body; the body is empty after it was dropped.
    pub event: domain::ports::OpenEvent,
    /// The provider's name of the event's type.
    pub kind: String,
    /// When it can be leased: the end of its last lease or postponement.
    pub open_at: Timestamp,
    /// `Some` once it is closed, with the call it belongs to.
    pub closed: Option<Option<CallId>>,
}

/// A call event for one endpoint.
#[derive(Debug, Clone)]
pub struct QueuedDelivery {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The event.
    pub event: CallEvent,
    /// Pending, delivered or dead.
    pub state: DeliveryState,
    /// The number of attempts since it was queued.
    pub attempts: u32,
    /// When it was queued, first or by a replay.
    pub queued_at: Timestamp,
    /// When the next attempt is due.
    pub due: Timestamp,
    /// The end of the lease; `None` if no worker has it.
    pub leased_until: Option<Timestamp>,
    /// When it was delivered or expired.
    pub concluded_at: Option<Timestamp>,
    /// Why the last failed attempt failed.
    pub last_failure: Option<DeliveryFailure>,
}

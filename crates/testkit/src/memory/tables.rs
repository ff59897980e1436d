use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use domain::ports::{DayLimit, DayScope, Job, JobLease, ProvisionedTrunk};
use domain::{
    Agent, AgentId, AuditRecord, Booking, CallEvent, CallId, CallProgress, CallSubject, ConsentRecord,
    Contact, ContactId, ContactPlace, ConversationContext, ConversationId, DeliveryFailure, DeliveryState,
    DialOutcome, DoNotCallCopy, DoNotCallNumber, IdempotencyKey, IntentKey, NumberRecord, Organization,
    OrganizationId, OwnerToken, PaceScope, PhoneNumber, Recording, RefusalCode, RemovedParts, RequestDigest,
    SettledCall, StoredCredentials, Suppression, TakenSlots, Timestamp, UserId, UserRecord, VersionedPolicy,
    WebhookEndpoint, WebhookEndpointId,
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
    /// The attempts that bookings have counted.
    pub attempts: HashMap<AttemptKey, CountedAttempts>,
    /// The call of each idempotency key of a user.
    pub keys: HashMap<(UserId, IdempotencyKey), KeyEntry>,
    /// The lock on each intent key. One that has expired may still be here.
    pub locks: HashMap<IntentKey, LockEntry>,
    /// How many requests each limit of a day has counted, and until when.
    pub day_counts: HashMap<DayCountKey, DayCount>,
    /// Cached contexts. One that has expired may still be here.
    pub contexts: HashMap<ConversationId, StoredContext>,
    /// Provider events, in the order of arrival.
    pub inbox: Vec<InboxEvent>,
    /// Call events, in the order of writing. The sequence is `EventSequence::START` until the event
    /// is published.
    pub events: Vec<CallEvent>,
    /// The greatest sequence number that was left out.
    pub skipped_to: i64,
    /// Webhook endpoints, in the order of registration.
    pub endpoints: Vec<WebhookEndpoint>,
    /// Deliveries, in the order of queueing.
    pub deliveries: Vec<QueuedDelivery>,
    /// Recordings, by the text of their key.
    pub recordings: HashMap<String, Vec<u8>>,
    /// Calling policies.
    pub policies: HashMap<OrganizationId, VersionedPolicy>,
    /// The accounts of organizations at the vendors.
    pub credentials: BTreeMap<OrganizationId, StoredCredentials>,
    /// Who changed what, in the order of the changes.
    pub audit_records: Vec<AuditRecord>,
    /// Refused requests, by organization, hour and code.
    pub refusals: HashMap<(OrganizationId, Timestamp, RefusalCode), u64>,
    /// The carriers' trunks.
    pub trunks: Vec<ProvisionedTrunk>,
    /// The agents of numbers that were enabled for AI calls.
    pub number_agents: HashMap<(OrganizationId, PhoneNumber), AgentId>,
    /// The end of the last hold of each number.
    pub number_holds: HashMap<PhoneNumber, Timestamp>,
    /// The counts that have counted a request.
    pub counted_requests: HashMap<(IntentKey, OwnerToken), Vec<DayCountKey>>,
    /// The slots of each scope of a pace.
    pub slots: HashMap<PaceScope, TakenSlots>,
    /// The last lease of each job.
    pub job_leases: HashMap<Job, JobLease>,
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
    /// Where contacts are, if known.
    pub places: HashMap<ContactId, ContactPlace>,
    /// Opt-outs.
    pub suppressions: Vec<Suppression>,
    /// Consents.
    pub consents: Vec<ConsentRecord>,
    /// The stored copies of do-not-call lists.
    pub do_not_call_lists: Vec<DoNotCallCopy>,
    /// The numbers of do-not-call lists, with the copy that had each one last.
    pub do_not_call_numbers: Vec<DoNotCallNumber>,
    /// Changes of these that are not in the audit yet.
    pub unaudited: Vec<AuditRecord>,
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
    /// What was removed because of its age.
    pub removed: RemovedParts,
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

/// For what attempts are counted: the organization, the callee and the subject.
pub type AttemptKey = (OrganizationId, PhoneNumber, Option<CallSubject>);

/// The attempts to reach a callee about a subject.
#[derive(Debug, Clone, Default)]
pub struct CountedAttempts {
    /// Each attempt that is remembered.
    pub attempts: Vec<(Timestamp, CallId)>,
    /// For how long.
    pub remember_for: Duration,
}

/// An idempotency key and its call.
#[derive(Debug, Clone)]
pub struct KeyEntry {
    /// What the request said.
    pub digest: RequestDigest,
    /// The call.
    pub call_id: CallId,
    /// The intent of the call.
    pub intent: IntentKey,
    /// When the key was written.
    pub created_at: Timestamp,
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

/// What a limit of a day counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DayCountKey {
    /// Whose calls.
    pub scope: DayScope,
    /// The beginning of the day.
    pub day: Timestamp,
    /// The revision of the policy.
    pub revision: u64,
}

impl From<&DayLimit> for DayCountKey {
    fn from(limit: &DayLimit) -> Self {
        Self { scope: limit.scope.clone(), day: limit.day.from, revision: limit.revision }
    }
}

/// A count, which is forgotten after its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// The number of requests.
    pub calls: u32,
    /// When it is forgotten.
    pub until: Timestamp,
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
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
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

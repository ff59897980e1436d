use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{ProviderLookup, ProviderRecords};

use super::SettingsError;
use crate::peer::Request;

/// How an adapter for a vendor's records is made, and the vendor's format of them. The suite builds
/// responses from it that no well-behaved vendor sends.
pub trait RecordsFormat: Send + Sync {
    /// The adapter with this base URL and API key, as the gateway makes it at start.
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn ProviderRecords>, SettingsError>;

    /// What a request asks for.
    fn query(&self, request: &Request) -> RecordsQuery;

    /// The body of a response with status 200: the vendor's record of a call.
    fn record(&self, call: &VendorCall) -> String;

    /// What a list has of a call, if that is less than its record.
    fn item(&self, call: &VendorCall) -> String {
        self.record(call)
    }

    /// The body of a response with status 200: a list of these items, with no reference to a next
    /// page. A vendor that says whether there are more calls says so of a full list.
    fn list(&self, items: &[String]) -> String;

    /// The number of items in a full list.
    fn page_len(&self) -> usize;

    /// The status and body of the response that the vendor has no such record.
    fn not_recorded(&self) -> (u16, String);

    /// As [`DialFormat::refusal`](super::DialFormat::refusal).
    fn refusal(&self, status: u16, text: &str) -> String;
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordsQuery {
    /// The record with this id of the vendor.
    Record(String),
    /// A list of calls: those with this id of ours, or all of them if the vendor cannot search by it.
    List(Option<String>),
    /// Something else. The suite counts it as a dial.
    Other,
}

/// A call that a vendor has on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorCall {
    /// Our id, the vendor's ids, and when the call was booked. Both ids of the vendor are present.
    pub lookup: ProviderLookup,
    /// How far the call got.
    pub state: VendorState,
}

impl VendorCall {
    /// The vendor's id of the conversation.
    ///
    /// # Panics
    /// If there is none: the suites' calls have one.
    #[must_use]
    pub fn conversation_id(&self) -> &str {
        self.lookup.conversation_id.as_ref().expect("a call on record has an id").as_str()
    }
}

/// How far a call got, by its record. A vendor that does not distinguish two of these writes the same
/// for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorState {
    /// The phone rings.
    Ringing,
    /// It was answered and continues.
    InProgress,
    /// It was answered and has ended.
    Completed,
    /// It has ended: the line was busy.
    Busy,
    /// It has ended: the callee did not answer.
    NoAnswer,
    /// It has ended without a conversation, for a reason that the vendor's documents do not name.
    FailedForANewReason,
    /// Its state is one that the vendor's documents do not name.
    New,
}

/// What the suite of [`ProviderRecords`] needs.
#[async_trait]
pub trait ProviderRecordsHarness: Send + Sync {
    /// The vendor's format.
    fn format(&self) -> Arc<dyn RecordsFormat>;

    /// The adapter, which sends its requests to the scripted provider. The suite gets a new one
    /// after each [`ProviderRecordsHarness::upstream`].
    fn records(&self) -> Arc<dyn ProviderRecords>;

    /// Lets the provider dial a call under a new id of ours, always with the same agent, and record
    /// it like this. Returns its complete lookup: with the conversation, the agent, and a booking
    /// time shortly before the dial.
    async fn record(&self, call: RecordedCall) -> ProviderLookup;

    /// From now on the provider behaves like this when it is asked for its records.
    async fn upstream(&self, upstream: RecordsUpstream);

    /// How many requests to dial the provider has received, among them those of
    /// [`ProviderRecordsHarness::record`].
    async fn dials(&self) -> usize;
}

/// A call in the provider's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedCall {
    /// It was answered and continues.
    InProgress,
    /// It was answered and has ended.
    Completed,
    /// It was not connected.
    Failed,
}

impl RecordedCall {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::InProgress, Self::Completed, Self::Failed];
}

/// How the provider behaves when it is asked for its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordsUpstream {
    /// It responds with its records.
    Responds,
    /// No server listens at its address.
    RefusesConnection,
    /// It reads the request and never responds.
    NeverResponds,
    /// It refuses the key (HTTP 401), in its own error format.
    RefusesTheKey,
    /// It responds with an error on its side (HTTP 500), in its own error format.
    ServerError,
    /// A proxy responds in its place, with a status of success and a body that is not the
    /// provider's.
    ForeignResponse,
    /// It starts a successful response and closes the connection in the middle.
    CutResponse,
}

impl RecordsUpstream {
    /// Every behaviour of an unavailable provider.
    pub const UNAVAILABLE: [Self; 6] = [
        Self::RefusesConnection,
        Self::NeverResponds,
        Self::RefusesTheKey,
        Self::ServerError,
        Self::ForeignResponse,
        Self::CutResponse,
    ];
}

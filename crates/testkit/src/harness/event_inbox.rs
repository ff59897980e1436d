use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::EventInbox;

use super::{LosesStore, PassesTime};

/// What the suite of [`EventInbox`] needs. The store belongs to this harness alone, because a lease
/// hides an event from every other test. The suite closes events for calls that are not in the
/// ledger.
#[async_trait]
pub trait EventInboxHarness: PassesTime + LosesStore {
    /// The adapter, as a new process would have it.
    fn inbox(&self) -> Arc<dyn EventInbox>;

    /// As [`CallLedgerHarness::crash`](super::CallLedgerHarness::crash). The suite then calls
    /// [`EventInboxHarness::inbox`] again.
    async fn crash(&self);
}

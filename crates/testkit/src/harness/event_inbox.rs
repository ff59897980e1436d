use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::EventInbox;

use super::{LosesStore, PassesTime};

/// What the suite of [`EventInbox`] needs. The store is to be the harness's own, since whoever claims an event takes it from
/// everybody. The calls that the suite closes events for are in no books.
#[async_trait]
pub trait EventInboxHarness: PassesTime + LosesStore {
    /// The adapter, as a new process would have it.
    fn inbox(&self) -> Arc<dyn EventInbox>;

    /// The store dies as hard as the harness can make it, with no chance to write, and comes back. Afterwards the suite asks
    /// for [`EventInboxHarness::inbox`] again.
    async fn crash(&self);
}

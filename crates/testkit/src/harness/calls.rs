use std::sync::Arc;

use domain::ports::{CallReader, CallUpdater, UnfinishedCalls};

use super::CallLedgerHarness;

/// What the suites of [`CallReader`], [`CallUpdater`] and [`UnfinishedCalls`] need: the three ports
/// and the ledger on one store. The store belongs to this harness alone, because a lease hides an
/// overdue call from every other test.
pub trait CallsHarness: CallLedgerHarness {
    /// The adapter of [`CallReader`].
    fn reader(&self) -> Arc<dyn CallReader>;

    /// The adapter of [`CallUpdater`].
    fn updater(&self) -> Arc<dyn CallUpdater>;

    /// The adapter of [`UnfinishedCalls`].
    fn unfinished(&self) -> Arc<dyn UnfinishedCalls>;
}

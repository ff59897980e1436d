use std::sync::Arc;

use domain::ports::CallTraces;

use super::CallLedgerHarness;

/// What the suite of [`CallTraces`] needs: also the ledger of the same store, whose bookings have traces.
pub trait CallTracesHarness: CallLedgerHarness {
    /// The adapter.
    fn traces(&self) -> Arc<dyn CallTraces>;
}

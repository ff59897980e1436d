use std::sync::Arc;

use domain::ports::{EventInbox, LedgerMeter};

use super::CallEventsHarness;

/// What the suite of [`LedgerMeter`] needs: also the ports that fill what it measures. The store belongs
/// to this harness alone, because everything in it is counted.
pub trait LedgerMeterHarness: CallEventsHarness {
    /// The adapter.
    fn meter(&self) -> Arc<dyn LedgerMeter>;

    /// The inbox of the same store.
    fn inbox(&self) -> Arc<dyn EventInbox>;
}

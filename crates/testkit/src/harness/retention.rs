use std::sync::Arc;

use domain::ports::Retention;

use super::{LedgerMeterHarness, RefusalCountsHarness};

/// What the suite of [`Retention`] needs: also the ports that fill what it removes, and those that show what
/// is left. The store belongs to this harness alone.
pub trait RetentionHarness: LedgerMeterHarness + RefusalCountsHarness {
    /// The adapter.
    fn retention(&self) -> Arc<dyn Retention>;
}

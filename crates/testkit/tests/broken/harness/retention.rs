use std::sync::Arc;

use domain::ports::Retention;
use testkit::harness::{LedgerMeterHarness, RefusalCountsHarness, RetentionHarness};

use super::{Adapters, Harness};

impl<P: Retention + Adapters> RetentionHarness for Harness<P>
where
    Self: LedgerMeterHarness + RefusalCountsHarness,
{
    fn retention(&self) -> Arc<dyn Retention> {
        Arc::new(self.ports.clone())
    }
}

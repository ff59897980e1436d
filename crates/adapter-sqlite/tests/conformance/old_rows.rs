use std::sync::Arc;

use domain::ports::{EventInbox, JobLeases, LedgerMeter, Retention};
use testkit::harness::{JobLeasesHarness, LedgerMeterHarness, RetentionHarness};

use crate::StoreHarness;

impl RetentionHarness for StoreHarness {
    fn retention(&self) -> Arc<dyn Retention> {
        self.store()
    }
}

impl JobLeasesHarness for StoreHarness {
    fn leases(&self) -> Arc<dyn JobLeases> {
        self.store()
    }
}

impl LedgerMeterHarness for StoreHarness {
    fn meter(&self) -> Arc<dyn LedgerMeter> {
        self.store()
    }

    fn inbox(&self) -> Arc<dyn EventInbox> {
        self.store()
    }
}

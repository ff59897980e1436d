use std::sync::Arc;

use domain::ports::{JobLeases, Retention};
use testkit::harness::{JobLeasesHarness, RetentionHarness};

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

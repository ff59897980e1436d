//! A provider that takes its time, by the clock of the test, which a mock cannot.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Clock as _, DialRequest, ProviderLookup, ProviderRecords, VoiceProvider};
use domain::{AnswerTime, CallUpdate, Carrier, DialOutcome};
use testkit::clock::ManualClock;
use testkit::fixtures::SERVED_CARRIERS;

use super::{Answer, Journal};

/// Responds to a dial after a time.
pub(super) struct RingingProvider {
    pub(super) journal: Journal,
    pub(super) clock: Arc<ManualClock>,
    pub(super) rings_for: Duration,
    pub(super) outcome: DialOutcome,
    pub(super) answers: AnswerTime,
}

#[async_trait]
impl VoiceProvider for RingingProvider {
    fn answer_time(&self) -> AnswerTime {
        self.answers
    }

    fn carriers(&self) -> &[Carrier] {
        SERVED_CARRIERS
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        self.journal.note("dial", ());
        self.journal.0.lock().expect("no panic").dialled.push(request.clone());
        self.clock.sleep(self.rings_for).await;
        self.outcome.clone()
    }
}

/// Answers about its calls after a time.
pub(super) struct Records {
    pub(super) journal: Journal,
    pub(super) clock: Arc<ManualClock>,
    pub(super) record: Answer<Option<CallUpdate>>,
    pub(super) takes: Duration,
}

#[async_trait]
impl ProviderRecords for Records {
    async fn find(&self, _lookup: &ProviderLookup) -> Answer<Option<CallUpdate>> {
        self.journal.note("records: find", ());
        self.clock.sleep(self.takes).await;
        self.record.clone()
    }
}

//! What the provider reports after a dial.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallUpdater, Clock, KnownParties, KnownPartiesQuery, PortUnavailable, ProviderLookup,
    ProviderRecords,
};
use domain::{
    CallId, CallIdentity, CallProgress, CallStatus, CallTimes, CallUpdate, Recording, Timestamp,
    UpdateContent,
};
use metrics::{Counter, Histogram};

use super::Registry;
use super::operation::Operation;
use super::table::{CONVERSATION_DURATION, DATABASE_ERRORS, EVENTS_LAG, RECONCILED};

/// Measures the reports that have the end of a call, and counts the merges that fail. An end that two
/// reports have counts twice.
pub(crate) struct MeasuredUpdater {
    updater: Arc<dyn CallUpdater>,
    clock: Arc<dyn Clock>,
    merge: Operation,
    conversation: Histogram,
    conversation_lag: Histogram,
    failure_lag: Histogram,
}

impl MeasuredUpdater {
    pub(crate) fn new(
        updater: Arc<dyn CallUpdater>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
        provider: &'static str,
    ) -> Self {
        Self {
            updater,
            clock,
            merge: Operation::new(registry, &DATABASE_ERRORS, "merge"),
            conversation: registry.histogram(&CONVERSATION_DURATION, &[provider]),
            conversation_lag: registry.histogram(&EVENTS_LAG, &["conversation"]),
            failure_lag: registry.histogram(&EVENTS_LAG, &["failure"]),
        }
    }

    fn measure(&self, update: &CallUpdate) {
        let lag = match &update.content {
            UpdateContent::Conversation(conversation) if conversation.status.is_final() => {
                if let (CallStatus::Completed, Some(secs)) = (conversation.status, conversation.duration_secs)
                {
                    self.conversation.record(f64::from(secs));
                }
                &self.conversation_lag
            }
            UpdateContent::Failure(_) => &self.failure_lag,
            UpdateContent::Conversation(_)
            | UpdateContent::Recording(_)
            | UpdateContent::Unresolved
            | UpdateContent::GivenUp(_) => return,
        };
        if let Some(ended_at) = ended_at(update) {
            lag.record(self.clock.now().since(ended_at));
        }
    }
}

/// The end of the call in this report alone.
fn ended_at(update: &CallUpdate) -> Option<Timestamp> {
    let mut progress = CallProgress::default();
    progress.merge(update);
    CallTimes::of(Timestamp::from_unix_millis(0), &progress, None).ended_at
}

#[async_trait]
impl CallUpdater for MeasuredUpdater {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        self.updater.locate(lookup).await
    }

    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable> {
        self.updater.identity(call_id).await
    }

    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable> {
        self.updater.known_parties(query).await
    }

    /// A stop of the workers drops a merge, which is no failure.
    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        self.merge.count(self.updater.merge(call_id, update).await)?;
        self.measure(update);
        Ok(())
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        self.updater.attach_recording(call_id, recording).await
    }
}

/// Counts what the provider's records show.
pub(crate) struct MeasuredRecords {
    records: Arc<dyn ProviderRecords>,
    placed: Counter,
    not_placed: Counter,
    still_unknown: Counter,
}

impl MeasuredRecords {
    pub(crate) fn new(records: Arc<dyn ProviderRecords>, registry: &Registry) -> Self {
        let found = |found| registry.counter(&RECONCILED, &[found]);
        Self {
            records,
            placed: found("placed"),
            not_placed: found("not_placed"),
            still_unknown: found("still_unknown"),
        }
    }
}

#[async_trait]
impl ProviderRecords for MeasuredRecords {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let found = self.records.find(lookup).await;
        let status = found.as_ref().ok().and_then(Option::as_ref).and_then(|update| {
            let mut progress = CallProgress::default();
            progress.merge(update);
            progress.status
        });
        let counter = match status {
            Some(CallStatus::InProgress | CallStatus::Completed) => &self.placed,
            Some(CallStatus::Failed | CallStatus::NoAnswer | CallStatus::Busy) => &self.not_placed,
            Some(CallStatus::Initiated | CallStatus::Ringing | CallStatus::Unknown) | None => {
                &self.still_unknown
            }
        };
        counter.increment(1);
        found
    }
}

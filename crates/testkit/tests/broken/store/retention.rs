use async_trait::async_trait;
use domain::ports::{OldRows, PortUnavailable, RemovedRows, Retention, RetentionBatch};
use domain::{CallId, CallStatus, DeliveryState, EventSequence, RecordingKey, Timestamp};
use testkit::memory::Tables;

use super::{BrokenStore, NEVER};
use crate::flaw::Flaw;

#[async_trait]
impl Retention for BrokenStore {
    async fn remove(&self, batch: &RetentionBatch) -> Result<RemovedRows, PortUnavailable> {
        self.reach("").await?;
        let mut batch = batch.clone();
        match self.flaw {
            Flaw::IgnoresTheAge => batch.before = NEVER,
            Flaw::RemovesMoreThanTheLimit => batch.limit = u32::MAX,
            Flaw::EndsAfterTheFirstBatch => {
                let removed = self.memory.remove(&batch).await?;
                return Ok(RemovedRows { next: None, ..removed });
            }
            Flaw::KeepsOldRows => return Ok(RemovedRows { rows: 0, next: None }),
            flaw if !self.memory.is_lost() => {
                let before = self.memory.tables().clone();
                pretend(flaw, batch.rows, &mut self.memory.tables());
                let removed = self.memory.remove(&batch).await;
                restore(flaw, before, &mut self.memory.tables());
                return removed;
            }
            _ => {}
        }
        self.memory.remove(&batch).await
    }

    async fn old_recordings(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CallId, RecordingKey)>, PortUnavailable> {
        self.reach("").await?;
        let before = if self.has(Flaw::IgnoresTheAge) { NEVER } else { before };
        self.memory.old_recordings(before, limit).await
    }

    async fn forget_recordings(&self, removed: &[(CallId, RecordingKey)]) -> Result<(), PortUnavailable> {
        self.reach(removed.first().map_or("", |(id, _)| id.as_str())).await?;
        self.memory.forget_recordings(removed).await?;
        for (call_id, _) in removed {
            let mut tables = self.memory.tables();
            let call = tables.calls.iter_mut().find(|call| call.booking.identity.call_id == *call_id);
            if let Some(call) = call {
                match self.flaw {
                    Flaw::FetchesRemovedRecordings => call.progress.recording = None,
                    Flaw::ForgetsEveryRecording => call.recording = None,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Changes what the removal sees, so that it removes too much.
fn pretend(flaw: Flaw, rows: OldRows, tables: &mut Tables) {
    match (flaw, rows) {
        (Flaw::RemovesOpenEvents, OldRows::ProviderEvents) => {
            tables.inbox.iter_mut().for_each(|event| event.closed_at = Some(event.event.received_at));
        }
        (Flaw::RemovesPendingDeliveries, OldRows::Deliveries) => {
            for delivery in &mut tables.deliveries {
                delivery.state = DeliveryState::Dead;
                delivery.concluded_at = Some(delivery.queued_at);
            }
        }
        (
            Flaw::RemovesWhatIsRunning,
            OldRows::CallEvents | OldRows::Transcripts | OldRows::Decisions | OldRows::Calls,
        ) => {
            tables.calls.iter_mut().for_each(|call| call.progress.status = Some(CallStatus::Completed));
        }
        (Flaw::RemovesUnpublishedEvents, OldRows::CallEvents | OldRows::Calls) => {
            for (event, n) in tables.events.iter_mut().zip(1_000_000..) {
                if event.sequence == EventSequence::START {
                    event.sequence = EventSequence::from_number(n).expect("a positive number");
                }
            }
        }
        (Flaw::RemovesEventsOfKeys, OldRows::CallEvents) => tables.keys.clear(),
        (Flaw::RemovesReservedCalls, OldRows::Calls) => tables.reservations.clear(),
        (Flaw::RemovesRecordedCalls, OldRows::Calls) => {
            tables.calls.iter_mut().for_each(|call| call.recording = None);
        }
        (Flaw::RemovesUndeliveredCalls, OldRows::Calls) => {
            tables.deliveries.iter_mut().for_each(|it| it.state = DeliveryState::Dead);
        }
        (Flaw::RemovesCountedAttempts, OldRows::Attempts) => {
            tables.attempts.values_mut().for_each(|counted| counted.remember_for = std::time::Duration::ZERO);
        }
        (Flaw::RemovesListedNumbers, OldRows::ListedNumbers) => {
            let later = domain::LocalDate::new(2999, 1, 1).expect("a date");
            tables.directory.do_not_call_lists.iter_mut().for_each(|list| list.dated = later);
        }
        _ => {}
    }
}

/// Puts back what is not removed by these flaws.
fn restore(flaw: Flaw, before: Tables, tables: &mut Tables) {
    match flaw {
        Flaw::KeepsTheSummary => {
            for (call, before) in tables.calls.iter_mut().zip(&before.calls) {
                if let (Some(now), Some(before)) =
                    (&mut call.progress.conversation, &before.progress.conversation)
                {
                    now.summary.clone_from(&before.summary);
                }
            }
        }
        Flaw::KeepsTheEventsOfRemovedCalls => tables.events = before.events,
        Flaw::KeepsTheKeysOfRemovedCalls => tables.keys = before.keys,
        _ => {}
    }
}

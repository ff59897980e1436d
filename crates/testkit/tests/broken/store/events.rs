//! What broken adapters do to the call events that a write leaves behind.

use domain::ports::{EventFeed, PortUnavailable};
use domain::{CallEvent, CallEventKind, CallId, CallStatus, EventId, EventSequence, Timestamp};
use testkit::memory::LedgerCall;

use super::BrokenStore;
use crate::flaw::Flaw;

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Booking,
    /// With the status by the outcome of the dial.
    Settlement(CallStatus),
    /// With the status before it.
    Update(CallStatus),
    Recording,
}

impl BrokenStore {
    pub(super) fn events_written(&self) -> usize {
        self.memory.tables().events.len()
    }

    pub(super) fn change_call(&self, call_id: &CallId, change: impl FnOnce(&mut LedgerCall)) {
        let mut tables = self.memory.tables();
        let call = tables.calls.iter_mut().find(|call| call.booking.identity.call_id == *call_id);
        if let Some(call) = call {
            change(call);
        }
    }

    /// Changes the events that a write to this call left behind the first `before` events.
    pub(super) async fn change_events(
        &self,
        call_id: &CallId,
        before: usize,
        write: Write,
    ) -> Result<(), PortUnavailable> {
        self.change_new_events(call_id, before, write);
        if self.has(Flaw::PublishesOnEveryWrite) {
            self.memory.publish(u32::MAX).await?;
        }
        Ok(())
    }

    fn change_new_events(&self, call_id: &CallId, before: usize, write: Write) {
        let mut tables = self.memory.tables();
        let Some(call) = tables.call(call_id).cloned() else { return };
        let after = call.progress.status.unwrap_or(CallStatus::Initiated);
        let mut new = tables.events.split_off(before);
        let is_of_call = |event: &CallEvent, kind| event.identity.call_id == *call_id && event.kind == kind;
        let now = self.now();
        let event = |kind, status| event(&call, kind, status, now);
        let mut written = tables.events.iter();
        match (self.flaw, write) {
            (Flaw::WritesEventsOfTheOutcomeAlone, Write::Settlement(settled)) => {
                let steps = CallEventKind::between(CallStatus::Initiated, settled).into_iter();
                new = steps.map(|kind| event(kind, settled)).collect();
                new.retain(|event| written.clone().all(|one| one.id != event.id));
            }
            (Flaw::LeavesAnswersToTheDial, Write::Update(_)) => {
                new.retain(|event| event.kind != CallEventKind::Answered);
            }
            (Flaw::LeavesEndsToUpdates, Write::Settlement(_)) => {
                new.retain(|event| event.kind != CallEventKind::Ended);
            }
            (Flaw::WritesTheLastStepAlone, Write::Update(_)) if new.len() > 1 => drop(new.remove(0)),
            (Flaw::LeavesGivenUpCallsUnended, Write::Update(_)) => {
                new.retain(|event| event.kind != CallEventKind::Ended || event.status.is_final());
            }
            (Flaw::WritesTheStoredStatus, _) => new.iter_mut().for_each(|event| {
                *event = self::event(&call, event.kind, after, event.happened_at);
            }),
            (Flaw::WritesNoEventOfRecordings, Write::Recording) => new.clear(),
            (Flaw::DropsTheMetadataOfEvents, _) => new.iter_mut().for_each(|event| event.metadata = None),
            (Flaw::DropsTheEndReason, _) => new.iter_mut().for_each(|event| event.end_reason = None),
            (Flaw::DropsTheEventsConversation, _) => {
                new.iter_mut().for_each(|event| event.conversation_id = None);
            }
            (Flaw::DatesEventsByTheBooking, _) => {
                new.iter_mut().for_each(|event| event.happened_at = call.booking.booked_at);
            }
            (Flaw::WritesTheEndOnce, _) if written.any(|event| is_of_call(event, CallEventKind::Ended)) => {
                new.retain(|event| event.kind != CallEventKind::Ended);
            }
            (Flaw::WritesEveryAnswer, Write::Update(status_before))
                if CallEventKind::between(status_before, after).contains(&CallEventKind::Answered) =>
            {
                let answered = event(CallEventKind::Answered, after);
                if written.chain(&new).all(|event| event.id != answered.id) {
                    new.insert(0, answered);
                }
            }
            (Flaw::WritesAnEventForEveryUpdate, Write::Update(_)) => {
                let steps = CallEventKind::between(CallStatus::Initiated, after).into_iter();
                new = steps.map(|kind| event(kind, after)).collect();
            }
            (Flaw::WritesAnEventForEveryRecording, Write::Recording) => {
                new = vec![event(CallEventKind::RecordingReady, after)];
            }
            _ => {}
        }
        tables.events.extend(new);
    }
}

fn event(call: &LedgerCall, kind: CallEventKind, status: CallStatus, happened_at: Timestamp) -> CallEvent {
    CallEvent {
        identity: call.booking.identity.clone(),
        sequence: EventSequence::START,
        id: EventId::of(&call.booking.identity.call_id, kind, status),
        kind,
        status,
        end_reason: call.progress.end_reason().filter(|_| kind == CallEventKind::Ended),
        conversation_id: call.progress.conversation_id.clone(),
        metadata: call.booking.metadata.clone(),
        happened_at,
    }
}

use std::collections::HashSet;

use async_trait::async_trait;
use domain::ports::{OldRows, PortUnavailable, RemovedRows, Retention, RetentionBatch, RetentionCursor};
use domain::{
    Analysis, CallId, CallStatus, ConversationRecord, DeliveryState, EventSequence, LocalDate, RecordingKey,
    RecordingReport, Timestamp,
};

use super::{LedgerCall, Memory, Tables};

const MILLIS_OF_A_DAY: i64 = 86_400_000;

#[async_trait]
impl Retention for Memory {
    async fn remove(&self, batch: &RetentionBatch) -> Result<RemovedRows, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let rows = tables.remove_old(batch, now);
        let is_full = rows >= u64::from(batch.limit);
        Ok(RemovedRows { rows, next: is_full.then(RetentionCursor::default) })
    }

    async fn old_recordings(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CallId, RecordingKey)>, PortUnavailable> {
        let tables = self.open()?;
        let mut old: Vec<_> = tables.calls.iter().filter(|call| call.booking.booked_at < before).collect();
        old.sort_by_key(|call| call.booking.booked_at);
        let key = |call: &LedgerCall| {
            let recording = call.recording.as_ref()?;
            Some((call.booking.identity.call_id.clone(), recording.key.clone()))
        };
        Ok(old.into_iter().filter_map(key).take(limit as usize).collect())
    }

    async fn forget_recordings(&self, removed: &[(CallId, RecordingKey)]) -> Result<(), PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        for (call_id, key) in removed {
            if let Some(call) = tables.call_mut(call_id)
                && call.recording.as_ref().is_some_and(|recording| recording.key == *key)
            {
                call.recording = None;
                call.removed.recording = Some(now);
                call.progress.recording = Some(RecordingReport::TooLarge);
            }
        }
        Ok(())
    }
}

impl Tables {
    fn remove_old(&mut self, batch: &RetentionBatch, now: Timestamp) -> u64 {
        let RetentionBatch { before, limit, .. } = *batch;
        let is_old = |time: Option<Timestamp>| time.is_some_and(|time| time < before);
        match batch.rows {
            OldRows::ProviderEvents => take(&mut self.inbox, limit, |event| is_old(event.closed_at)),
            OldRows::Deliveries => take(&mut self.deliveries, limit, |it| {
                it.state != DeliveryState::Pending && is_old(it.concluded_at)
            }),
            OldRows::CallEvents => {
                let delivered: HashSet<EventSequence> =
                    self.deliveries.iter().map(|it| it.event.sequence).collect();
                let mut kept: HashSet<CallId> = self.keys.values().map(|key| key.call_id.clone()).collect();
                kept.extend(self.calls.iter().filter(|call| !has_ended(call)).map(id));
                take(&mut self.events, limit, |event| {
                    event.sequence != EventSequence::START
                        && event.happened_at < before
                        && !delivered.contains(&event.sequence)
                        && !kept.contains(&event.identity.call_id)
                })
            }
            OldRows::Transcripts => self.change_ended(batch, |call| {
                let conversation = call.progress.conversation.as_mut();
                let has_texts =
                    |it: &&mut ConversationRecord| !it.transcript.is_empty() || it.summary.is_some();
                let Some(conversation) = conversation.filter(has_texts) else { return false };
                conversation.transcript.clear();
                conversation.summary = None;
                conversation.analysis = Analysis { goal: conversation.analysis.goal, ..Analysis::default() };
                call.removed.transcript = Some(now);
                true
            }),
            OldRows::Decisions => {
                self.change_ended(batch, |call| call.booking.conditions.decision.take().is_some())
            }
            OldRows::RefusalCounts => {
                let mut old: Vec<_> = self.refusals.keys().filter(|(_, hour, _)| *hour < before).collect();
                old.truncate(limit as usize);
                let old: HashSet<_> = old.into_iter().cloned().collect();
                self.refusals.retain(|key, _| !old.contains(key));
                old.len() as u64
            }
            OldRows::Attempts => {
                let counts = |at: Timestamp, remember_for| at >= before || at.after(remember_for) >= now;
                let mut left = limit;
                self.attempts.retain(|_, counted| {
                    let is_counted = counted.attempts.iter().any(|(at, _)| counts(*at, counted.remember_for));
                    is_counted || take_one(&mut left)
                });
                u64::from(limit - left)
            }
            OldRows::ListedNumbers => {
                let lists = self.directory.do_not_call_lists.clone();
                take(&mut self.directory.do_not_call_numbers, limit, |number| {
                    let copy = &number.copy;
                    let is_of_list = |list: &&domain::DoNotCallCopy| {
                        list.organization_id == copy.organization_id && list.name == copy.name
                    };
                    let has_left = lists.iter().find(is_of_list).is_some_and(|list| copy.dated < list.dated);
                    has_left && days(copy.dated) < before.unix_millis().div_euclid(MILLIS_OF_A_DAY)
                })
            }
            OldRows::Calls => self.remove_old_calls(batch),
        }
    }

    fn remove_old_calls(&mut self, batch: &RetentionBatch) -> u64 {
        let mut kept: HashSet<CallId> = self.reservations.values().map(|held| held.call_id.clone()).collect();
        let is_unpublished = |sequence: EventSequence| sequence == EventSequence::START;
        let unpublished = self.events.iter().filter(|event| is_unpublished(event.sequence));
        kept.extend(unpublished.map(|event| event.identity.call_id.clone()));
        let pending = self.deliveries.iter().filter(|it| it.state == DeliveryState::Pending);
        kept.extend(pending.map(|it| it.event.identity.call_id.clone()));
        let mut removed = HashSet::new();
        let rows = take(&mut self.calls, batch.limit, |call| {
            let is_old = call.booking.booked_at < batch.before
                && has_ended(call)
                && call.recording.is_none()
                && !kept.contains(&id(call));
            is_old && removed.insert(id(call))
        });
        self.events.retain(|event| !removed.contains(&event.identity.call_id));
        self.deliveries.retain(|it| !removed.contains(&it.event.identity.call_id));
        self.keys.retain(|_, key| !removed.contains(&key.call_id));
        rows
    }

    /// Changes old calls that have ended. Returns how many the function has changed.
    fn change_ended(&mut self, batch: &RetentionBatch, change: impl Fn(&mut LedgerCall) -> bool) -> u64 {
        let old =
            self.calls.iter_mut().filter(|call| call.booking.booked_at < batch.before && has_ended(call));
        old.filter_map(|call| change(call).then_some(())).take(batch.limit as usize).count() as u64
    }
}

/// The days from 1970-01-01 to this date.
fn days(date: LocalDate) -> i64 {
    let (year, month, day) = date.parts();
    // The year begins in March, so that a leap day is its last one.
    let year = i64::from(year) - i64::from(month <= 2);
    let month = (i64::from(month) + 9) % 12;
    let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

fn id(call: &LedgerCall) -> CallId {
    call.booking.identity.call_id.clone()
}

fn has_ended(call: &LedgerCall) -> bool {
    call.progress.given_up.is_some() || call.progress.status.is_some_and(CallStatus::is_final)
}

/// Removes at most `limit` of these items.
fn take<T>(items: &mut Vec<T>, limit: u32, mut is_old: impl FnMut(&T) -> bool) -> u64 {
    let mut left = limit;
    items.retain(|item| left == 0 || !is_old(item) || take_one(&mut left));
    u64::from(limit - left)
}

/// Whether the item must stay, because the limit is reached.
const fn take_one(left: &mut u32) -> bool {
    let is_over = *left == 0;
    *left = left.saturating_sub(1);
    is_over
}

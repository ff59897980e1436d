use async_trait::async_trait;
use domain::ports::{OverdueLease, PortUnavailable, ProviderLookup, UnfinishedCalls, UnrecordedLease};
use domain::{CallId, CallStatus, ConversationId, RecordingReport, Timestamp};

use super::{LedgerCall, Memory, Tables};

#[async_trait]
impl UnfinishedCalls for Memory {
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let due = tables.due(lease.limit, now, |call| is_overdue(call, lease));
        let leased = due.into_iter().map(|index| {
            let call = &mut tables.calls[index];
            let booked_at = call.booking.booked_at;
            let until_given_up = booked_at.since(lease.given_up_before);
            let longer = (lease.now.since(booked_at) / 10).min(until_given_up);
            call.leased_until = Some(now.after(lease.lease_for.max(longer)));
            tables.lookup(&tables.calls[index])
        });
        Ok(leased.collect())
    }

    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let due = tables.due(lease.limit, now, |call| is_unrecorded(call, lease));
        let leased = due.into_iter().filter_map(|index| {
            let call = &mut tables.calls[index];
            let age = lease.now.since(call.booking.booked_at);
            call.leased_until = Some(now.after(lease.lease_for.max(age / 10)));
            Some((call.booking.identity.call_id.clone(), call.progress.conversation_id.clone()?))
        });
        Ok(leased.collect())
    }
}

impl Tables {
    /// The identifiers by which the provider finds the call.
    pub(super) fn lookup(&self, call: &LedgerCall) -> ProviderLookup {
        ProviderLookup {
            call_id: call.booking.identity.call_id.clone(),
            conversation_id: call.progress.conversation_id.clone(),
            provider_agent_id: self.provider_agent_id(call).cloned(),
            booked_at: call.booking.booked_at,
        }
    }

    /// The indexes of calls that match and are not leased: first those without any lease, then
    /// those whose lease is the oldest.
    fn due(&self, limit: u32, now: Timestamp, matches: impl Fn(&LedgerCall) -> bool) -> Vec<usize> {
        let is_free = |call: &LedgerCall| call.leased_until.is_none_or(|until| until <= now);
        let mut due: Vec<usize> = (0..self.calls.len())
            .filter(|index| is_free(&self.calls[*index]) && matches(&self.calls[*index]))
            .collect();
        due.sort_by_key(|index| self.calls[*index].leased_until);
        due.truncate(limit as usize);
        due
    }
}

fn is_overdue(call: &LedgerCall, lease: &OverdueLease) -> bool {
    let booked_before = match call.progress.status {
        None => return false,
        Some(status) if status.is_final() || call.progress.given_up.is_some() => return false,
        Some(CallStatus::InProgress) => lease.unended_before,
        Some(_) => lease.undecided_before,
    };
    call.booking.booked_at < booked_before
}

fn is_unrecorded(call: &LedgerCall, lease: &UnrecordedLease) -> bool {
    let progress = &call.progress;
    progress.status.is_some_and(CallStatus::is_final)
        && progress.conversation.as_ref().is_some_and(|conversation| conversation.has_recording)
        && progress.recording != Some(RecordingReport::TooLarge)
        && progress.conversation_id.is_some()
        && call.recording.is_none()
        && (lease.given_up_before..lease.booked_before).contains(&call.booking.booked_at)
}

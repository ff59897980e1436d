use async_trait::async_trait;
use domain::ports::{CallReader, HistoryPage, HistoryQuery, PortUnavailable, Total};
use domain::{CallFailure, CallId, CallRecord, NotDialled, OrganizationId};

use super::{LedgerCall, Memory, Tables};

#[async_trait]
impl CallReader for Memory {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        let tables = self.open()?;
        let call = tables.call(id).filter(|call| call.booking.identity.organization_id == *organization_id);
        Ok(call.and_then(|call| tables.record(call)))
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        let tables = self.open()?;
        let mut calls: Vec<_> = tables.calls.iter().filter_map(|call| tables.record(call)).collect();
        calls.retain(|call| matches(call, query));
        calls.sort_by(|a, b| (b.booked_at, &b.identity.call_id).cmp(&(a.booked_at, &a.identity.call_id)));
        let total = u32::try_from(calls.len()).expect("fewer calls than fit into the memory");
        let total = Total::counted(total, query.count_up_to);
        if let Some((booked_at, call_id)) = &query.filter.before {
            calls.retain(|call| (call.booked_at, &call.identity.call_id) < (*booked_at, call_id));
        }
        let (offset, limit) = (query.filter.offset as usize, query.filter.limit as usize);
        let mut calls: Vec<_> = calls.into_iter().skip(offset).take(limit).collect();
        for call in &mut calls {
            call.decision = None;
        }
        for conversation in calls.iter_mut().filter_map(|call| call.progress.conversation.as_mut()) {
            *conversation = conversation.in_short();
        }
        Ok(HistoryPage { calls, total })
    }
}

fn matches(call: &CallRecord, query: &HistoryQuery) -> bool {
    let filter = &query.filter;
    call.identity.organization_id == query.organization_id
        && filter.contact_id.as_ref().is_none_or(|id| *id == call.contact.id)
        && filter.user_id.as_ref().is_none_or(|id| *id == call.identity.user_id)
        && filter.agent_id.as_ref().is_none_or(|id| *id == call.identity.agent_id)
        && filter.to.as_ref().is_none_or(|number| *number == call.identity.to)
        && filter.from.is_none_or(|from| from <= call.booked_at)
        && filter.until.is_none_or(|until| call.booked_at < until)
        && (filter.statuses.is_empty()
            || call.progress.shown_status().is_some_and(|status| filter.statuses.contains(&status)))
}

impl Tables {
    /// The call as clients see it, with the names of its user and contact.
    fn record(&self, call: &LedgerCall) -> Option<CallRecord> {
        let identity = call.booking.identity.clone();
        let user = self.directory.users.iter().find(|user| user.id == identity.user_id)?;
        let contact = self.directory.contacts.iter().find(|contact| contact.id == identity.contact_id)?;
        let mut progress = call.progress.clone();
        let dial = call.dial.as_ref();
        progress.failure =
            progress.failure.or_else(|| dial.and_then(|(outcome, at)| CallFailure::of_dial(outcome, *at)));
        Some(CallRecord {
            identity,
            user_name: user.full_name.clone(),
            contact: contact.clone(),
            reason: call.booking.reason.clone(),
            variables: call.booking.variables.clone(),
            metadata: call.booking.metadata.clone(),
            purpose: Some(call.booking.conditions.purpose),
            subject: call.booking.conditions.subject.clone(),
            decision: call.booking.conditions.decision.as_deref().cloned(),
            booked_at: call.booking.booked_at,
            progress,
            not_dialled: dial.and_then(|(outcome, at)| NotDialled::of_dial(outcome, *at)),
            recording: call.recording.clone(),
            removed: call.removed,
        })
    }
}

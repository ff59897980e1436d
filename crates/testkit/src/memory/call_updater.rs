use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallUpdater, KnownParties, KnownPartiesQuery, PartiesLookup, PortUnavailable,
};
use domain::{
    CallEventKind, CallId, CallIdentity, CallStatus, CallUpdate, DialOutcome, ProviderAgentId, Recording,
};

use super::{LedgerCall, Memory, Tables};

#[async_trait]
impl CallUpdater for Memory {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        let tables = self.open()?;
        let id = |call: &LedgerCall| call.booking.identity.call_id.clone();
        if let Some(call) = lookup.call_id.as_ref().and_then(|id| tables.call(id)) {
            return Ok(Some(id(call)));
        }
        if lookup.conversation_id.is_some() {
            let has_conversation =
                |call: &&LedgerCall| call.progress.conversation_id == lookup.conversation_id;
            let mut calls = tables.calls.iter().filter(has_conversation);
            if let (Some(call), None) = (calls.next(), calls.next()) {
                return Ok(Some(id(call)));
            }
        }
        let Some(parties) = &lookup.parties else { return Ok(None) };
        let mut calls = tables.calls.iter().filter(|call| tables.has_parties(call, parties, lookup));
        match (calls.next(), calls.next()) {
            (Some(call), None) => Ok(Some(id(call))),
            _ => Ok(None),
        }
    }

    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable> {
        Ok(self.open()?.call(call_id).map(|call| call.booking.identity.clone()))
    }

    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable> {
        let tables = self.open()?;
        let agent = tables
            .directory
            .agents
            .iter()
            .any(|agent| agent.provider_agent_id.as_ref() == Some(&query.provider_agent_id));
        let numbers = query.numbers.as_ref().is_some_and(|[one, other]| {
            tables.calls.iter().any(|call| {
                let numbers = (&call.booking.identity.from, &call.booking.identity.to);
                (numbers == (one, other) || numbers == (other, one))
                    && call.booking.booked_at >= query.booked_since
            })
        });
        Ok(KnownParties { agent, numbers })
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let Some(call) = tables.call_mut(call_id).filter(|call| !call.is_erased()) else { return Ok(()) };
        let before = call.progress.clone();
        call.progress.merge(update);
        let shown = call.progress.shown_status().unwrap_or(CallStatus::Initiated);
        let end_reason = call.progress.end_reason();
        for kind in call.progress.events_since(&before) {
            tables.write_event(call_id, kind, shown, end_reason, now);
        }
        Ok(())
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let Some(call) = tables.call_mut(call_id).filter(|call| !call.is_erased()) else { return Ok(()) };
        call.recording = Some(recording.clone());
        let status = call.progress.shown_status().unwrap_or(CallStatus::Initiated);
        tables.write_event(call_id, CallEventKind::RecordingReady, status, None, now);
        Ok(())
    }
}

impl Tables {
    pub(super) fn provider_agent_id(&self, call: &LedgerCall) -> Option<&ProviderAgentId> {
        let agent = self.directory.agents.iter().find(|agent| agent.id == call.booking.identity.agent_id)?;
        agent.provider_agent_id.as_ref()
    }

    fn has_parties(&self, call: &LedgerCall, parties: &PartiesLookup, lookup: &CallLookup) -> bool {
        let PartiesLookup { one, other, provider_agent_id, booked_since, booked_until } = parties;
        let numbers = (&call.booking.identity.from, &call.booking.identity.to);
        let conversation_may_match =
            call.progress.conversation_id.is_none() || lookup.conversation_id.is_none();
        lookup.call_id.is_none()
            && !matches!(call.dial, Some((DialOutcome::NotDialled(_), _)))
            && (numbers == (one, other) || numbers == (other, one))
            && (*booked_since..=*booked_until).contains(&call.booking.booked_at)
            && self.provider_agent_id(call) == Some(provider_agent_id)
            && conversation_may_match
    }
}

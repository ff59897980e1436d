use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallReader, CallUpdater, HistoryPage, HistoryQuery, OverdueLease, PartiesLookup,
    PortUnavailable, ProviderLookup, UnfinishedCalls, UnrecordedLease,
};
use domain::{
    CallFailure, CallId, CallProgress, CallRecord, CallStatus, CallUpdate, ConversationId, DialOutcome,
    OrganizationId, ProviderAgentId, ProviderReference, Recording, UpdateContent,
};

use super::ledger::Entry;
use super::{Memory, lock};
use crate::flaw::Flaw;

impl Memory {
    /// What the dial's answer adds to what is known of its call.
    pub(super) fn write_dial_events(&self, entry: &mut Entry, outcome: &DialOutcome, status: CallStatus) {
        let reference = match outcome {
            DialOutcome::Placed(reference) | DialOutcome::NotConnected { reference, .. } => reference.clone(),
            DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => ProviderReference::default(),
        };
        let ProviderReference { conversation_id, carrier_call_id } = reference;
        let told = entry.told.status;
        let status = Some(status);
        if self.has(Flaw::TakesTheDialForTheLastWord) {
            entry.told = CallProgress { status, conversation_id, carrier_call_id, ..entry.told.clone() };
            return;
        }
        entry.told.merge(&CallUpdate { conversation_id, carrier_call_id, ..CallUpdate::unresolved() });
        entry.told.status = if self.has(Flaw::LeavesTheStatusToUpdates) { told } else { told.max(status) };
    }

    fn progress(&self, entry: &Entry) -> CallProgress {
        let mut progress = entry.told.clone();
        let forgets = self.has(Flaw::ForgetsWhyTheDialFailed);
        progress.failure = progress.failure.or_else(|| dial_failure(entry).filter(|_| !forgets));
        progress
    }

    fn record(&self, entry: &Entry) -> Option<CallRecord> {
        let rows = self.rows();
        let booking = entry.booking.clone();
        let user = rows.users.iter().find(|user| user.id == booking.identity.user_id)?;
        let contact = rows.contacts.iter().find(|contact| contact.id == booking.identity.contact_id)?;
        Some(CallRecord {
            identity: booking.identity,
            user_name: user.full_name.clone(),
            contact: contact.clone(),
            reason: booking.reason,
            booked_at: booking.booked_at,
            progress: self.progress(entry),
            recording: entry.recording.clone(),
        })
    }

    fn is_listed(&self, call: &CallRecord, query: &HistoryQuery) -> bool {
        let filters = [
            query.filter.contact_id.as_ref().map(|id| *id == call.contact.id),
            query.filter.user_id.as_ref().map(|id| *id == call.identity.user_id),
            query.filter.status.map(|status| call.progress.status == Some(status)),
        ];
        let mut given = filters.into_iter().flatten();
        let fits = match self.flaw {
            Some(Flaw::FiltersByOneThingAlone) => given.next().unwrap_or(true),
            _ => given.all(|fits| fits),
        };
        self.is_of(&call.identity.organization_id, &query.organization_id) && fits
    }

    pub(super) fn is_of(&self, stored: &OrganizationId, asked: &OrganizationId) -> bool {
        stored == asked || self.has(Flaw::ForgetsTheTenant)
    }

    fn provider_agent(&self, entry: &Entry) -> Option<ProviderAgentId> {
        let rows = self.rows();
        let agent = rows.agents.iter().find(|agent| agent.id == entry.booking.identity.agent_id)?;
        agent.provider_agent_id.clone()
    }

    fn fits(&self, entry: &Entry, parties: &PartiesLookup, lookup: &CallLookup) -> bool {
        let PartiesLookup { one, other, provider_agent_id, booked_since, booked_until } = parties;
        let (from, to) = (&entry.booking.identity.from, &entry.booking.identity.to);
        let turned = (from, to) == (other, one) && !self.has(Flaw::KnowsNumbersOneWayRound);
        let unnamed = entry.told.conversation_id.is_none() || lookup.conversation_id.is_none();
        ((from, to) == (one, other) || turned)
            && entry.booking.booked_at >= *booked_since
            && (entry.booking.booked_at <= *booked_until || self.has(Flaw::LocatesCallsOfLater))
            && !(entry.told.status.is_some_and(CallStatus::is_final)
                && self.has(Flaw::LocatesUnendedCallsAlone))
            && (self.has(Flaw::LocatesCallsThatWereNotDialled)
                || !matches!(entry.dial, Some((DialOutcome::NotDialled(_), _))))
            && (lookup.call_id.is_none() || self.has(Flaw::IgnoresForeignIds))
            && self.provider_agent(entry).as_ref() == Some(provider_agent_id)
            && (unnamed || self.has(Flaw::LocatesKnownConversations))
    }

    fn is_overdue(&self, entry: &Entry, lease: &OverdueLease) -> bool {
        let ended = entry.told.status.is_none_or(CallStatus::is_final);
        let before = match entry.told.status {
            _ if self.has(Flaw::LeasesEndsAsEarlyAsDials) => lease.undecided_before,
            Some(CallStatus::InProgress) => lease.unended_before,
            _ => lease.undecided_before,
        };
        let booked_at = entry.booking.booked_at;
        (!ended || self.has(Flaw::LeasesWhatHasEnded))
            && booked_at < before
            && (booked_at >= lease.given_up_before || self.has(Flaw::NeverGivesUp))
            && entry.claimed_until <= self.now()
    }
}

fn dial_failure(entry: &Entry) -> Option<CallFailure> {
    match entry.dial.as_ref()? {
        (DialOutcome::NotConnected { reason, .. }, at) => Some(CallFailure { reason: *reason, at: *at }),
        _ => None,
    }
}

fn drop_transcript(conversation: &mut domain::ConversationRecord) {
    conversation.transcript.clear();
}

#[async_trait]
impl CallReader for Memory {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        self.reach(id.as_str()).await?;
        let books = lock(&self.store.books);
        let found = books.calls.iter().find(|entry| {
            entry.booking.identity.call_id == *id
                && self.is_of(&entry.booking.identity.organization_id, organization_id)
        });
        Ok(found.and_then(|entry| self.record(entry)))
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        self.reach(query.organization_id.as_str()).await?;
        let books = lock(&self.store.books);
        let mut calls: Vec<CallRecord> = books.calls.iter().filter_map(|entry| self.record(entry)).collect();
        calls.retain(|call| self.is_listed(call, query));
        calls.sort_by(|a, b| (b.booked_at, &b.identity.call_id).cmp(&(a.booked_at, &a.identity.call_id)));
        if self.has(Flaw::ListsTheOldestFirst) {
            calls.reverse();
        }
        let total = calls.len();
        if let Some((booked_at, call_id)) = &query.filter.before {
            calls.retain(|call| match self.flaw {
                Some(Flaw::TurnsPagesByTimeAlone) => call.booked_at < *booked_at,
                _ => (call.booked_at, &call.identity.call_id) < (*booked_at, call_id),
            });
        }
        let (offset, limit) = (query.filter.offset as usize, query.filter.limit as usize);
        let mut calls: Vec<CallRecord> = calls.into_iter().skip(offset).take(limit).collect();
        if !self.has(Flaw::ListsTranscripts) {
            calls.iter_mut().filter_map(|call| call.progress.conversation.as_mut()).for_each(drop_transcript);
        }
        let total = if self.has(Flaw::CountsThePageAlone) { calls.len() } else { total };
        Ok(HistoryPage { calls, total: total as u64 })
    }
}

#[async_trait]
impl CallUpdater for Memory {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        self.reach(lookup.parties.as_ref().map_or("", |parties| parties.one.as_e164())).await?;
        let books = lock(&self.store.books);
        let id = |entry: &Entry| entry.booking.identity.call_id.clone();
        let named = lookup.call_id.as_ref();
        if named.is_some() && self.has(Flaw::TrustsForeignIds) {
            return Ok(named.cloned());
        }
        if let Some(entry) = books.calls.iter().find(|entry| named == Some(&entry.booking.identity.call_id)) {
            return Ok(Some(id(entry)));
        }
        let same = |entry: &&Entry| {
            lookup.conversation_id.is_some() && entry.told.conversation_id == lookup.conversation_id
        };
        let mut on_conversation = books.calls.iter().filter(same);
        match (on_conversation.next(), on_conversation.next()) {
            (Some(_), Some(_)) if !self.has(Flaw::TakesTheFirstOfTwoCalls) => {}
            (Some(entry), _) => return Ok(Some(id(entry))),
            (None, _) => {}
        }
        let Some(parties) = &lookup.parties else { return Ok(None) };
        let mut fitting = books.calls.iter().filter(|entry| self.fits(entry, parties, lookup));
        match (fitting.next(), fitting.next()) {
            (Some(_), Some(_)) if !self.has(Flaw::LocatesTheFirstThatFits) => Ok(None),
            (first, _) => Ok(first.map(id)),
        }
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        self.reach(call_id.as_str()).await?;
        let is_it = |entry: &&mut Entry| entry.booking.identity.call_id == *call_id;
        let read = lock(&self.store.books).calls.iter_mut().find(is_it).map(|entry| entry.told.clone());
        if self.has(Flaw::ReadsBeforeItMerges) {
            tokio::task::yield_now().await;
        }
        let mut books = lock(&self.store.books);
        let (Some(read), Some(entry)) = (read, books.calls.iter_mut().find(is_it)) else { return Ok(()) };
        if self.has(Flaw::ReadsBeforeItMerges) {
            entry.told = read;
        }
        if self.has(Flaw::MergesWithTheDialsFailure) {
            entry.told.failure = entry.told.failure.or_else(|| dial_failure(entry));
        }
        let mut update = update.clone();
        if let (UpdateContent::Conversation(conversation), true) =
            (&mut update.content, self.has(Flaw::DropsTheTranscript))
        {
            drop_transcript(conversation);
        }
        let before = entry.told.status;
        if self.has(Flaw::KeepsTheLastStatus) {
            entry.told.status = None;
        }
        entry.told.merge(&update);
        self.write_update_events(entry, before);
        Ok(())
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        self.reach(call_id.as_str()).await?;
        let mut books = lock(&self.store.books);
        let Some(entry) = books.calls.iter_mut().find(|entry| entry.booking.identity.call_id == *call_id)
        else {
            return Ok(());
        };
        let keeps = match self.flaw {
            Some(Flaw::ForgetsRecordings) => false,
            Some(Flaw::KeepsTheFirstRecording) => entry.recording.is_none(),
            _ => true,
        };
        if keeps {
            entry.recording = Some(recording.clone());
        }
        self.write_recording_event(entry);
        Ok(())
    }
}

#[async_trait]
impl UnfinishedCalls for Memory {
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable> {
        self.reach("nothing").await?;
        let limit = self.lease_limit(lease.limit);
        let lease_of = |entry: &Entry| match self.flaw {
            Some(Flaw::AsksForOldCallsAsOften) => lease.lease_for,
            _ => lease.lease_for.max(lease.now.since(entry.booking.booked_at) / 10),
        };
        let mut books = lock(&self.store.books);
        let mut overdue: Vec<&mut Entry> =
            books.calls.iter_mut().filter(|entry| self.is_overdue(entry, lease)).collect();
        if !self.has(Flaw::LeasesTheOldestAgain) {
            overdue.sort_by_key(|entry| entry.claimed_until);
        }
        let leased = overdue.into_iter().take(limit).map(|entry| {
            entry.claimed_until = self.claimed_until(lease_of(entry));
            ProviderLookup {
                call_id: entry.booking.identity.call_id.clone(),
                conversation_id: entry.told.conversation_id.clone(),
                provider_agent_id: self.provider_agent(entry),
                booked_at: entry.booking.booked_at,
            }
        });
        Ok(leased.collect())
    }

    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable> {
        self.reach("nothing").await?;
        let mut books = lock(&self.store.books);
        let mut leased = Vec::new();
        for entry in &mut books.calls {
            let booked_at = entry.booking.booked_at;
            let told = &entry.told;
            let has_recording = told.conversation.as_ref().is_some_and(|it| it.has_recording);
            let is_due = told.status == Some(CallStatus::Completed)
                && (has_recording || self.has(Flaw::TakesEveryCallForRecorded))
                && (entry.recording.is_none() || self.has(Flaw::FetchesWhatItHas))
                && (lease.given_up_before..lease.booked_before).contains(&booked_at)
                && (entry.claimed_until <= self.now() || self.has(Flaw::LeasesInWordsOnly));
            if let (true, Some(conversation_id)) =
                (is_due && leased.len() < self.lease_limit(lease.limit), &told.conversation_id)
            {
                leased.push((entry.booking.identity.call_id.clone(), conversation_id.clone()));
                let lease_for = lease.lease_for.max(lease.now.since(booked_at) / 10);
                entry.claimed_until = self.claimed_until(lease_for);
            }
        }
        Ok(leased)
    }
}

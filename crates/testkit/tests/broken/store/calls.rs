use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallReader, CallUpdater, HistoryPage, HistoryQuery, KnownParties, KnownPartiesQuery,
    OverdueLease, PartiesLookup, PortUnavailable, ProviderLookup, Total, UnfinishedCalls, UnrecordedLease,
};
use domain::{
    CallFailure, CallId, CallIdentity, CallRecord, CallStatus, CallUpdate, ConversationId, HistoryFilter,
    OrganizationId, Recording, RecordingReport, Timestamp, UpdateContent,
};
use testkit::memory::{LedgerCall, Memory, Tables};

use super::events::Write;
use super::{BrokenStore, NEVER};
use crate::flaw::Flaw;

const LONG_AGO: Timestamp = Timestamp::from_unix_millis(0);

impl BrokenStore {
    /// The store as a tenant sees it that owns every call.
    fn owned_by(&self, organization_id: &OrganizationId) -> Memory {
        self.copy_with(|tables| {
            for call in &mut tables.calls {
                call.booking.identity.organization_id = organization_id.clone();
            }
        })
    }

    fn numbers_in_ledger(&self) -> String {
        self.memory.tables().calls.iter().map(|call| call.booking.identity.to.as_e164()).collect()
    }

    /// Each call that a lookup finds if there is no other call.
    async fn located_alone(&self, lookup: &CallLookup) -> Result<Vec<CallId>, PortUnavailable> {
        let calls = self.memory.tables().calls.clone();
        let mut located = Vec::new();
        for call in calls {
            let alone = self.copy_with(|tables| tables.calls = vec![call]);
            located.extend(alone.locate(lookup).await?);
        }
        Ok(located)
    }

    async fn locate_wrongly(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        let by_conversation = CallLookup { call_id: None, parties: None, ..lookup.clone() };
        let by_parties = CallLookup { call_id: None, conversation_id: None, parties: lookup.parties.clone() };
        let is_turned = |parties: &PartiesLookup, call: &LedgerCall| {
            (&call.booking.identity.to, &call.booking.identity.from) == (&parties.one, &parties.other)
        };
        match (self.flaw, &lookup.parties) {
            (Flaw::TrustsForeignIds, _) => Ok(lookup.call_id.clone()),
            (Flaw::TakesTheFirstOfTwoCalls, _) => {
                Ok(self.located_alone(&by_conversation).await?.first().cloned())
            }
            (Flaw::LocatesTheFirstThatFits, _) => Ok(self.located_alone(lookup).await?.first().cloned()),
            (Flaw::LocatesKnownConversations, Some(_)) => self.memory.locate(&by_parties).await,
            (Flaw::KnowsNumbersOneWayRound, Some(parties)) => {
                let straight = |tables: &mut Tables| tables.calls.retain(|call| !is_turned(parties, call));
                self.copy_with(straight).locate(lookup).await
            }
            (Flaw::LocatesLaterCalls, Some(parties)) => {
                let parties = PartiesLookup { booked_until: NEVER, ..parties.clone() };
                self.memory.locate(&CallLookup { parties: Some(parties), ..lookup.clone() }).await
            }
            (Flaw::LocatesCallsThatWereNotDialled, _) => {
                let undecided =
                    self.copy_with(|tables| tables.calls.iter_mut().for_each(|call| call.dial = None));
                undecided.locate(lookup).await
            }
            (Flaw::IgnoresForeignIds, _) => {
                self.memory.locate(&CallLookup { call_id: None, ..lookup.clone() }).await
            }
            _ => Ok(None),
        }
    }
}

#[async_trait]
impl CallReader for BrokenStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        self.reach(&self.numbers_in_ledger()).await?;
        let mut found = match self.flaw {
            Flaw::ForgetsTheTenant => {
                CallReader::find(&self.owned_by(organization_id), organization_id, id).await?
            }
            _ => CallReader::find(&self.memory, organization_id, id).await?,
        };
        match (&mut found, self.flaw) {
            (Some(record), Flaw::ForgetsWhyTheDialFailed) => {
                let tables = self.memory.tables();
                record.progress.failure = tables.call(id).and_then(|call| call.progress.failure.clone());
            }
            (Some(record), Flaw::ForgetsWhyTheDialWasRefused) => record.not_dialled = None,
            _ => {}
        }
        Ok(found)
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        self.reach(&self.numbers_in_ledger()).await?;
        let mut query = query.clone();
        let HistoryFilter { contact_id, user_id, before, limit, .. } = query.filter.clone();
        match self.flaw {
            Flaw::FiltersByOneThingAlone if contact_id.is_some() => {
                query.filter.user_id = None;
                query.filter.statuses.clear();
            }
            Flaw::FiltersByOneThingAlone if user_id.is_some() => query.filter.statuses.clear(),
            Flaw::FiltersByTheFirstStatusAlone => query.filter.statuses.truncate(1),
            Flaw::ListsUntilInclusively => {
                query.filter.until = query.filter.until.map(|until| until.after(Duration::from_millis(1)));
            }
            Flaw::IgnoresTheAgent => query.filter.agent_id = None,
            Flaw::IgnoresTheNumber => query.filter.to = None,
            Flaw::CountsEverything => query.count_up_to = u32::MAX,
            Flaw::ListsTheOldestFirst => query.filter.limit = u32::MAX,
            Flaw::ForgetsTheTenant => {
                return self.owned_by(&query.organization_id).history(&query).await;
            }
            _ => {}
        }
        let by_stored_status = self.copy_with(|tables| {
            tables.calls.iter_mut().for_each(|call| call.progress.given_up = None);
        });
        let filtered =
            if self.has(Flaw::FiltersByTheStoredStatus) { &by_stored_status } else { &self.memory };
        let mut page = filtered.history(&query).await?;
        match (self.flaw, before) {
            (Flaw::ListsTheOldestFirst, _) => {
                page.calls.reverse();
                page.calls.truncate(limit as usize);
            }
            (Flaw::ListsDecisions, _) => {
                for call in &mut page.calls {
                    call.decision = Some(testkit::fixtures::decision());
                }
            }
            (Flaw::ListsTranscripts, _) => {
                for call in &mut page.calls {
                    let found =
                        CallReader::find(&self.memory, &query.organization_id, &call.identity.call_id)
                            .await?;
                    call.progress = found.map_or(call.progress.clone(), |found| found.progress);
                }
            }
            (Flaw::CountsThePageAlone, _) => {
                page.total = Total::Exactly(u32::try_from(page.calls.len()).unwrap_or(u32::MAX));
            }
            (Flaw::TurnsPagesByTimeAlone, Some((booked_at, _))) => {
                page.calls.retain(|call| call.booked_at < booked_at);
            }
            _ => {}
        }
        Ok(page)
    }
}

#[async_trait]
impl CallUpdater for BrokenStore {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        self.reach(lookup.parties.as_ref().map_or("", |parties| parties.one.as_e164())).await?;
        let located = match self.flaw {
            Flaw::KnowsNumbersOneWayRound => None,
            Flaw::LocatesKnownConversations => {
                self.memory.locate(&CallLookup { parties: None, ..lookup.clone() }).await?
            }
            Flaw::LocatesUnendedCallsAlone => {
                let unended = self.copy_with(|tables| {
                    tables.calls.retain(|call| !call.progress.status.is_some_and(CallStatus::is_final));
                });
                unended.locate(&CallLookup { call_id: None, ..lookup.clone() }).await?
            }
            _ => self.memory.locate(lookup).await?,
        };
        match located {
            Some(located) if !self.has(Flaw::TrustsForeignIds) => Ok(Some(located)),
            _ => self.locate_wrongly(lookup).await,
        }
    }

    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable> {
        self.reach(call_id.as_str()).await?;
        if self.has(Flaw::IdentifiesTheFirstCall) {
            let tables = self.memory.tables();
            return Ok(tables.calls.first().map(|call| call.booking.identity.clone()));
        }
        self.memory.identity(call_id).await
    }

    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable> {
        self.reach(query.numbers.as_ref().map_or("", |[one, _]| one.as_e164())).await?;
        let mut query = query.clone();
        let known = self.copy_with(|tables| match self.flaw {
            Flaw::KnowsOneTenantsAgents => tables.directory.agents.truncate(1),
            Flaw::ForgetsEndedCalls => {
                tables.calls.retain(|call| !call.progress.status.is_some_and(CallStatus::is_final));
            }
            Flaw::ForgetsWhenItWasBooked => query.booked_since = LONG_AGO,
            Flaw::KnowsNumbersOneWayRound => tables.calls.retain(|call| {
                let to = &call.booking.identity.to;
                query.numbers.as_ref().is_some_and(|[_, other]| other == to)
            }),
            _ => {}
        });
        known.known_parties(&query).await
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        self.reach(call_id.as_str()).await?;
        let call = self.memory.tables().call(call_id).cloned();
        let Some(call) = call else { return self.memory.merge(call_id, update).await };
        let status_before = call.progress.status.unwrap_or(CallStatus::Initiated);
        let mut update = update.clone();
        match (self.flaw, &mut update.content) {
            (Flaw::ReadsBeforeItMerges, _) => {
                tokio::task::yield_now().await;
                self.change_call(call_id, |stored| stored.progress = call.progress);
            }
            (Flaw::MergesWithTheDialsFailure, _) => self.change_call(call_id, |stored| {
                let of_dial = stored.dial.as_ref();
                let of_dial = of_dial.and_then(|(outcome, at)| CallFailure::of_dial(outcome, *at));
                stored.progress.failure = stored.progress.failure.take().or(of_dial);
            }),
            (Flaw::KeepsTheLastStatus, _) => {
                self.change_call(call_id, |stored| stored.progress.status = None)
            }
            (Flaw::DropsTheTranscript, UpdateContent::Conversation(conversation)) => {
                conversation.transcript.clear();
            }
            (Flaw::KeepsTheLastReport, UpdateContent::Recording(_)) => {
                self.change_call(call_id, |stored| stored.progress.recording = None);
            }
            _ => {}
        }
        if self.has(Flaw::MergesIntoErasedCalls) {
            self.change_call(call_id, |stored| {
                stored.progress.merge(&update);
            });
        }
        let events = self.events_written();
        self.memory.merge(call_id, &update).await?;
        if self.has(Flaw::ForgetsWhyItGaveUp) {
            self.change_call(call_id, |stored| stored.progress.given_up = None);
        }
        self.change_events(call_id, events, Write::Update(status_before)).await
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        self.reach(call_id.as_str()).await?;
        let (events, before) = (self.events_written(), self.memory.tables().call(call_id).cloned());
        self.memory.attach_recording(call_id, recording).await?;
        let first = before.and_then(|call| call.recording);
        match self.flaw {
            Flaw::ForgetsRecordings => self.change_call(call_id, |call| call.recording = first),
            Flaw::KeepsTheFirstRecording if first.is_some() => {
                self.change_call(call_id, |call| call.recording = first);
            }
            _ => {}
        }
        self.change_events(call_id, events, Write::Recording).await
    }
}

impl BrokenStore {
    /// Runs a lease while each call looks different from what is stored.
    async fn disguised<T>(&self, disguise: impl FnMut(&mut LedgerCall), lease: impl Future<Output = T>) -> T {
        let before = self.memory.tables().calls.clone();
        self.memory.tables().calls.iter_mut().for_each(disguise);
        let leased = lease.await;
        for (call, before) in self.memory.tables().calls.iter_mut().zip(before) {
            *call = LedgerCall { leased_until: call.leased_until, ..before };
        }
        leased
    }

    /// Changes the leases that were given to these calls.
    fn change_leases<'a>(&self, leased: impl Iterator<Item = &'a CallId>, leased_until: Option<Timestamp>) {
        for id in leased {
            self.change_call(id, |call| call.leased_until = leased_until);
        }
    }
}

#[async_trait]
impl UnfinishedCalls for BrokenStore {
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable> {
        self.reach(&self.numbers_in_ledger()).await?;
        let mut lease = OverdueLease { limit: self.lease_limit(lease.limit), ..*lease };
        match self.flaw {
            Flaw::LeasesEndsAsEarlyAsDials => lease.unended_before = lease.undecided_before,
            Flaw::LeasesBeyondTheEnd => lease.given_up_before = LONG_AGO,
            _ => {}
        }
        let (flaw, now) = (self.flaw, self.now());
        let disguise = |call: &mut LedgerCall| match flaw {
            Flaw::LeasesEndedCalls => call.progress.status = Some(CallStatus::Initiated),
            Flaw::LeasesGivenUpCalls => call.progress.given_up = None,
            Flaw::LeasesTheOldestAgain if call.leased_until.is_some_and(|until| until <= now) => {
                call.leased_until = None;
            }
            _ => {}
        };
        let mut leased = self.disguised(disguise, self.memory.lease_overdue(&lease)).await?;
        if self.has(Flaw::SkipsOldCalls) {
            leased.retain(|call| call.booked_at >= lease.given_up_before);
        }
        let ids = leased.iter().map(|lookup| &lookup.call_id);
        match self.flaw {
            Flaw::LeasesWithoutHiding => self.change_leases(ids, None),
            Flaw::LeasesForEver => self.change_leases(ids, Some(NEVER)),
            Flaw::LeasesOldCallsAsBriefly => self.change_leases(ids, Some(now.after(lease.lease_for))),
            _ => {}
        }
        Ok(leased)
    }

    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable> {
        self.reach(&self.numbers_in_ledger()).await?;
        let lease = UnrecordedLease { limit: self.lease_limit(lease.limit), ..*lease };
        let flaw = self.flaw;
        let disguise = |call: &mut LedgerCall| match flaw {
            Flaw::LeasesCompletedCallsAlone if call.progress.status != Some(CallStatus::Completed) => {
                call.progress.status = Some(CallStatus::InProgress);
            }
            Flaw::TakesEveryCallForRecorded => {
                if let Some(conversation) = &mut call.progress.conversation {
                    conversation.has_recording = true;
                }
            }
            Flaw::FetchesStoredRecordings => call.recording = None,
            Flaw::TrustsTheRecordAlone if call.progress.recording == Some(RecordingReport::AtProvider) => {
                if let Some(conversation) = &mut call.progress.conversation {
                    conversation.has_recording = false;
                }
            }
            Flaw::FetchesWhatIsTooLarge if call.progress.recording.is_some() => {
                call.progress.recording = Some(RecordingReport::AtProvider);
            }
            _ => {}
        };
        let leased = self.disguised(disguise, self.memory.lease_unrecorded(&lease)).await?;
        let ids = leased.iter().map(|(call_id, _)| call_id);
        match self.flaw {
            Flaw::LeasesWithoutHiding => self.change_leases(ids, None),
            Flaw::LeasesForEver => self.change_leases(ids, Some(NEVER)),
            _ => {}
        }
        Ok(leased)
    }
}

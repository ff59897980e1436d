//! Books to read from, which keep what they were asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallReader, CallUpdater, HistoryPage, HistoryQuery, PortUnavailable, UserRepo,
};
use domain::{
    AgentId, CallId, CallIdentity, CallProgress, CallReason, CallRecord, CallUpdate, Contact, ContactId,
    Organization, OrganizationId, PersonName, PhoneNumber, Timestamp, User, UserId,
};

/// What is in the books, and what was asked of them.
#[derive(Clone, Default)]
pub(crate) struct Books {
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) total: u64,
    /// No token's user is known.
    pub(crate) nobody: bool,
    pub(crate) away: bool,
    /// Whether they break the process's own rules, as a bug would.
    pub(crate) broken: bool,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Call(OrganizationId, CallId),
    History(HistoryQuery),
}

/// A call as it was booked.
pub(crate) fn booked(call_id: &str) -> CallRecord {
    let organization_id = OrganizationId::parse("o1").expect("an id");
    let phone = |text| PhoneNumber::parse(text).expect("a number");
    CallRecord {
        identity: CallIdentity {
            call_id: CallId::parse(call_id).expect("an id"),
            organization_id: organization_id.clone(),
            user_id: UserId::parse("u1").expect("an id"),
            contact_id: ContactId::parse("c1").expect("an id"),
            agent_id: AgentId::parse("a1").expect("an id"),
            from: phone("+14165550100"),
            to: phone("+14165550111"),
        },
        user_name: PersonName::parse("Grace Hopper").expect("a name"),
        contact: Contact {
            id: ContactId::parse("c1").expect("an id"),
            organization_id,
            first_name: Some(PersonName::parse("Ada").expect("a name")),
            last_name: None,
            phone_number: Some(phone("+14165550110")),
        },
        reason: Some(CallReason::parse("a very private reason").expect("text")),
        booked_at: Timestamp::from_unix_millis(1_772_442_600_042),
        recording: None,
        progress: CallProgress::default(),
    }
}

impl Books {
    pub(crate) fn of(calls: Vec<CallRecord>) -> Self {
        Self { total: u64::try_from(calls.len()).expect("a few"), calls, ..Self::default() }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no reader panics").clone()
    }

    fn note(&self, asked: Asked) -> Result<(), PortUnavailable> {
        assert!(!self.broken, "a bug");
        self.asked.lock().expect("no reader panics").push(asked);
        if self.away { Err(PortUnavailable::new("postgres", "secret detail")) } else { Ok(()) }
    }
}

#[async_trait]
impl UserRepo for Books {
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable> {
        let name = || PersonName::parse("Somebody").expect("a name");
        let id_of_organization = OrganizationId::parse(&format!("organization of {id}")).expect("an id");
        let organization = Organization { id: id_of_organization, name: name() };
        Ok((!self.nobody).then(|| User { id: id.clone(), organization, full_name: name() }))
    }
}

#[async_trait]
impl CallReader for Books {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        self.note(Asked::Call(organization_id.clone(), id.clone()))?;
        Ok(self.calls.iter().find(|call| call.identity.call_id == *id).cloned())
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        self.note(Asked::History(query.clone()))?;
        let calls = self.calls.iter().take(query.filter.limit.try_into().expect("fits")).cloned().collect();
        Ok(HistoryPage { calls, total: self.total })
    }
}

#[async_trait]
impl CallUpdater for Books {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        Ok(lookup.call_id.clone())
    }

    async fn merge(&self, _: &CallId, _: &CallUpdate) -> Result<(), PortUnavailable> {
        unreachable!("a handler writes nothing into the books")
    }

    async fn attach_recording(&self, _: &CallId, _: &domain::Recording) -> Result<(), PortUnavailable> {
        unreachable!("a handler writes nothing into the books")
    }
}

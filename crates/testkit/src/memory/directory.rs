use async_trait::async_trait;
use domain::ports::{
    Directory, DirectoryImport, PortUnavailable, RecordRefusal, StoredIdentity, UpsertError,
};
use domain::{
    CallIdentity, Contact, ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, OrganizationId,
    Timestamp, UserRecord,
};

use super::{DirectoryTables, Memory, Tables};

/// Upserts go to a copy of the directory. The commit repeats them on the directory itself.
struct Import {
    memory: Memory,
    copy: DirectoryTables,
    records: Vec<DirectoryRecord>,
}

#[async_trait]
impl Directory for Memory {
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable> {
        let copy = self.open()?.directory.clone();
        Ok(Box::new(Import { memory: self.clone(), copy, records: Vec::new() }))
    }

    async fn find_named(&self, records: &[DirectoryRecord]) -> Result<Vec<StoredIdentity>, PortUnavailable> {
        let tables = self.open()?;
        let is_named = |stored: &StoredIdentity| records.iter().any(|record| names(record, stored));
        Ok(tables.directory.identities().filter(is_named).collect())
    }
}

#[async_trait]
impl DirectoryImport for Import {
    async fn upsert(&mut self, records: &[DirectoryRecord]) -> Result<(), UpsertError> {
        drop(self.memory.open()?);
        for (index, record) in records.iter().enumerate() {
            self.copy.upsert(record).map_err(|refusal| UpsertError::Refused { index, refusal })?;
            self.records.push(record.clone());
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortUnavailable> {
        let mut tables = self.memory.open()?;
        let mut changed = tables.clone();
        for record in &self.records {
            let conflict = |_| PortUnavailable::new("memory", "the directory changed during the import");
            changed.upsert(record, self.memory.now()).map_err(conflict)?;
        }
        *tables = changed;
        Ok(())
    }
}

/// Whether a record names what is stored.
fn names(record: &DirectoryRecord, stored: &StoredIdentity) -> bool {
    let (organization_id, user_id) = match record {
        DirectoryRecord::Organization(organization) => (&organization.id, None),
        DirectoryRecord::User(user) => (&user.organization_id, Some(&user.id)),
        DirectoryRecord::Agent(agent) => (&agent.organization_id, None),
        DirectoryRecord::Number(record) => (&record.number.organization_id, Some(&record.number.user_id)),
        DirectoryRecord::Contact(contact) => (&contact.organization_id, None),
        DirectoryRecord::CallingPolicy(record) => (&record.organization_id, None),
        DirectoryRecord::Consent(consent) => (&consent.organization_id, None),
        DirectoryRecord::DoNotCallNumber(number) => (&number.copy.organization_id, None),
        DirectoryRecord::DoNotCallCopy(copy) => (&copy.organization_id, None),
        DirectoryRecord::Suppression(suppression) => match &suppression.organization_id {
            Some(organization_id) => (organization_id, None),
            None => return false,
        },
    };
    match (stored, record) {
        (StoredIdentity::Organization(id), _) => organization_id == id,
        (StoredIdentity::User(id, _), _) => user_id == Some(id),
        (StoredIdentity::Agent(id, _), DirectoryRecord::Agent(agent)) => agent.id == *id,
        (
            StoredIdentity::Contact { id, organization_id: tenant, phone_number },
            DirectoryRecord::Contact(contact),
        ) => {
            let has_number = phone_number.is_some() && *phone_number == contact.phone_number;
            contact.identity == ContactIdentity::Known(id.clone())
                || (organization_id == tenant && has_number)
        }
        (StoredIdentity::DoNotCallList(stored), DirectoryRecord::DoNotCallCopy(copy)) => {
            stored.is_of_list(copy)
        }
        _ => false,
    }
}

impl Tables {
    /// Inserts a record, or replaces the one with the same identity.
    pub(super) fn upsert(&mut self, record: &DirectoryRecord, now: Timestamp) -> Result<(), RecordRefusal> {
        self.directory.upsert(record)?;
        self.audit_directory();
        if let DirectoryRecord::CallingPolicy(record) = record {
            self.import_policy(&record.organization_id, &record.policy, now);
        }
        Ok(())
    }
}

impl DirectoryTables {
    /// Whether user, contact and agent of a call are stored in its organization.
    pub(super) fn has_parties_of(&self, call: &CallIdentity) -> bool {
        let tenant = &call.organization_id;
        self.users.iter().any(|user| user.organization_id == *tenant && user.id == call.user_id)
            && self.agents.iter().any(|agent| agent.organization_id == *tenant && agent.id == call.agent_id)
            && self.contacts.iter().any(|one| one.organization_id == *tenant && one.id == call.contact_id)
    }

    /// Whether the contact of a call can be called: it has a number, and was not erased meanwhile.
    pub(super) fn has_number_of(&self, call: &CallIdentity) -> bool {
        self.contacts.iter().any(|one| one.id == call.contact_id && one.phone_number.is_some())
    }

    fn identities(&self) -> impl Iterator<Item = StoredIdentity> {
        let organizations = self.organizations.iter().map(|stored| stored.id.clone());
        let users = self.users.iter().map(|stored| (stored.id.clone(), stored.organization_id.clone()));
        let agents = self.agents.iter().map(|stored| (stored.id.clone(), stored.organization_id.clone()));
        let contacts = self.contacts.iter().map(|stored| StoredIdentity::Contact {
            id: stored.id.clone(),
            organization_id: stored.organization_id.clone(),
            phone_number: stored.phone_number.clone(),
        });
        organizations
            .map(StoredIdentity::Organization)
            .chain(users.map(|(id, tenant)| StoredIdentity::User(id, tenant)))
            .chain(agents.map(|(id, tenant)| StoredIdentity::Agent(id, tenant)))
            .chain(contacts)
            .chain(self.do_not_call_lists.iter().cloned().map(StoredIdentity::DoNotCallList))
    }

    /// Inserts a record, or replaces the one with the same identity. Of a calling policy it only checks
    /// the organization.
    ///
    /// # Errors
    /// Those of [`DirectoryImport::upsert`]; nothing is stored then.
    pub fn upsert(&mut self, record: &DirectoryRecord) -> Result<(), RecordRefusal> {
        match record {
            DirectoryRecord::Organization(organization) => {
                put(&mut self.organizations, organization, |stored| stored.id == organization.id);
            }
            DirectoryRecord::User(user) => {
                self.require_organization(&user.organization_id)?;
                let stored = self.users.iter().find(|stored| stored.id == user.id);
                require_same_tenant(stored.map(|stored| &stored.organization_id), &user.organization_id)?;
                put(&mut self.users, user, |stored| stored.id == user.id);
            }
            DirectoryRecord::Agent(agent) => {
                self.require_organization(&agent.organization_id)?;
                let stored = self.agents.iter().find(|stored| stored.id == agent.id);
                require_same_tenant(stored.map(|stored| &stored.organization_id), &agent.organization_id)?;
                put(&mut self.agents, agent, |stored| stored.id == agent.id);
            }
            DirectoryRecord::Number(record) => self.upsert_number(record)?,
            DirectoryRecord::Contact(contact) => self.upsert_contact(contact)?,
            DirectoryRecord::CallingPolicy(record) => self.require_organization(&record.organization_id)?,
            DirectoryRecord::Suppression(suppression) => {
                let organization_id = suppression.organization_id.as_ref();
                self.require_organization(organization_id.ok_or(RecordRefusal::UnknownOrganization)?)?;
                self.put_suppression(suppression);
            }
            DirectoryRecord::Consent(consent) => {
                self.require_organization(&consent.organization_id)?;
                self.put_consent(consent);
            }
            DirectoryRecord::DoNotCallNumber(number) => {
                self.require_organization(&number.copy.organization_id)?;
                self.put_do_not_call_number(number);
            }
            DirectoryRecord::DoNotCallCopy(copy) => {
                self.require_organization(&copy.organization_id)?;
                self.put_do_not_call_copy(copy)?;
            }
        }
        Ok(())
    }

    pub(super) fn require_organization(&self, id: &OrganizationId) -> Result<(), RecordRefusal> {
        let is_stored = self.organizations.iter().any(|stored| stored.id == *id);
        if is_stored { Ok(()) } else { Err(RecordRefusal::UnknownOrganization) }
    }

    fn upsert_number(&mut self, record: &NumberRecord) -> Result<(), RecordRefusal> {
        let number = &record.number;
        self.require_organization(&number.organization_id)?;
        let is_owner =
            |user: &UserRecord| user.id == number.user_id && user.organization_id == number.organization_id;
        if !self.users.iter().any(is_owner) {
            return Err(RecordRefusal::UnknownUser);
        }
        put(&mut self.numbers, record, |stored| {
            stored.number.organization_id == number.organization_id
                && stored.number.phone_number == number.phone_number
        });
        Ok(())
    }

    fn upsert_contact(&mut self, record: &ContactRecord) -> Result<(), RecordRefusal> {
        self.require_organization(&record.organization_id)?;
        let has_number = |stored: &&Contact| {
            stored.organization_id == record.organization_id
                && record.phone_number.is_some()
                && stored.phone_number == record.phone_number
        };
        let with_number = self.contacts.iter().find(has_number).map(|stored| stored.id.clone());
        let id = match &record.identity {
            ContactIdentity::Known(id) => id.clone(),
            ContactIdentity::ByPhoneNumber { new_id } => {
                with_number.clone().unwrap_or_else(|| new_id.clone())
            }
        };
        let stored = self.contacts.iter().find(|stored| stored.id == id);
        require_same_tenant(stored.map(|stored| &stored.organization_id), &record.organization_id)?;
        if with_number.is_some_and(|other| other != id) {
            return Err(RecordRefusal::PhoneNumberTaken);
        }
        let contact = Contact {
            id,
            organization_id: record.organization_id.clone(),
            first_name: record.first_name.clone(),
            last_name: record.last_name.clone(),
            phone_number: record.phone_number.clone(),
        };
        put(&mut self.contacts, &contact, |stored| stored.id == contact.id);
        self.places.insert(contact.id, record.place.clone());
        Ok(())
    }
}

fn put<T: Clone>(table: &mut Vec<T>, record: &T, is_same: impl Fn(&T) -> bool) {
    match table.iter_mut().find(|stored| is_same(stored)) {
        Some(stored) => *stored = record.clone(),
        None => table.push(record.clone()),
    }
}

fn require_same_tenant(stored: Option<&OrganizationId>, named: &OrganizationId) -> Result<(), RecordRefusal> {
    if stored.is_some_and(|stored| stored != named) { Err(RecordRefusal::OtherTenant) } else { Ok(()) }
}

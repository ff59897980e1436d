use async_trait::async_trait;
use domain::ports::{Directory, DirectoryImport, PortUnavailable, RecordRefusal, UpsertError};
use domain::{
    Contact, ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, OrganizationId, UserRecord,
};

use super::{DirectoryTables, Memory};

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
        let mut directory = tables.directory.clone();
        for record in &self.records {
            let conflict = |_| PortUnavailable::new("memory", "the directory changed during the import");
            directory.upsert(record).map_err(conflict)?;
        }
        tables.directory = directory;
        Ok(())
    }
}

impl DirectoryTables {
    /// Inserts a record, or replaces the one with the same identity.
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
        }
        Ok(())
    }

    fn require_organization(&self, id: &OrganizationId) -> Result<(), RecordRefusal> {
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
            ContactIdentity::Known(id) if with_number.as_ref().is_some_and(|other| other != id) => {
                return Err(RecordRefusal::PhoneNumberTaken);
            }
            ContactIdentity::Known(id) => id.clone(),
            ContactIdentity::ByPhoneNumber { new_id } => with_number.unwrap_or_else(|| new_id.clone()),
        };
        let stored = self.contacts.iter().find(|stored| stored.id == id);
        require_same_tenant(stored.map(|stored| &stored.organization_id), &record.organization_id)?;
        let contact = Contact {
            id,
            organization_id: record.organization_id.clone(),
            first_name: record.first_name.clone(),
            last_name: record.last_name.clone(),
            phone_number: record.phone_number.clone(),
        };
        put(&mut self.contacts, &contact, |stored| stored.id == contact.id);
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

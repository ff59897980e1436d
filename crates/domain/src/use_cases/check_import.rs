use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::ports::{Directory, PortUnavailable, RecordRefusal, StoredIdentity};
use crate::{
    AgentId, ContactId, ContactIdentity, ContactRecord, DirectoryRecord, ListName, LocalDate, NumberRecord,
    OrganizationId, PhoneNumber, UserId,
};

/// Finds the records of an import that the store would refuse, before the first one is written.
///
/// It reads what is stored under the ids and numbers that the records name, and then compares in
/// memory: against that, and against the records before. The state that it keeps grows with the
/// number of records. Another process can change the directory after the check, so that the import
/// itself can still refuse a record.
pub struct CheckImport {
    directory: Arc<dyn Directory>,
    known: Known,
}

impl CheckImport {
    /// Starts the check of an import.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>) -> Self {
        Self { directory, known: Known::default() }
    }

    /// Checks the next records, in their order. Returns the index of each record that would be
    /// refused, with the reason. Such a record counts as not stored for those after it. Pass some
    /// hundreds of records at a time.
    pub async fn check(
        &mut self,
        records: &[DirectoryRecord],
    ) -> Result<Vec<(usize, RecordRefusal)>, PortUnavailable> {
        for stored in self.directory.find_named(records).await? {
            self.known.learn(stored);
        }
        let refusal = |(index, record)| self.known.store(record).err().map(|refusal| (index, refusal));
        Ok(records.iter().enumerate().filter_map(refusal).collect())
    }
}

/// What would be stored after the records that were checked.
#[derive(Default)]
struct Known {
    organizations: HashSet<OrganizationId>,
    users: HashMap<UserId, OrganizationId>,
    agents: HashMap<AgentId, OrganizationId>,
    contacts: HashMap<ContactId, (OrganizationId, Option<PhoneNumber>)>,
    contacts_by_number: HashMap<(OrganizationId, PhoneNumber), ContactId>,
    copies: HashMap<(OrganizationId, ListName), LocalDate>,
}

impl Known {
    /// Adds what the store has. What is known already is newer: a record may have changed it.
    fn learn(&mut self, stored: StoredIdentity) {
        match stored {
            StoredIdentity::Organization(id) => {
                self.organizations.insert(id);
            }
            StoredIdentity::User(id, organization_id) => {
                self.users.entry(id).or_insert(organization_id);
            }
            StoredIdentity::Agent(id, organization_id) => {
                self.agents.entry(id).or_insert(organization_id);
            }
            StoredIdentity::Contact { id, organization_id, phone_number } => {
                if !self.contacts.contains_key(&id) {
                    self.put_contact(id, organization_id, phone_number);
                }
            }
            StoredIdentity::DoNotCallList(copy) => {
                self.copies.entry((copy.organization_id, copy.name)).or_insert(copy.dated);
            }
        }
    }

    fn store(&mut self, record: &DirectoryRecord) -> Result<(), RecordRefusal> {
        match record {
            DirectoryRecord::Organization(organization) => {
                self.organizations.insert(organization.id.clone());
            }
            DirectoryRecord::User(user) => {
                self.require_organization(&user.organization_id)?;
                require_same_tenant(self.users.get(&user.id), &user.organization_id)?;
                self.users.insert(user.id.clone(), user.organization_id.clone());
            }
            DirectoryRecord::Agent(agent) => {
                self.require_organization(&agent.organization_id)?;
                require_same_tenant(self.agents.get(&agent.id), &agent.organization_id)?;
                self.agents.insert(agent.id.clone(), agent.organization_id.clone());
            }
            DirectoryRecord::Number(NumberRecord { number, .. }) => {
                self.require_organization(&number.organization_id)?;
                if self.users.get(&number.user_id) != Some(&number.organization_id) {
                    return Err(RecordRefusal::UnknownUser);
                }
            }
            DirectoryRecord::Contact(contact) => self.store_contact(contact)?,
            DirectoryRecord::CallingPolicy(record) => self.require_organization(&record.organization_id)?,
            DirectoryRecord::Suppression(suppression) => match &suppression.organization_id {
                Some(id) => self.require_organization(id)?,
                None => return Err(RecordRefusal::UnknownOrganization),
            },
            DirectoryRecord::Consent(consent) => self.require_organization(&consent.organization_id)?,
            DirectoryRecord::DoNotCallNumber(number) => {
                self.require_organization(&number.copy.organization_id)?;
            }
            DirectoryRecord::DoNotCallCopy(copy) => {
                self.require_organization(&copy.organization_id)?;
                let key = (copy.organization_id.clone(), copy.name.clone());
                if self.copies.get(&key).is_some_and(|stored| *stored > copy.dated) {
                    return Err(RecordRefusal::OlderCopy);
                }
                self.copies.insert(key, copy.dated);
            }
        }
        Ok(())
    }

    fn store_contact(&mut self, contact: &ContactRecord) -> Result<(), RecordRefusal> {
        let ContactRecord { identity, organization_id, phone_number, .. } = contact;
        self.require_organization(organization_id)?;
        let key = phone_number.clone().map(|number| (organization_id.clone(), number));
        let with_number = key.and_then(|key| self.contacts_by_number.get(&key));
        let id = match (identity, with_number) {
            // The stored contact keeps its id and its number.
            (ContactIdentity::ByPhoneNumber { .. }, Some(_)) => return Ok(()),
            (ContactIdentity::ByPhoneNumber { new_id }, None) => new_id,
            (ContactIdentity::Known(id), _) => id,
        };
        require_same_tenant(self.contacts.get(id).map(|(tenant, _)| tenant), organization_id)?;
        if with_number.is_some_and(|other| other != id) {
            return Err(RecordRefusal::PhoneNumberTaken);
        }
        self.put_contact(id.clone(), organization_id.clone(), phone_number.clone());
        Ok(())
    }

    fn put_contact(&mut self, id: ContactId, organization_id: OrganizationId, number: Option<PhoneNumber>) {
        if let Some(number) = &number {
            self.contacts_by_number.insert((organization_id.clone(), number.clone()), id.clone());
        }
        let before = self.contacts.insert(id, (organization_id, number.clone()));
        if let Some((organization_id, Some(before))) = before
            && Some(&before) != number.as_ref()
        {
            self.contacts_by_number.remove(&(organization_id, before));
        }
    }

    fn require_organization(&self, id: &OrganizationId) -> Result<(), RecordRefusal> {
        if self.organizations.contains(id) { Ok(()) } else { Err(RecordRefusal::UnknownOrganization) }
    }
}

fn require_same_tenant(stored: Option<&OrganizationId>, named: &OrganizationId) -> Result<(), RecordRefusal> {
    if stored.is_some_and(|stored| stored != named) { Err(RecordRefusal::OtherTenant) } else { Ok(()) }
}

use domain::ports::RecordRefusal;
use domain::{
    Agent, Contact, ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, Organization,
    OrganizationId, UserRecord,
};

use crate::flaw::Flaw;

#[derive(Clone, Default)]
pub(super) struct Rows {
    pub(super) organizations: Vec<Organization>,
    pub(super) users: Vec<UserRecord>,
    pub(super) agents: Vec<Agent>,
    pub(super) numbers: Vec<NumberRecord>,
    pub(super) contacts: Vec<Contact>,
}

impl Rows {
    /// Inserts a record or replaces the one with its identity.
    pub(super) fn upsert(
        &mut self,
        record: &DirectoryRecord,
        flaw: Option<Flaw>,
    ) -> Result<(), RecordRefusal> {
        let organization_id = match record {
            DirectoryRecord::Organization(organization) => &organization.id,
            DirectoryRecord::User(user) => &user.organization_id,
            DirectoryRecord::Agent(agent) => &agent.organization_id,
            DirectoryRecord::Number(record) => &record.number.organization_id,
            DirectoryRecord::Contact(contact) => &contact.organization_id,
        };
        let known = self.organizations.iter().any(|organization| organization.id == *organization_id);
        match record {
            DirectoryRecord::Organization(organization) => {
                put(&mut self.organizations, organization, |stored| stored.id == organization.id, flaw);
                Ok(())
            }
            _ if !known => Err(RecordRefusal::UnknownOrganization),
            DirectoryRecord::User(user) => {
                let stored = self.users.iter().find(|stored| stored.id == user.id);
                stays(stored.map(|stored| &stored.organization_id), organization_id, flaw)?;
                put(&mut self.users, user, |stored| stored.id == user.id, flaw);
                Ok(())
            }
            DirectoryRecord::Agent(agent) => {
                let stored = self.agents.iter().find(|stored| stored.id == agent.id);
                stays(stored.map(|stored| &stored.organization_id), organization_id, flaw)?;
                if flaw == Some(Flaw::OrdersAgentsByTheirLastChange) {
                    self.agents.retain(|stored| stored.id != agent.id);
                }
                put(&mut self.agents, agent, |stored| stored.id == agent.id, flaw);
                Ok(())
            }
            DirectoryRecord::Number(record) => self.upsert_number(record, flaw),
            DirectoryRecord::Contact(contact) => self.upsert_contact(contact, flaw),
        }
    }

    fn upsert_number(&mut self, record: &NumberRecord, flaw: Option<Flaw>) -> Result<(), RecordRefusal> {
        let number = &record.number;
        let owns =
            |user: &UserRecord| user.id == number.user_id && user.organization_id == number.organization_id;
        if !self.users.iter().any(owns) {
            return Err(RecordRefusal::UnknownUser);
        }
        let same = |stored: &NumberRecord| {
            stored.number.organization_id == number.organization_id
                && stored.number.phone_number == number.phone_number
        };
        put(&mut self.numbers, record, same, flaw);
        Ok(())
    }

    fn upsert_contact(&mut self, record: &ContactRecord, flaw: Option<Flaw>) -> Result<(), RecordRefusal> {
        let with_number = |stored: &&Contact| {
            stored.organization_id == record.organization_id
                && record.phone_number.is_some()
                && stored.phone_number == record.phone_number
        };
        let holder = self.contacts.iter().find(with_number).map(|stored| stored.id.clone());
        let id = match &record.identity {
            ContactIdentity::Known(id) if holder.as_ref().is_some_and(|holder| holder != id) => {
                return Err(RecordRefusal::PhoneNumberTaken);
            }
            ContactIdentity::Known(id) => id.clone(),
            ContactIdentity::ByPhoneNumber { new_id } => match holder {
                Some(holder) if flaw != Some(Flaw::MakesAContactForEveryRecord) => holder,
                _ => new_id.clone(),
            },
        };
        let stored = self.contacts.iter().find(|stored| stored.id == id);
        stays(stored.map(|stored| &stored.organization_id), &record.organization_id, flaw)?;
        let contact = Contact {
            id,
            organization_id: record.organization_id.clone(),
            first_name: record.first_name.clone(),
            last_name: record.last_name.clone(),
            phone_number: record.phone_number.clone(),
        };
        put(&mut self.contacts, &contact, |stored| stored.id == contact.id, flaw);
        Ok(())
    }
}

fn put<T: Clone>(stored: &mut Vec<T>, record: &T, same: impl Fn(&T) -> bool, flaw: Option<Flaw>) {
    match stored.iter_mut().find(|stored| same(stored)) {
        Some(_) if flaw == Some(Flaw::KeepsTheFirstRecord) => {}
        Some(stored) => *stored = record.clone(),
        None => stored.push(record.clone()),
    }
}

fn stays(
    stored: Option<&OrganizationId>,
    named: &OrganizationId,
    flaw: Option<Flaw>,
) -> Result<(), RecordRefusal> {
    let moves = stored.is_some_and(|stored| stored != named);
    if moves && flaw != Some(Flaw::MovesRecordsBetweenTenants) {
        return Err(RecordRefusal::OtherTenant);
    }
    Ok(())
}

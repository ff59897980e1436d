//! Records in runs. One statement stores a run.

use std::collections::HashSet;

use domain::{
    Agent, AgentId, ContactId, ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, Organization,
    OrganizationId, PhoneNumber, UserId, UserRecord,
};
use sqlx::PgConnection;

use super::statements;

/// Consecutive records of one kind, no two of them with the same identity: a statement sees the
/// tables as they were when it began, and could not replace the first record by the second.
pub(super) enum Run<'a> {
    Organizations(Vec<&'a Organization>),
    Users(Vec<&'a UserRecord>),
    Agents(Vec<&'a Agent>),
    Numbers(Vec<&'a NumberRecord>),
    /// Contacts by id.
    Contacts(Vec<&'a ContactRecord>),
    /// Contacts by number.
    ContactsByNumber(Vec<&'a ContactRecord>),
}

/// What identifies a record.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    Organization(&'a OrganizationId),
    User(&'a UserId),
    Agent(&'a AgentId),
    Number(&'a OrganizationId, &'a PhoneNumber),
    Contact(&'a ContactId),
    ContactByNumber(&'a OrganizationId, &'a PhoneNumber),
}

/// Cuts records into runs, in their order.
pub(super) fn runs(records: &[DirectoryRecord]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut seen = HashSet::new();
    for record in records {
        let is_repeated = !seen.insert(identity(record));
        if is_repeated || !runs.last_mut().is_some_and(|run| run.push(record)) {
            seen.clear();
            seen.insert(identity(record));
            runs.push(Run::of(record));
        }
    }
    runs
}

fn identity(record: &DirectoryRecord) -> Identity<'_> {
    match record {
        DirectoryRecord::Organization(organization) => Identity::Organization(&organization.id),
        DirectoryRecord::User(user) => Identity::User(&user.id),
        DirectoryRecord::Agent(agent) => Identity::Agent(&agent.id),
        DirectoryRecord::Number(NumberRecord { number, .. }) => {
            Identity::Number(&number.organization_id, &number.phone_number)
        }
        DirectoryRecord::Contact(contact) => match (&contact.identity, &contact.phone_number) {
            (ContactIdentity::ByPhoneNumber { .. }, Some(number)) => {
                Identity::ContactByNumber(&contact.organization_id, number)
            }
            // Without a number, the contact is a new one.
            (ContactIdentity::ByPhoneNumber { new_id: id }, None) | (ContactIdentity::Known(id), _) => {
                Identity::Contact(id)
            }
        },
    }
}

impl<'a> Run<'a> {
    /// A run of this record alone.
    pub(super) fn of(record: &'a DirectoryRecord) -> Self {
        match (record, identity(record)) {
            (DirectoryRecord::Organization(organization), _) => Self::Organizations(vec![organization]),
            (DirectoryRecord::User(user), _) => Self::Users(vec![user]),
            (DirectoryRecord::Agent(agent), _) => Self::Agents(vec![agent]),
            (DirectoryRecord::Number(number), _) => Self::Numbers(vec![number]),
            (DirectoryRecord::Contact(contact), Identity::ContactByNumber(..)) => {
                Self::ContactsByNumber(vec![contact])
            }
            (DirectoryRecord::Contact(contact), _) => Self::Contacts(vec![contact]),
        }
    }

    /// Adds the record if it is of this run's kind. Returns whether it did.
    fn push(&mut self, record: &'a DirectoryRecord) -> bool {
        match (self, Self::of(record)) {
            (Self::Organizations(run), Self::Organizations(one)) => run.extend(one),
            (Self::Users(run), Self::Users(one)) => run.extend(one),
            (Self::Agents(run), Self::Agents(one)) => run.extend(one),
            (Self::Numbers(run), Self::Numbers(one)) => run.extend(one),
            (Self::Contacts(run), Self::Contacts(one))
            | (Self::ContactsByNumber(run), Self::ContactsByNumber(one)) => run.extend(one),
            _ => return false,
        }
        true
    }

    /// The number of records.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Organizations(run) => run.len(),
            Self::Users(run) => run.len(),
            Self::Agents(run) => run.len(),
            Self::Numbers(run) => run.len(),
            Self::Contacts(run) | Self::ContactsByNumber(run) => run.len(),
        }
    }

    /// Inserts or replaces the records in one statement. Returns how many were stored: all but
    /// those whose id belongs to another organization.
    pub(super) async fn store(&self, connection: &mut PgConnection) -> Result<usize, sqlx::Error> {
        let stored = match self {
            Self::Organizations(run) => statements::store_organizations(connection, run).await?,
            Self::Users(run) => statements::store_users(connection, run).await?,
            Self::Agents(run) => statements::store_agents(connection, run).await?,
            Self::Numbers(run) => statements::store_numbers(connection, run).await?,
            Self::Contacts(run) => statements::store_contacts(connection, run).await?,
            Self::ContactsByNumber(run) => statements::store_contacts_by_number(connection, run).await?,
        };
        Ok(usize::try_from(stored).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use domain::PersonName;

    use super::*;

    fn organization(id: &str) -> DirectoryRecord {
        DirectoryRecord::Organization(Organization {
            id: OrganizationId::parse(id).expect("an id"),
            name: PersonName::parse("Acme").expect("a name"),
        })
    }

    fn contact(id: &str, by_number: bool) -> DirectoryRecord {
        let id = ContactId::parse(id).expect("an id");
        let number = PhoneNumber::parse("+14165550100").expect("a number");
        DirectoryRecord::Contact(ContactRecord {
            identity: if by_number {
                ContactIdentity::ByPhoneNumber { new_id: id }
            } else {
                ContactIdentity::Known(id)
            },
            organization_id: OrganizationId::parse("acme").expect("an id"),
            first_name: None,
            last_name: None,
            phone_number: Some(number),
        })
    }

    fn lengths(records: &[DirectoryRecord]) -> Vec<usize> {
        runs(records).iter().map(Run::len).collect()
    }

    #[test]
    fn records_of_one_kind_stay_together_and_in_order() {
        assert_eq!(
            lengths(&[organization("a"), organization("b"), contact("c", false), organization("d")]),
            [2, 1, 1]
        );
        assert!(runs(&[]).is_empty());
    }

    #[test]
    fn the_second_record_of_one_identity_starts_a_new_run() {
        assert_eq!(
            lengths(&[organization("a"), organization("b"), organization("a"), organization("b")]),
            [2, 2]
        );
        assert_eq!(lengths(&[contact("c", true), contact("d", true)]), [1, 1], "one number");
        assert_eq!(lengths(&[contact("c", false), contact("d", true)]), [1, 1], "two ways to name a contact");
    }
}

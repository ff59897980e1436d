//! Records in runs. One statement stores a run.

use std::collections::HashSet;
use std::mem::discriminant;

use domain::{
    AgentId, ContactId, ContactIdentity, ConversationId, DirectoryRecord, DoNotCallCopy, ListName,
    NumberRecord, OrganizationId, PhoneNumber, Timestamp, UserId,
};
use sqlx::PgConnection;

use super::{callee_records, statements};

/// What identifies a record. The records of a run have the same variant.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    Organization(&'a OrganizationId),
    User(&'a UserId),
    Agent(&'a AgentId),
    Number(&'a OrganizationId, &'a PhoneNumber),
    Contact(&'a ContactId),
    ContactByNumber(&'a OrganizationId, &'a PhoneNumber),
    CallingPolicy(&'a OrganizationId),
    Suppression(Option<&'a OrganizationId>, Callee<'a>, Option<&'a ConversationId>),
    Consent(&'a OrganizationId, Callee<'a>, &'static str, Timestamp),
    DoNotCallNumber(&'a OrganizationId, &'a ListName, &'a PhoneNumber),
    DoNotCallCopy(&'a OrganizationId, &'a ListName),
}

type Callee<'a> = (Option<&'a PhoneNumber>, Option<&'a ContactId>);

/// Cuts records into runs: consecutive records of one kind, no two of them with the same identity.
/// A statement sees the tables as they were when it began, and could not replace the first record by
/// the second.
pub(super) fn runs(records: &[DirectoryRecord]) -> Vec<&[DirectoryRecord]> {
    let (mut runs, mut first, mut seen) = (Vec::new(), 0, HashSet::new());
    for (index, record) in records.iter().enumerate() {
        let is_of_kind = discriminant(&identity(record)) == discriminant(&identity(&records[first]));
        if !is_of_kind || !seen.insert(identity(record)) {
            runs.push(&records[first..index]);
            (first, seen) = (index, HashSet::from([identity(record)]));
        }
    }
    if first < records.len() {
        runs.push(&records[first..]);
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
        DirectoryRecord::CallingPolicy(record) => Identity::CallingPolicy(&record.organization_id),
        DirectoryRecord::Suppression(it) => Identity::Suppression(
            it.organization_id.as_ref(),
            (it.phone_number.as_ref(), it.contact_id.as_ref()),
            it.conversation_id.as_ref(),
        ),
        DirectoryRecord::Consent(it) => Identity::Consent(
            &it.organization_id,
            (it.phone_number.as_ref(), it.contact_id.as_ref()),
            it.consent.kind.as_str(),
            it.consent.given_at,
        ),
        DirectoryRecord::DoNotCallNumber(it) => {
            Identity::DoNotCallNumber(&it.copy.organization_id, &it.copy.name, &it.phone_number)
        }
        DirectoryRecord::DoNotCallCopy(DoNotCallCopy { organization_id, name, .. }) => {
            Identity::DoNotCallCopy(organization_id, name)
        }
    }
}

/// The records of a run, of this variant.
macro_rules! records {
    ($run:expr, $variant:ident) => {{
        let of_variant = $run.iter().filter_map(|record| match record {
            DirectoryRecord::$variant(record) => Some(record),
            _ => None,
        });
        of_variant.collect::<Vec<_>>()
    }};
}

/// Inserts or replaces the records of a run in one statement. Returns how many were stored: all but
/// those whose id belongs to another organization, and, of the records about callees, those whose
/// organization is not stored, and older copies of lists.
pub(super) async fn store(
    connection: &mut PgConnection,
    run: &[DirectoryRecord],
) -> Result<usize, sqlx::Error> {
    let stored = match run.first().map(identity) {
        None => 0,
        Some(Identity::Organization(_)) => {
            statements::store_organizations(connection, &records!(run, Organization)).await?
        }
        Some(Identity::User(_)) => statements::store_users(connection, &records!(run, User)).await?,
        Some(Identity::Agent(_)) => statements::store_agents(connection, &records!(run, Agent)).await?,
        Some(Identity::Number(..)) => statements::store_numbers(connection, &records!(run, Number)).await?,
        Some(Identity::Contact(_)) => statements::store_contacts(connection, &records!(run, Contact)).await?,
        Some(Identity::ContactByNumber(..)) => {
            statements::store_contacts_by_number(connection, &records!(run, Contact)).await?
        }
        Some(Identity::CallingPolicy(_)) => {
            statements::store_policies(connection, &records!(run, CallingPolicy)).await?
        }
        Some(Identity::Suppression(..)) => {
            callee_records::store_suppressions(connection, &records!(run, Suppression)).await?
        }
        Some(Identity::Consent(..)) => {
            callee_records::store_consents(connection, &records!(run, Consent)).await?
        }
        Some(Identity::DoNotCallNumber(..)) => {
            callee_records::store_do_not_call_numbers(connection, &records!(run, DoNotCallNumber)).await?
        }
        Some(Identity::DoNotCallCopy(..)) => {
            callee_records::store_do_not_call_copies(connection, &records!(run, DoNotCallCopy)).await?
        }
    };
    Ok(usize::try_from(stored).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;

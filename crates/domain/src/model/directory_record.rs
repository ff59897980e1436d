//! What an operator loads into the gateway: who may call, whom, from which number, with which agent.

use crate::{Agent, CallerNumber, ContactId, Organization, OrganizationId, PersonName, PhoneNumber, UserId};

/// One record of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryRecord {
    /// A tenant.
    Organization(Organization),
    /// A user of a tenant.
    User(UserRecord),
    /// An agent of a tenant. Agents are ordered by when they were first stored.
    Agent(Agent),
    /// A caller number of a user.
    Number(NumberRecord),
    /// A contact of a tenant.
    Contact(ContactRecord),
}

/// A user, with the tenant by id alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The user.
    pub id: UserId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// The user's name.
    pub full_name: PersonName,
}

/// A caller number and its place among the user's numbers. A number is identified by organization and phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRecord {
    /// The number.
    pub number: CallerNumber,
    /// Its place among the user's numbers: the lowest is the default.
    pub position: u32,
}

/// A contact to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRecord {
    /// Which contact this is.
    pub identity: ContactIdentity,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// First name, where known.
    pub first_name: Option<PersonName>,
    /// Last name, where known.
    pub last_name: Option<PersonName>,
    /// The number to call, where known.
    pub phone_number: Option<PhoneNumber>,
}

/// Which contact a record speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactIdentity {
    /// The contact with this id, stored now or before.
    Known(ContactId),
    /// The organization's contact with the record's phone number; where there is none, a new one that gets this id.
    ByPhoneNumber {
        /// The id for a new contact.
        new_id: ContactId,
    },
}

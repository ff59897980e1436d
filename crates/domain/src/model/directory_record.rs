//! What an operator loads into the gateway: organizations, users, agents, numbers and contacts.

use crate::{Agent, CallerNumber, ContactId, Organization, OrganizationId, PersonName, PhoneNumber, UserId};

/// One record of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryRecord {
    /// An organization.
    Organization(Organization),
    /// A user of an organization.
    User(UserRecord),
    /// An agent of an organization. Agents are ordered by the time at which they were first stored.
    Agent(Agent),
    /// A caller number of a user.
    Number(NumberRecord),
    /// A contact of an organization.
    Contact(ContactRecord),
}

/// A user, with the organization by id only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The user's id.
    pub id: UserId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The user's name.
    pub full_name: PersonName,
}

/// A caller number and its position among the user's numbers. Organization and phone number
/// identify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRecord {
    /// The number.
    pub number: CallerNumber,
    /// Its position among the user's numbers: the lowest is the default.
    pub position: u32,
}

/// A contact to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRecord {
    /// Which contact this is.
    pub identity: ContactIdentity,
    /// The organization.
    pub organization_id: OrganizationId,
    /// First name, if known.
    pub first_name: Option<PersonName>,
    /// Last name, if known.
    pub last_name: Option<PersonName>,
    /// The number to call, if known.
    pub phone_number: Option<PhoneNumber>,
}

/// Which contact a record is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactIdentity {
    /// The contact with this id, which may be new.
    Known(ContactId),
    /// The organization's contact with the record's phone number. If there is none, a new one gets
    /// this id.
    ByPhoneNumber {
        /// The id for a new contact.
        new_id: ContactId,
    },
}

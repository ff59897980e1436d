//! What an operator loads into the gateway: organizations, users, agents, numbers, contacts, calling
//! policies, and what is on record about callees.

use crate::{
    AccessRole, Agent, CallerNumber, CallingPolicy, ConsentRecord, ContactId, ContactPlace, DoNotCallCopy,
    DoNotCallNumber, Organization, OrganizationId, PersonName, PhoneNumber, Suppression, UserId,
};

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
    /// The calling policy of an organization.
    CallingPolicy(PolicyRecord),
    /// An opt-out, always with an organization. One that is stored already gets the later end.
    Suppression(Suppression),
    /// A consent. Of one that is stored already, only a revocation is added.
    Consent(ConsentRecord),
    /// A number of a copy of a do-not-call list.
    DoNotCallNumber(DoNotCallNumber),
    /// A copy of a do-not-call list, of which every number is stored. It replaces an older copy.
    DoNotCallCopy(DoNotCallCopy),
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
    /// The user's role.
    pub access_role: Option<AccessRole>,
}

/// A calling policy. It replaces the one that its organization has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub struct PolicyRecord {
    pub organization_id: OrganizationId,
    pub policy: Box<CallingPolicy>,
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
    /// Where the person is, if known.
    pub place: ContactPlace,
}

impl ContactRecord {
    /// This record with what another one of the same file adds to it, if both are about one contact:
    /// they have the same phone number, and not two ids. What this record has already stays.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Option<Self> {
        let is_same = self.organization_id == other.organization_id
            && self.phone_number.is_some()
            && self.phone_number == other.phone_number;
        let identity = match (&self.identity, &other.identity) {
            (ContactIdentity::Known(id), ContactIdentity::Known(other)) if id != other => return None,
            (ContactIdentity::ByPhoneNumber { .. }, ContactIdentity::Known(_)) => &other.identity,
            (ContactIdentity::Known(_) | ContactIdentity::ByPhoneNumber { .. }, _) => &self.identity,
        };
        is_same.then(|| Self {
            identity: identity.clone(),
            organization_id: self.organization_id.clone(),
            first_name: self.first_name.clone().or_else(|| other.first_name.clone()),
            last_name: self.last_name.clone().or_else(|| other.last_name.clone()),
            phone_number: self.phone_number.clone(),
            place: ContactPlace {
                zone: self.place.zone.clone().or_else(|| other.place.zone.clone()),
                region: self.place.region.clone().or_else(|| other.place.region.clone()),
            },
        })
    }

    /// Whether another record has a name that this one lacks or has differently.
    #[must_use]
    pub fn lacks_name_of(&self, other: &Self) -> bool {
        let differs =
            |mine: &Option<PersonName>, other: &Option<PersonName>| other.is_some() && mine != other;
        differs(&self.first_name, &other.first_name) || differs(&self.last_name, &other.last_name)
    }
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

#[cfg(test)]
mod tests;

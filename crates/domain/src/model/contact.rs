//! The people who are called.

use crate::{ContactId, OrganizationId, PersonName, PhoneNumber};

/// A person whom an organization may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Our id.
    pub id: ContactId,
    /// The organization that owns the contact.
    pub organization_id: OrganizationId,
    /// First name, if known.
    pub first_name: Option<PersonName>,
    /// Last name, if known.
    pub last_name: Option<PersonName>,
    /// The number to call, if known. Unique within the organization.
    pub phone_number: Option<PhoneNumber>,
}

impl Contact {
    /// The contact without its names and its number.
    #[must_use]
    pub fn without_personal_data(self) -> Self {
        let Self { id, organization_id, first_name: _, last_name: _, phone_number: _ } = self;
        Self { id, organization_id, first_name: None, last_name: None, phone_number: None }
    }

    /// First and last name, as one says them. `None` if neither is known: an agent that reads out a
    /// placeholder sounds worse than one that greets without a name.
    #[must_use]
    pub fn spoken_name(&self) -> Option<PersonName> {
        PersonName::joined([self.first_name.as_ref(), self.last_name.as_ref()])
    }
}

//! Who is called.

use crate::{ContactId, OrganizationId, PersonName, PhoneNumber};

/// A person whom an organization may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Our id.
    pub id: ContactId,
    /// The organization whose contact this is.
    pub organization_id: OrganizationId,
    /// First name, where known.
    pub first_name: Option<PersonName>,
    /// Last name, where known.
    pub last_name: Option<PersonName>,
    /// The number to call, where known. Unique within the organization.
    pub phone_number: Option<PhoneNumber>,
}

impl Contact {
    /// First and last name as one would say them. Nothing for somebody whose name is not known: an agent that reads out a
    /// placeholder sounds worse than one that greets without a name.
    #[must_use]
    pub fn spoken_name(&self) -> Option<PersonName> {
        PersonName::joined([self.first_name.as_ref(), self.last_name.as_ref()])
    }
}

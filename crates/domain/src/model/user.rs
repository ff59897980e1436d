//! Who asks for a call, and for whom.

use crate::{OrganizationId, PersonName, UserId};

/// A tenant of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name, told to the agent as `org_name`.
    pub name: PersonName,
}

/// The user whom the token names. The user decides the tenant and owns the caller numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id that stands in the token's `sub`.
    pub id: UserId,
    /// The organization that the user acts for.
    pub organization: Organization,
    /// The user's name.
    pub full_name: PersonName,
}

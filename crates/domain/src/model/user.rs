//! Users and their organizations.

use crate::{OrganizationId, PersonName, UserId};

/// A tenant of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name, which the agent receives as `org_name`.
    pub name: PersonName,
}

/// The user whom the token names. The user determines the organization and owns caller numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id in the token's `sub`.
    pub id: UserId,
    /// The user's organization.
    pub organization: Organization,
    /// The user's name.
    pub full_name: PersonName,
}

//! Users and their organizations.

use crate::{InvalidValue, OrganizationId, PersonName, UserId};

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
    /// The user's role, if the operator gave one.
    pub access_role: Option<AccessRole>,
}

impl User {
    /// Whether the user may change what counts for all calls of the organization.
    #[must_use]
    pub fn may_administer(&self) -> bool {
        self.access_role.as_ref().is_some_and(AccessRole::may_administer)
    }

    /// Whether the user may change the accounts of the organization at the vendors.
    #[must_use]
    pub fn may_change_accounts(&self) -> bool {
        self.access_role.as_ref().is_some_and(AccessRole::may_change_accounts)
    }
}

/// The role of a user in the organization, as the operator's system names it. A role that the gateway
/// does not know is kept, and permits nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRole(Box<str>);

impl AccessRole {
    /// The longest name.
    pub const MAX_LEN: usize = 64;
    /// The roles that may change what counts for all calls of their organization.
    pub const ADMINISTRATORS: [&str; 2] = ["ADMIN", "SUPERADMIN"];

    /// Reads a name: 1 to 64 visible ASCII characters.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue =
            InvalidValue("a role of 1 to 64 visible ASCII characters, like ADMIN or SALES_REP");
        let is_name = (1..=Self::MAX_LEN).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
        if is_name { Ok(Self(name.into())) } else { Err(INVALID) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a user with this role may change what counts for all calls of the organization.
    #[must_use]
    pub fn may_administer(&self) -> bool {
        Self::ADMINISTRATORS.contains(&self.as_str())
    }

    /// Whether a user with this role may change the accounts of the organization at the vendors.
    #[must_use]
    pub fn may_change_accounts(&self) -> bool {
        self.as_str() == "SUPERADMIN"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_superadmin_may_change_accounts() {
        for (name, may) in
            [("SUPERADMIN", true), ("ADMIN", false), ("SALES_REP", false), ("superadmin", false)]
        {
            assert_eq!(AccessRole::parse(name).map(|role| role.may_change_accounts()), Ok(may), "{name}");
        }
    }

    #[test]
    fn only_administrators_may_administer() {
        for (name, may) in [
            ("SUPERADMIN", true),
            ("ADMIN", true),
            ("DEPARTMENT_HEAD", false),
            ("SALES_REP", false),
            ("admin", false),
            ("OWNER", false),
        ] {
            assert_eq!(AccessRole::parse(name).map(|role| role.may_administer()), Ok(may), "{name}");
        }
        for invalid in ["", "AD MIN", "Müller", &"A".repeat(65)] {
            assert!(AccessRole::parse(invalid).is_err(), "{invalid}");
        }
    }
}

//! Calling policies. `policy-json` has their document.

use domain::ports::OrganizationPolicy;
use domain::{CallingPolicy, VersionedPolicy};

use crate::{Columns, StoredTime, Table, Unreadable};

const POLICIES: Table = Table("calling_policies");

/// Writes the column `calling_policies.policy`. Equal policies have equal texts.
pub fn write_policy(policy: &CallingPolicy) -> String {
    policy_json::to_json(policy)
}

/// Reads what [`write_policy`] returned, in this or another release.
pub fn read_policy(stored: &str) -> Result<CallingPolicy, Unreadable> {
    policy_json::from_stored(stored).ok_or(POLICIES.unreadable("policy"))
}

/// An organization, and its stored policy.
pub struct OrganizationPolicyColumns {
    pub id: String,
    pub policy: Option<String>,
}

impl Columns for OrganizationPolicyColumns {
    type Value = OrganizationPolicy;

    fn read(self) -> Result<OrganizationPolicy, Unreadable> {
        Ok(OrganizationPolicy {
            organization_id: POLICIES.read("organization_id", self.id)?,
            policy: self.policy.as_deref().map(read_policy).transpose()?,
        })
    }
}

/// A stored policy.
pub struct PolicyColumns<T> {
    pub policy: String,
    pub revision: i64,
    pub changed_at: T,
    /// Null if an import changed it.
    pub changed_by: Option<String>,
}

impl<T: StoredTime> Columns for PolicyColumns<T> {
    type Value = VersionedPolicy;

    fn read(self) -> Result<VersionedPolicy, Unreadable> {
        let changed_by = POLICIES.read_optional("changed_by", self.changed_by)?;
        Ok(VersionedPolicy {
            policy: read_policy(&self.policy)?,
            revision: POLICIES.read_number("revision", self.revision)?,
            changed: changed_by.map(|user_id| (user_id, self.changed_at.timestamp())),
        })
    }
}

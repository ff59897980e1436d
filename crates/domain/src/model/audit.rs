//! The record of who changed what.

use crate::{OrganizationId, Timestamp, UserId};

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAction {
    /// The calling policy of the organization.
    CallingPolicyChanged,
    /// An opt-out was added, or its end was moved.
    SuppressionAdded,
    /// An opt-out was removed.
    SuppressionRemoved,
    /// A consent was added.
    ConsentAdded,
    /// A consent was revoked.
    ConsentRevoked,
    /// The accounts of the organization at the vendors.
    VendorCredentialsChanged,
    /// AI calls from a caller number were enabled, or its agent was changed.
    NumberEnabled,
    /// AI calls from a caller number were disabled.
    NumberDisabled,
}

impl AuditAction {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallingPolicyChanged => "calling_policy_changed",
            Self::SuppressionAdded => "suppression_added",
            Self::SuppressionRemoved => "suppression_removed",
            Self::ConsentAdded => "consent_added",
            Self::ConsentRevoked => "consent_revoked",
            Self::VendorCredentialsChanged => "vendor_credentials_changed",
            Self::NumberEnabled => "number_enabled",
            Self::NumberDisabled => "number_disabled",
        }
    }
}

/// The position of a record in the order of records.
pub type AuditSequence = u64;

/// A change: who made it, and when. The store writes it together with the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its position; a later change has a greater one.
    pub sequence: AuditSequence,
    /// The organization that the change belongs to.
    pub organization_id: OrganizationId,
    /// When.
    pub at: Timestamp,
    /// Who; `None` for an import.
    pub user_id: Option<UserId>,
    /// The name of an [`AuditAction`], perhaps of another release.
    pub action: Box<str>,
    /// The id of what was changed, if there can be several.
    pub object_id: Option<Box<str>>,
    /// More about the change: a JSON object without personal data.
    pub detail: Option<Box<str>>,
}

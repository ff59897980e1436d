//! Permissions on record.

use crate::{Consent, ConsentId, ContactId, OrganizationId, PhoneNumber, RecordNote, Timestamp, UserId};

/// A permission of a person to be called, with what proves it. It names a number or a contact, or
/// both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    /// Our id.
    pub id: ConsentId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The number.
    pub phone_number: Option<PhoneNumber>,
    /// The contact.
    pub contact_id: Option<ContactId>,
    /// What it permits, and when.
    pub consent: Consent,
    /// How it was given.
    pub method: Option<RecordNote>,
    /// Where the evidence is.
    pub evidence: Option<RecordNote>,
    /// Who revoked it.
    pub revoked_by: Option<UserId>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// Who recorded it; `None` for an import.
    pub created_by: Option<UserId>,
}

use super::{ConsentKind, LocalDate, Region, VersionedPolicy, ZoneName};
use crate::{PhoneNumber, Timestamp};

/// What the store knows about a call that the decision depends on. It is read with the parties, and
/// never kept for a later call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallingFacts {
    /// The organization's policy; `None` if it stored none.
    pub policy: Option<VersionedPolicy>,
    /// What the contact's record says of its place.
    pub place: ContactPlace,
    /// Whether a suppression of the number or of the contact has not expired.
    pub is_suppressed: bool,
    /// The organization's do-not-call lists.
    pub do_not_call_lists: Vec<DoNotCallList>,
    /// The consents of the number and of the contact, also those that were revoked or have expired.
    pub consents: Vec<Consent>,
    /// The attempts to reach the number about the subject, by the time of booking, in no order.
    pub attempts: Vec<Timestamp>,
    /// When the number last answered a call of the organization.
    pub last_conversation: Option<Timestamp>,
    /// When the number last declined one.
    pub last_decline: Option<Timestamp>,
    /// The organization's number that the callee last answered.
    pub last_caller: Option<PhoneNumber>,
}

/// What a contact's record says of the person's place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactPlace {
    /// The time zone.
    pub zone: Option<ZoneName>,
    /// The country, or the state or province.
    pub region: Option<Region>,
}

/// A do-not-call list that an organization imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoNotCallList {
    /// Its name, for example `us-national`.
    pub name: Box<str>,
    /// The date of the copy.
    pub dated: LocalDate,
    /// Whether the number is on it.
    pub has_number: bool,
}

/// A permission on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// What it permits.
    pub kind: ConsentKind,
    /// When it was given.
    pub given_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

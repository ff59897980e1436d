use async_trait::async_trait;
use domain::ports::ProvisionedTrunk;
use domain::{
    Consent, ContactId, ContactPlace, LocalDate, OrganizationId, PhoneNumber, Timestamp, VersionedPolicy,
};

/// Puts what a decision depends on into the store without a port.
#[async_trait]
pub trait StoresCallingFacts: Send + Sync {
    /// Stores it. A policy, a place, a list or a number of a list that is stored already is replaced.
    async fn store_fact(&self, fact: &StoredFact);
}

/// What a decision depends on, as it is stored.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of `CallingFacts`")]
pub enum StoredFact {
    /// The policy of an organization.
    Policy(OrganizationId, Box<VersionedPolicy>),
    /// The place of a contact, which is stored.
    Place(ContactId, ContactPlace),
    /// A suppression, of every organization if it names none.
    Suppression { organization_id: Option<OrganizationId>, callee: FactCallee, expires_at: Option<Timestamp> },
    /// A do-not-call list.
    DoNotCallList { organization_id: OrganizationId, name: Box<str>, dated: LocalDate },
    /// A number of such a list, with the date of the newest copy that had it.
    DoNotCallNumber { organization_id: OrganizationId, list: Box<str>, number: PhoneNumber, dated: LocalDate },
    /// A trunk, in the place of the one that its carrier had.
    Trunk(ProvisionedTrunk),
    /// A consent.
    Consent { organization_id: OrganizationId, callee: FactCallee, consent: Consent },
}

/// The number or the contact that a suppression or a consent names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FactCallee {
    Number(PhoneNumber),
    Contact(ContactId),
}

impl FactCallee {
    /// The number, if it names one.
    #[must_use]
    pub const fn number(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Number(number) => Some(number),
            Self::Contact(_) => None,
        }
    }

    /// The contact, if it names one.
    #[must_use]
    pub const fn contact_id(&self) -> Option<&ContactId> {
        match self {
            Self::Number(_) => None,
            Self::Contact(id) => Some(id),
        }
    }
}

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{AgentId, ContactId, DirectoryRecord, DoNotCallCopy, OrganizationId, PhoneNumber, UserId};

/// Loads an operator's records: organizations, users, agents, numbers, contacts, calling policies, and
/// what is on record about callees.
///
/// - MUST store all records of an import or none
///   (`an_import_that_is_not_committed_leaves_nothing`).
/// - MUST replace a record with the same identity (`a_record_stored_again_is_replaced`). A contact
///   without an id is identified by its number (`a_contact_without_an_id_is_known_by_its_number`).
/// - MUST refuse a record with an id that belongs to another organization, and name its index in
///   the batch (`a_record_cannot_move_to_another_tenant`). The same holds for a record whose
///   organization or user is not stored
///   (`a_record_of_an_unknown_tenant_is_refused_with_its_index`).
/// - MUST give a policy that differs from the stored one the next revision, and write an audit record
///   without a user for it. MUST leave an equal one as it is (`an_imported_policy_is_audited`).
/// - MUST find what is stored of the organizations, users, agents, contacts and do-not-call lists that
///   records name, and nothing else (`what_records_name_is_found`).
/// - MUST store opt-outs as [`Suppressions::add_suppression`](super::Suppressions::add_suppression) does
///   (`an_imported_opt_out_is_stored_like_any_other`), and consents as
///   [`Consents::add_consent`](super::Consents::add_consent) does, with their revocation
///   (`an_imported_consent_is_stored_like_any_other`), both with their audit.
/// - MUST count the numbers of a copy of a do-not-call list for the next
///   [`resolve`](super::OutboundDirectory::resolve), beside those of the previous copy until the new
///   one is stored as a whole, and alone from then on (`a_newer_copy_of_a_list_replaces_the_older`).
///   MUST refuse a copy that is older than the stored one (`an_older_copy_of_a_list_is_refused`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Directory: Send + Sync {
    /// Starts an import. Its records become visible with the commit.
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable>;

    /// Finds the stored organizations, users, agents, contacts and do-not-call lists that these
    /// records name, each once, in any order. A contact is named by its id, and by its organization
    /// and phone number; a list by a copy of it.
    /// Only reads. Pass some hundreds of records at a time.
    async fn find_named(&self, records: &[DirectoryRecord]) -> Result<Vec<StoredIdentity>, PortUnavailable>;
}

/// What a store has of a record that could conflict with another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StoredIdentity {
    /// An organization.
    Organization(OrganizationId),
    /// A user, and its organization.
    User(UserId, OrganizationId),
    /// An agent, and its organization.
    Agent(AgentId, OrganizationId),
    /// A contact.
    Contact {
        /// Its id.
        id: ContactId,
        /// Its organization.
        organization_id: OrganizationId,
        /// Its number, if it has one.
        phone_number: Option<PhoneNumber>,
    },
    /// A do-not-call list, with the date of its copy.
    DoNotCallList(DoNotCallCopy),
}

/// A running import. Dropping it without a commit discards its records.
#[async_trait]
pub trait DirectoryImport: Send {
    /// Inserts or replaces these records, in order, in a few statements. Pass some hundreds of
    /// records at a time. After an error the import can only be dropped.
    async fn upsert(&mut self, records: &[DirectoryRecord]) -> Result<(), UpsertError>;

    /// Makes the whole import visible.
    async fn commit(self: Box<Self>) -> Result<(), PortUnavailable>;
}

/// Why records could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum UpsertError {
    /// One record cannot be stored.
    #[error("record {index}: {refusal}")]
    Refused {
        /// Its index in the batch, from 0.
        index: usize,
        /// Why.
        refusal: RecordRefusal,
    },
    /// The store failed.
    #[error(transparent)]
    Unavailable(#[from] PortUnavailable),
}

/// Why one record cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordRefusal {
    /// The record's organization is not stored.
    #[error("its organization is not known")]
    UnknownOrganization,
    /// The record's user is not stored in that organization.
    #[error("its user is not known in that organization")]
    UnknownUser,
    /// The record's id belongs to another organization.
    #[error("its id belongs to another organization")]
    OtherTenant,
    /// Another contact of the organization has this phone number.
    #[error("another contact of the organization has its phone number")]
    PhoneNumberTaken,
    /// The organization has a newer copy of the do-not-call list.
    #[error("a newer copy of the do-not-call list is stored")]
    OlderCopy,
}

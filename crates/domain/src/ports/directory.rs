use async_trait::async_trait;

use super::PortUnavailable;
use crate::DirectoryRecord;

/// Where an operator's records are loaded: organizations, users, agents, numbers and contacts.
///
/// - MUST store all records of an import or none (`an_import_that_is_not_committed_leaves_nothing`).
/// - MUST replace a record that is stored under the same identity (`a_record_stored_again_is_replaced`), a contact without an
///   id being identified by its number (`a_contact_without_an_id_is_known_by_its_number`).
/// - MUST refuse a record of one tenant that names another tenant's id, saying which record of the batch it is
///   (`a_record_cannot_move_to_another_tenant`), and likewise one that names a tenant or user that is not stored
///   (`a_record_of_an_unknown_tenant_is_refused_with_its_index`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Directory: Send + Sync {
    /// Starts an import: nothing of it is seen before its commit.
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable>;
}

/// An import under way. Dropped without a commit, it leaves nothing behind.
#[async_trait]
pub trait DirectoryImport: Send {
    /// Inserts or replaces these records, in their order, in a few statements: at best some hundreds of records at once.
    /// After an error only dropping the import makes sense.
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
        /// Its place in the batch, from 0.
        index: usize,
        /// Why.
        refusal: RecordRefusal,
    },
    /// The store could not do its work.
    #[error(transparent)]
    Unavailable(#[from] PortUnavailable),
}

/// Why one record cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordRefusal {
    /// The organization that it names is not stored.
    #[error("its organization is not known")]
    UnknownOrganization,
    /// The user that it names is not stored in that organization.
    #[error("its user is not known in that organization")]
    UnknownUser,
    /// Its id belongs to another organization.
    #[error("its id belongs to another organization")]
    OtherTenant,
    /// Another contact of the organization has its phone number.
    #[error("another contact of the organization has its phone number")]
    PhoneNumberTaken,
}

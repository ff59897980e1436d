use async_trait::async_trait;

use super::{PortUnavailable, Total};
use crate::{Agent, AgentId, CallerNumber, Contact, ContactId, OrganizationId, PhoneNumber};

/// Lists the agents, numbers and contacts of an organization, page by page.
///
/// - MUST list each record with every field as it was saved, in the byte order of what identifies it
///   in the organization: the id of an agent or contact, the number itself of a number
///   (`records_are_listed_whole_and_in_order`).
/// - MUST list at most `limit` records, those after `after`, whether or not there is such a record,
///   with the number of all (`pages_neither_repeat_nor_miss_a_record`).
/// - MUST count no further than it is asked to (`records_are_counted_up_to_a_limit`).
/// - MUST list no record of another organization, and not count it (`lists_are_the_tenants_own`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_directory_reader_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DirectoryReader: Send + Sync {
    /// Lists voice agents.
    async fn agents(&self, query: &DirectoryQuery<AgentId>) -> Result<DirectoryPage<Agent>, PortUnavailable>;

    /// Lists the numbers of all users.
    async fn numbers(
        &self,
        query: &DirectoryQuery<PhoneNumber>,
    ) -> Result<DirectoryPage<CallerNumber>, PortUnavailable>;

    /// Lists contacts.
    async fn contacts(
        &self,
        query: &DirectoryQuery<ContactId>,
    ) -> Result<DirectoryPage<Contact>, PortUnavailable>;
}

/// Which page to list. `K` is what identifies a record in its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryQuery<K> {
    /// The organization. It comes from the token, never from the client.
    pub organization_id: OrganizationId,
    /// The last record of the previous page; `None` for the first page.
    pub after: Option<K>,
    /// The maximum number of records.
    pub limit: u32,
    /// The number up to which records are counted.
    pub count_up_to: u32,
}

/// One page of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryPage<T> {
    /// The records, in order.
    pub records: Vec<T>,
    /// The number of records on all pages.
    pub total: Total,
}

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{AuditRecord, AuditSequence, OrganizationId};

/// Reads who changed what. The ports that change something write the records, each in the transaction
/// of its change.
///
/// - MUST list the newest records first, whole (`audit_records_are_listed_newest_first`).
/// - MUST list at most `limit` records, those before `before`, without a gap or a repetition between
///   pages (`pages_of_audit_records_neither_repeat_nor_miss_one`).
/// - MUST list only the records with the action, if the query names one
///   (`audit_records_are_filtered_by_action`).
/// - MUST list no record of another organization (`another_tenants_audit_records_are_absent`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_audit_log_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Lists records of one organization.
    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, PortUnavailable>;
}

/// Which records to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditQuery {
    /// The organization. It comes from the token, never from the client.
    pub organization_id: OrganizationId,
    /// The last record of the previous page; `None` for the first page.
    pub before: Option<AuditSequence>,
    /// Only records with this action.
    pub action: Option<Box<str>>,
    /// The maximum number of records.
    pub limit: u32,
}

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallId, CallRecord, HistoryFilter, OrganizationId};

/// Reads calls from the ledger, always within one organization.
///
/// - MUST find a booked call with its user, its contact, what the client gave with it, spelled as it
///   was, and its decision (`a_booked_call_is_read`), and treat another organization's call as absent
///   (`another_tenants_call_is_absent`).
/// - MUST list the newest calls first, by filter and page, with the number of matches and without
///   what may be long: without their decisions, and as
///   [`ConversationRecord::in_short`](crate::ConversationRecord::in_short) shows them (`history_is_filtered_and_paged`), for one organization only (`history_is_the_tenants_own`).
/// - MUST count no further than it is asked to (`matches_are_counted_up_to_a_limit`).
/// - MUST show the outcome of a call's dial before any later report arrives, with the code of a refusal
///   (`the_outcome_of_the_dial_is_read`).
/// - MUST filter by the status that clients see,
///   [`CallProgress::shown_status`](crate::CallProgress::shown_status)
///   (`a_given_up_call_is_listed_as_unknown`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_call_reader_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CallReader: Send + Sync {
    /// Finds the organization's call with this id.
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable>;

    /// Lists the organization's calls, newest first.
    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable>;
}

/// A client's filter, and the organization that the client may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The organization. It comes from the token, never from the client's filter.
    pub organization_id: OrganizationId,
    /// The client's filter.
    pub filter: HistoryFilter,
    /// The number up to which matches are counted.
    pub count_up_to: u32,
}

/// One page of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The calls, newest first, without their transcripts and decisions.
    pub calls: Vec<CallRecord>,
    /// The number of calls that match the filter, on all pages.
    pub total: Total,
}

/// How many rows match a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// As many.
    Exactly(u32),
    /// More than were counted.
    MoreThan(u32),
}

impl Total {
    /// What a count means that ended after one more than `up_to`.
    #[must_use]
    pub const fn counted(count: u32, up_to: u32) -> Self {
        if count > up_to { Self::MoreThan(up_to) } else { Self::Exactly(count) }
    }
}

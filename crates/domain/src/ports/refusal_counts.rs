use async_trait::async_trait;

use super::PortUnavailable;
use crate::{OrganizationId, RefusalCode, Timestamp};

/// How many requests for calls were refused, for each organization, code and hour.
///
/// - MUST add to what was counted before, also for several writers at the same time, and for each
///   organization, code and hour apart (`refusals_add_up`).
/// - MUST list the counts of one organization that begin in a span, with its first instant and
///   without its last, by hour and code (`the_refusals_of_a_span_are_listed`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_refusal_counts_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RefusalCounts: Send + Sync {
    /// Adds these counts, all of them or none. After an error they may be added nevertheless. No two
    /// of them have the same organization, code and hour.
    async fn add(&self, counts: &[RefusalCount]) -> Result<(), PortUnavailable>;

    /// Lists counts. One round trip.
    async fn list(&self, query: &RefusalQuery) -> Result<Vec<RefusalCount>, PortUnavailable>;
}

/// How many requests of an organization were refused with one code in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalCount {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The beginning of the hour, in UTC.
    pub hour: Timestamp,
    /// The code of the response.
    pub code: RefusalCode,
    /// The number of requests.
    pub refusals: u64,
}

/// Which counts are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalQuery {
    /// Those of this organization.
    pub organization_id: OrganizationId,
    /// Those of hours that begin at this time or later.
    pub from: Timestamp,
    /// Those of hours that begin before this time.
    pub until: Timestamp,
}

use domain::ports::{HistoryPage, Total};
use domain::{AgentId, CallStatus, ContactId, HistoryFilter, PhoneNumber, UserId};
use event_json::from_iso8601;
use event_json::schema::{always_true, call_status};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::call::CallDocument;
use super::parameters::{Problems, number};
use super::{cursor, parameters};
use crate::failure::InvalidRequest;

/// The largest offset, because a store reads every call before it. A client that needs more uses
/// the cursor.
const MAX_OFFSET: u32 = 100_000;

pub(super) const A_TIME: &str =
    "must be a time with an offset from UTC, such as 2026-03-02T09:00:00Z, with + written as %2B";

/// The parameters of the list.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParameters {
    /// Only calls to this contact.
    #[param(value_type = String, required = false, max_length = 128)]
    contact_id: Option<String>,
    /// Only calls that this user requested.
    #[param(value_type = String, required = false, max_length = 128)]
    user_id: Option<String>,
    /// Only calls by this agent.
    #[param(value_type = String, required = false, max_length = 128)]
    agent_id: Option<String>,
    /// Only calls to this number, with its country code.
    #[param(value_type = String, required = false, max_length = 64, example = "+14165550123")]
    to_number: Option<String>,
    /// Only calls with one of these statuses, separated by commas.
    #[param(value_type = Vec<StatusName>, inline, style = Form, explode = false, required = false, min_items = 1)]
    status: Option<String>,
    /// Only calls booked at this time or later. It has an offset from UTC, as in RFC 3339.
    #[param(value_type = String, format = DateTime, required = false)]
    from: Option<String>,
    /// Only calls booked earlier than this time.
    #[param(value_type = String, format = DateTime, required = false)]
    to: Option<String>,
    /// The largest number of calls in the page.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The number of calls to skip. Cannot be combined with `before`.
    #[param(value_type = u32, required = false, minimum = 0, maximum = 100_000, default = 0)]
    offset: Option<String>,
    /// The `nextCursor` of the previous page: only calls older than those of that page.
    #[param(value_type = String, required = false, max_length = 200)]
    before: Option<String>,
}

/// A page of calls, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsHistoryResponse)]
pub(crate) struct HistoryResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    /// The calls, without their transcripts.
    pub(crate) calls: Vec<CallDocument>,
    /// The number of matching calls in all pages, exact up to 10000.
    total: u32,
    /// `true` if more calls than `total` match.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    total_is_lower_bound: bool,
    /// The value of `before` for the next page; absent if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) next_cursor: Option<String>,
}

/// The schema of a status in the list of statuses.
struct StatusName;

impl PartialSchema for StatusName {
    fn schema() -> RefOr<Schema> {
        call_status().into()
    }
}

impl ToSchema for StatusName {}

impl HistoryParameters {
    /// Parses a query string. Empty parameters count as absent, unknown ones are refused.
    pub(crate) fn parse(query: &str) -> Result<HistoryFilter, InvalidRequest> {
        parameters::read::<Self>(query)?.filter()
    }

    fn filter(self) -> Result<HistoryFilter, InvalidRequest> {
        let mut problems = Problems::default();
        let most = HistoryFilter::MAX_LIMIT;
        let an_id = "must be an ID: at most 128 bytes, without control characters";
        let filter = HistoryFilter {
            contact_id: problems.read("contactId", self.contact_id, an_id, |id| ContactId::parse(id).ok()),
            user_id: problems.read("userId", self.user_id, an_id, |id| UserId::parse(id).ok()),
            agent_id: problems.read("agentId", self.agent_id, an_id, |id| AgentId::parse(id).ok()),
            to: problems.read("toNumber", self.to_number, "must be a number with a country code", |number| {
                PhoneNumber::parse_written(number).ok()
            }),
            statuses: problems
                .read("status", self.status, "must be statuses of calls, separated by commas", |names| {
                    names.split(',').map(CallStatus::from_name).collect()
                })
                .unwrap_or_default(),
            from: problems.read("from", self.from, A_TIME, from_iso8601),
            until: problems.read("to", self.to, A_TIME, from_iso8601),
            limit: problems
                .read("limit", self.limit, "must be a whole number from 1 to 200", |text| {
                    number(text).filter(|limit| (1..=most).contains(limit))
                })
                .unwrap_or(HistoryFilter::DEFAULT_LIMIT),
            offset: problems
                .read("offset", self.offset, "must be a whole number from 0 to 100000", |text| {
                    number(text).filter(|offset| *offset <= MAX_OFFSET)
                })
                .unwrap_or(0),
            before: problems.read("before", self.before, "must be the nextCursor of a page", cursor::read),
        };
        // A client that keeps its offset while it follows the cursor would miss calls on every
        // page.
        if filter.before.is_some() && filter.offset > 0 {
            problems.add("before", "cannot be combined with offset");
        }
        problems.none_or(filter)
    }
}

impl HistoryResponse {
    /// The response with a page of at most `limit` calls.
    pub(crate) fn new(page: HistoryPage, limit: u32, provider: &'static str) -> Self {
        let is_full = u32::try_from(page.calls.len()).is_ok_and(|calls| calls >= limit);
        let next_cursor = page.calls.last().filter(|_| is_full).map(cursor::after);
        let calls = page.calls.into_iter().map(|record| CallDocument::listed(record, provider)).collect();
        let (total, total_is_lower_bound) = shown(page.total);
        Self { success: true, calls, total, total_is_lower_bound, next_cursor }
    }
}

/// A total, and whether it is a lower bound.
pub(super) const fn shown(total: Total) -> (u32, bool) {
    match total {
        Total::Exactly(total) => (total, false),
        Total::MoreThan(total) => (total, true),
    }
}

#[cfg(test)]
mod tests;

use domain::ports::RefusalCount;
use domain::{RefusalLog, Timestamp};
use event_json::schema::always_true;
use event_json::{from_iso8601, iso8601};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::history::A_TIME;
use super::parameters::{self, Problems};
use crate::failure::InvalidRequest;

/// The parameters of the counts.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefusalParameters {
    /// Only hours that begin at this time or later. It has an offset from UTC, as in RFC 3339. Without
    /// it: a day before `to`.
    #[param(value_type = String, format = DateTime, required = false)]
    from: Option<String>,
    /// Only hours that begin before this time, which is at most 31 days after `from`. Without it: now,
    /// or 31 days after `from` if that is earlier.
    #[param(value_type = String, format = DateTime, required = false)]
    to: Option<String>,
}

/// The span of a request for counts.
pub(crate) struct RefusalSpan {
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

/// The numbers of refused requests, by hour and code.
#[derive(Serialize, ToSchema)]
#[schema(
    as = CallsRefusalsResponse,
    example = json!({
        "success": true,
        "refusals": [{ "hour": "2026-03-02T09:00:00.000Z", "code": "OUTSIDE_CALLING_HOURS", "count": 17 }]
    })
)]
pub(crate) struct RefusalsResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    /// The hours and codes with at least one refused request.
    refusals: Vec<RefusalsOfHour>,
}

/// How many requests were refused with one code in one hour.
#[derive(Serialize, ToSchema)]
#[schema(as = CallsRefusalsOfHour)]
struct RefusalsOfHour {
    /// When the hour begins.
    #[schema(format = DateTime)]
    hour: String,
    /// The code of the responses.
    code: &'static str,
    /// The number of requests.
    count: u64,
}

impl RefusalParameters {
    /// Parses a query string. Empty parameters count as absent, unknown ones are refused.
    pub(crate) fn parse(query: &str) -> Result<RefusalSpan, InvalidRequest> {
        let given = parameters::read::<Self>(query)?;
        let mut problems = Problems::default();
        let from = problems.read("from", given.from, A_TIME, from_iso8601);
        let until = problems.read("to", given.to, A_TIME, from_iso8601);
        if let (Some(from), Some(until)) = (from, until)
            && (until <= from || until > from.after(RefusalLog::MAX_SPAN))
        {
            problems.add("to", "must be after from, by at most 31 days");
        }
        problems.none_or(RefusalSpan { from, until })
    }
}

impl RefusalsResponse {
    pub(crate) fn new(counts: Vec<RefusalCount>) -> Self {
        let refusals = counts.into_iter().map(|count| RefusalsOfHour {
            hour: iso8601(count.hour),
            code: count.code.as_str(),
            count: count.refusals,
        });
        Self { success: true, refusals: refusals.collect() }
    }
}

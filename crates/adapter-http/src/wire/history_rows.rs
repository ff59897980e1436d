//! A page of calls as rows: CSV for spreadsheets, NDJSON for programs.

use std::borrow::Cow;

use actix_web::http::header::{Accept, Header as _};
use actix_web::{HttpRequest, web::Query};
use serde::Serialize;
use url::form_urlencoded;

use super::call::CallDocument;

/// How a client can have a list without its envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowFormat {
    Csv,
    Ndjson,
}

impl RowFormat {
    /// The format that the client prefers, or `None` for JSON, which is also what a client gets that
    /// accepts none of the formats.
    pub(crate) fn preferred(request: &HttpRequest) -> Option<Self> {
        let accepted = Accept::parse(request).ok()?.ranked();
        let known = accepted.iter().find_map(|range| match range.essence_str() {
            "text/csv" => Some(Some(Self::Csv)),
            "application/x-ndjson" => Some(Some(Self::Ndjson)),
            "application/json" | "application/*" | "*/*" => Some(None),
            _ => None,
        });
        known.flatten()
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// One line of JSON for each call, as in the list.
pub(crate) fn ndjson(calls: &[CallDocument]) -> serde_json::Result<String> {
    let lines: Vec<String> = calls.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

/// A row with the names of the columns, and one for each call. A text that a person wrote and that a
/// spreadsheet would run as a formula gets an apostrophe before it.
pub(crate) fn csv(calls: &[CallDocument]) -> Result<Vec<u8>, csv::Error> {
    let mut rows = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    rows.write_record(COLUMNS)?;
    for call in calls {
        rows.serialize(Row::of(call))?;
    }
    rows.into_inner().map_err(|error| error.into_error().into())
}

const COLUMNS: [&str; 22] = [
    "callId",
    "status",
    "endReason",
    "from",
    "to",
    "contactId",
    "firstName",
    "lastName",
    "userId",
    "userName",
    "agentId",
    "agentName",
    "callReason",
    "startTime",
    "answerTime",
    "endTime",
    "duration",
    "providerCallId",
    "sipCallId",
    "providerCode",
    "sipStatus",
    "summary",
];

/// In the order of [`COLUMNS`].
#[derive(Serialize)]
struct Row<'a> {
    call_id: &'a str,
    status: &'static str,
    end_reason: Option<&'static str>,
    from: &'a str,
    to: &'a str,
    contact_id: &'a str,
    first_name: Option<Cow<'a, str>>,
    last_name: Option<Cow<'a, str>>,
    user_id: &'a str,
    user_name: Cow<'a, str>,
    agent_id: &'a str,
    agent_name: Option<Cow<'a, str>>,
    call_reason: Option<Cow<'a, str>>,
    start_time: &'a str,
    answer_time: Option<&'a str>,
    end_time: Option<&'a str>,
    duration: Option<u32>,
    provider_call_id: Option<&'a str>,
    sip_call_id: Option<&'a str>,
    provider_code: Option<&'a str>,
    sip_status: Option<u16>,
    summary: Option<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    fn of(call: &'a CallDocument) -> Self {
        Self {
            call_id: &call.call_id,
            status: call.status,
            end_reason: call.end_reason,
            from: &call.from,
            to: &call.to,
            contact_id: &call.contact_id.id,
            first_name: call.contact_id.first_name.as_deref().map(no_formula),
            last_name: call.contact_id.last_name.as_deref().map(no_formula),
            user_id: &call.user_id.id,
            user_name: no_formula(&call.user_id.full_name),
            agent_id: &call.agent_id,
            agent_name: call.agent_name.as_deref().map(no_formula),
            call_reason: call.call_reason.as_deref().map(no_formula),
            start_time: &call.start_time,
            answer_time: call.answer_time.as_deref(),
            end_time: call.end_time.as_deref(),
            duration: call.duration,
            provider_call_id: call.provider_call_id.as_deref(),
            sip_call_id: call.sip_call_id.as_deref(),
            provider_code: call.provider_code.as_deref(),
            sip_status: call.sip_status,
            summary: call.summary.as_deref().map(no_formula),
        }
    }
}

/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn no_formula(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

/// The value of a `Link` header that leads to the next page, for a request with this path and query.
pub(crate) fn link_to_next(path: &str, query: &str, cursor: &str) -> String {
    let parameters =
        Query::<Vec<(String, String)>>::from_query(query).map(Query::into_inner).unwrap_or_default();
    let mut next = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if name != "before" && name != "offset" {
            next.append_pair(&name, &value);
        }
    }
    next.append_pair("before", cursor);
    format!("<{path}?{}>; rel=\"next\"", next.finish())
}

#[cfg(test)]
mod tests;

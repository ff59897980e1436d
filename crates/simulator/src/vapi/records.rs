//! `GET /call`: the records of calls.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{errors, outcome};
use crate::calls::{Call, Provider};
use crate::state::State;
use crate::timeline::{End, Step};

const ORGANIZATION_ID: &str = "5e0d2c1a-0000-4000-8000-000000000001";

pub(crate) async fn find(state: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    match state.calls().find(Provider::Vapi, &id) {
        Some(call) => HttpResponse::Ok().json(record(&call)),
        None => errors::no_such_call(),
    }
}

/// Newest first; `limit` is 100 by default. There is no filter by `name`.
pub(crate) async fn list(
    state: web::Data<State>,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let Ok(limit @ 0..=1000) = query.get("limit").map_or(Ok(100), |limit| limit.parse::<usize>()) else {
        return errors::error(400, json!(["limit must be a number from 0 to 1000"]));
    };
    let time = |name: &str| {
        let time = query.get(name).map(|time| OffsetDateTime::parse(time, &Rfc3339));
        time.transpose().map(|time| time.map(OffsetDateTime::unix_timestamp))
    };
    let (Ok(after), Ok(before)) = (time("createdAtGt"), time("createdAtLt")) else {
        return errors::error(400, json!(["createdAt must be a valid ISO 8601 date string"]));
    };
    let matches = |name: &str, value: &str| query.get(name).is_none_or(|expected| expected == value);
    let calls = state.calls();
    let found = calls.newest_first(Provider::Vapi, None, None).filter(|(_, call)| {
        let created = call.dialled_at_unix_secs as i64;
        matches("assistantId", &call.dial.agent_id)
            && matches("phoneNumberId", &call.dial.agent_phone_number_id)
            && after.is_none_or(|after| created > after)
            && before.is_none_or(|before| created < before)
    });
    HttpResponse::Ok().json(found.take(limit).map(|(_, call)| record(&call)).collect::<Vec<_>>())
}

/// The record of a call that has just been queued: it has no carrier id yet.
pub(crate) fn queued(call: &Call) -> Map<String, Value> {
    let created_at = iso(call.dialled_at_unix_secs);
    let mut record = call.client_data.clone();
    for (name, value) in [
        ("id", call.dial.conversation_id.as_str()),
        ("orgId", ORGANIZATION_ID),
        ("createdAt", &created_at),
        ("updatedAt", &created_at),
        ("type", "outboundPhoneCall"),
        ("status", "queued"),
        ("phoneCallProvider", "twilio"),
        ("phoneCallTransport", "pstn"),
        ("assistantId", &call.dial.agent_id),
        ("phoneNumberId", &call.dial.agent_phone_number_id),
    ] {
        record.insert(name.to_owned(), value.into());
    }
    record
}

pub(crate) fn limits(blocked: bool) -> Value {
    let remaining = if blocked { 0 } else { 9 };
    json!({ "concurrencyBlocked": blocked, "concurrencyLimit": 10, "remainingConcurrentCalls": remaining })
}

fn record(call: &Call) -> Map<String, Value> {
    let step = call.step();
    let status = match step {
        Step::Initiated => "ringing",
        Step::InProgress => "in-progress",
        Step::Processing | Step::Done | Step::Failed => "ended",
    };
    let ended_reason = match (&call.timeline.end, step) {
        (End::Failed(failure), Step::Failed) => Some(failure.reason.as_str()),
        _ if step.is_hung_up() => Some("assistant-ended-call"),
        _ => None,
    };
    let mut record = queued(call);
    record.insert("status".to_owned(), status.into());
    if ended_reason == Some(outcome::CONCURRENCY_LIMIT_REACHED) {
        record.insert("subscriptionLimits".to_owned(), limits(true));
    } else {
        record.insert("phoneCallProviderId".to_owned(), call.sip_call_id.clone().into());
    }
    if step.is_answered() {
        record.insert("startedAt".to_owned(), iso(call.rings_until_unix_secs()).into());
    }
    if let Some(reason) = ended_reason {
        let ended = call.rings_until_unix_secs() + call.timeline.talks_for.as_secs();
        record.insert("endedReason".to_owned(), reason.into());
        record.insert("endedAt".to_owned(), iso(ended).into());
    }
    record
}

fn iso(unix_secs: u64) -> String {
    let time = i64::try_from(unix_secs).ok().and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

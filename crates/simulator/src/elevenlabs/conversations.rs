//! `GET …/conversations`: the records of calls.

use actix_web::{Error, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::paging::{Page, Query};
use super::{demo, errors, recording};
use crate::calls::{Call, Provider};
use crate::state::State;
use crate::timeline::{End, Step};

/// The reported duration of every finished conversation; the fixed transcript fits into it.
const CALL_DURATION_SECS: u64 = 6;
const SUMMARY: &str = "The agent said why it called, the callee confirmed, and the call ended.";

pub(crate) async fn find(state: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    match state.calls().find(Provider::ElevenLabs, &id) {
        Some(call) => HttpResponse::Ok().json(record(&call, call.step())),
        None => errors::no_such_conversation(&id),
    }
}

/// The recording of a call that is over: a silent MP3.
pub(crate) async fn audio(state: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    match state.calls().find(Provider::ElevenLabs, &id) {
        Some(call) if call.step() == Step::Done => {
            HttpResponse::Ok().content_type("audio/mpeg").body(recording::of(&call))
        }
        _ => errors::no_such_conversation(&id),
    }
}

pub(crate) async fn list(state: web::Data<State>, query: Query) -> Result<HttpResponse, Error> {
    let page = Page::parse(&query)?;
    let time = |name: &str| query.get(name).map(|secs| secs.parse::<u64>()).transpose();
    let (Ok(after), Ok(before)) = (time("call_start_after_unix"), time("call_start_before_unix")) else {
        return Ok(errors::detail(400, "invalid_parameters", "A time must be in whole seconds."));
    };
    let agent_id = query.get("agent_id");
    let calls = state.calls();
    let mut matching = calls
        .newest_first(Provider::ElevenLabs, query.get("user_id").map(String::as_str), page.cursor)
        .filter(|(_, call)| {
            let started = call.dialled_at_unix_secs;
            agent_id.is_none_or(|id| *id == call.dial.agent_id)
                && after.is_none_or(|after| started >= after)
                && before.is_none_or(|before| started <= before)
        });
    let listed: Vec<_> = matching.by_ref().take(page.size).collect();
    let has_more = matching.next().is_some();
    let next_cursor = listed.last().filter(|_| has_more).map(|(sequence, _)| Page::cursor_at(*sequence));
    let conversations: Vec<Value> = listed.iter().map(|(_, call)| summary(call)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "conversations": conversations, "next_cursor": next_cursor, "has_more": has_more,
    })))
}

fn summary(call: &Call) -> Value {
    let step = call.step();
    json!({
        "agent_id": call.dial.agent_id,
        "agent_name": demo::agent_name(&call.dial.agent_id),
        "conversation_id": call.dial.conversation_id,
        "start_time_unix_secs": call.dialled_at_unix_secs,
        "call_duration_secs": duration_secs(step),
        "message_count": transcript(step).len(),
        "status": status(step),
        "call_successful": if step == Step::Done { "success" } else { "unknown" },
        "termination_reason": termination_reason(step),
        "direction": "outbound",
        "transcript_summary": (step == Step::Done).then_some(SUMMARY),
    })
}

pub(crate) fn record(call: &Call, step: Step) -> Value {
    let done = step == Step::Done;
    json!({
        "agent_id": call.dial.agent_id,
        "agent_name": demo::agent_name(&call.dial.agent_id),
        "conversation_id": call.dial.conversation_id,
        "status": status(step),
        "user_id": call.dial.user_id,
        "has_audio": done,
        "has_user_audio": done,
        "has_response_audio": done,
        "has_auxiliary_audio": false,
        "transcript": transcript(step),
        "analysis": done.then(analysis),
        "conversation_initiation_client_data": client_data(call),
        "environment": "production",
        "metadata": {
            "start_time_unix_secs": call.dialled_at_unix_secs,
            "accepted_time_unix_secs": step.is_answered().then(|| call.rings_until_unix_secs()),
            "call_duration_secs": duration_secs(step),
            "cost": step.is_hung_up().then_some(90),
            "termination_reason": termination_reason(step),
            "error": error(call, step),
            "authorization_method": "authorization_header",
            "conversation_initiation_source": "sip_trunk",
            "main_language": step.is_answered().then_some("en"),
            "warnings": [],
            "phone_call": {
                "type": "sip_trunking",
                "direction": "outbound",
                "phone_number_id": call.dial.agent_phone_number_id,
                "agent_number": demo::number_of(&call.dial.agent_phone_number_id),
                "external_number": call.dial.to_number,
                "call_sid": "",
                "call_id": call.sip_call_id,
            },
        },
    })
}

fn status(step: Step) -> &'static str {
    match step {
        Step::Initiated => "initiated",
        Step::InProgress => "in-progress",
        Step::Processing => "processing",
        Step::Done => "done",
        Step::Failed => "failed",
    }
}

fn duration_secs(step: Step) -> u64 {
    if step.is_hung_up() { CALL_DURATION_SECS } else { 0 }
}

fn termination_reason(step: Step) -> &'static str {
    if step.is_hung_up() { "Client disconnected: 1000" } else { "" }
}

fn error(call: &Call, step: Step) -> Option<Value> {
    match &call.timeline.end {
        End::Failed(failure) if step == Step::Failed => Some(json!({
            "code": failure.code, "reason": failure.reason, "error_type": failure.error_type,
        })),
        _ => None,
    }
}

fn transcript(step: Step) -> Vec<Value> {
    if !step.is_hung_up() {
        return Vec::new();
    }
    let turn = |role: &str, message: &str, at: u64| json!({ "role": role, "message": message, "time_in_call_secs": at, "interrupted": false });
    vec![
        turn("agent", "Hello, I am calling to confirm your appointment tomorrow at ten.", 0),
        turn("user", "Yes, I will be there.", 3),
        turn("agent", "Thank you, goodbye.", 5),
    ]
}

fn analysis() -> Value {
    json!({
        "call_successful": "success",
        "transcript_summary": SUMMARY,
        "call_summary_title": "Appointment confirmed",
        "evaluation_criteria_results": {},
        "data_collection_results": {},
    })
}

/// The client data of the request, with the variables that the provider adds.
fn client_data(call: &Call) -> Map<String, Value> {
    let mut variables = call.dial.dynamic_variables.clone();
    for (name, value) in [
        ("system__agent_id", call.dial.agent_id.as_str()),
        ("system__conversation_id", &call.dial.conversation_id),
        ("system__caller_id", demo::number_of(&call.dial.agent_phone_number_id)),
        ("system__called_number", &call.dial.to_number),
    ] {
        variables.insert(name.to_owned(), value.into());
    }
    let mut data = call.client_data.clone();
    data.insert("user_id".to_owned(), call.dial.user_id.clone().into());
    data.insert("dynamic_variables".to_owned(), variables.into());
    data
}

//! `POST …/outbound-call`: the dial. It responds when the call is answered or has failed.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use actix_web::error::ErrorInternalServerError;
use actix_web::rt::spawn;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::errors;
use super::outcome::{ReportedOutcome, unreported_end};
use super::request::OutboundCall;
use crate::behaviours::{Behaviour, ErrorShape};
use crate::calls::{Call, Dial, Provider};
use crate::faults::Success;
use crate::magic_numbers::DEFAULT_RING_MS;
use crate::responses::refusal;
use crate::scripts::Scripted;
use crate::state::State;
use crate::timeline::{End, Timeline};
use crate::{ids, webhooks};

const TALKS_FOR: Duration = Duration::from_millis(600);
const PROCESSED_FOR: Duration = Duration::from_millis(300);

pub(crate) async fn over_sip_trunk(
    state: web::Data<State>,
    http: HttpRequest,
    body: Result<web::Bytes, Error>,
) -> Result<HttpResponse, Error> {
    let request = validate(&state, body)?;
    let Scripted { behaviour, outcome, talks_for_ms, webhook } = state.next_behaviour(&request.to_number);
    let mut responds_after = behaviour.responds_after_ms().map(Duration::from_millis);
    let mut reported = ReportedOutcome::of(behaviour.after_ringing());
    let ringing_timeout = Duration::from_secs(request.ringing_timeout_secs.into());
    if reported.is_some() && responds_after.is_some_and(|after| after > ringing_timeout) {
        responds_after = Some(ringing_timeout);
        reported = Some(ReportedOutcome::ringing_timeout());
    }

    let ids = Ids { conversation: ids::prefixed("conv_"), sip_call: ids::prefixed("otb_") };
    let end = match &reported {
        Some(reported) => Some(reported.end()),
        None => unreported_end(outcome.unwrap_or_else(|| behaviour.default_outcome())),
    };
    let call = end.map(|end| {
        let rings_for = match responds_after {
            Some(after) if reported.is_some() || !after.is_zero() => after,
            _ => state.scaled(Duration::from_millis(DEFAULT_RING_MS)),
        };
        let talks_for = talks_for_ms.map_or_else(|| state.scaled(TALKS_FOR), Duration::from_millis);
        let call = dial(&state, request, &ids, [rings_for, talks_for], end);
        let call = Arc::new(call.with_large_audio(webhook.large_audio));
        state.calls().record(Arc::clone(&call));
        if !webhook.before_answer {
            webhooks::send_events_after_call(&state, &call, webhook);
        }
        call
    });

    match responds_after {
        Some(after) => sleep(after).await,
        None => pending().await,
    }
    if webhook.before_answer
        && let Some(call) = call
    {
        let state = state.into_inner();
        // A separate task sends the events even if the client disconnects before the response.
        let sent = spawn(async move { webhooks::send_events(&state, &call, webhook).await }).await;
        sent.map_err(ErrorInternalServerError)?;
    }
    Ok(match reported {
        Some(reported) => HttpResponse::Ok().json(response_body(&reported, &ids)),
        None => faulty_response(behaviour.after_ringing(), &ids, &http),
    })
}

/// Every number here is on a SIP trunk, and this endpoint does not dial from such numbers.
pub(crate) async fn over_twilio(
    state: web::Data<State>,
    body: Result<web::Bytes, Error>,
) -> Result<HttpResponse, Error> {
    validate(&state, body)?;
    Ok(errors::detail(
        400,
        "invalid_provider_config",
        "Missing Twilio credentials for this phone number. Delete the phone number and create it again.",
    ))
}

struct Ids {
    conversation: String,
    sip_call: String,
}

fn validate(state: &State, body: Result<web::Bytes, Error>) -> Result<OutboundCall, Error> {
    let too_large = |_| errors::detail(400, "request_too_large", "The body could not be read in full.");
    let body = body.map_err(too_large).map_err(refusal)?;
    let request = OutboundCall::parse(&body).map_err(errors::invalid).map_err(refusal)?;
    if !state.has_agent(&request.agent_id) {
        return Err(refusal(errors::no_such_agent()));
    }
    if !state.has_phone_number(&request.agent_phone_number_id) {
        return Err(refusal(errors::no_such_phone_number()));
    }
    Ok(request)
}

fn dial(
    state: &State,
    request: OutboundCall,
    ids: &Ids,
    [rings_for, talks_for]: [Duration; 2],
    end: End,
) -> Call {
    let dial = Dial {
        user_id: request.user_id(),
        dynamic_variables: request.dynamic_variables(),
        to_number: request.to_number,
        agent_id: request.agent_id,
        agent_phone_number_id: request.agent_phone_number_id,
        ringing_timeout_secs: request.ringing_timeout_secs,
        received_at_ms: state.now_ms(),
        rings_for_ms: rings_for.as_millis() as u64,
        conversation_id: ids.conversation.clone(),
    };
    let timeline = Timeline { rings_for, talks_for, processed_for: state.scaled(PROCESSED_FOR), end };
    Call::new(Provider::ElevenLabs, dial, ids.sip_call.clone(), request.client_data, timeline)
}

fn response_body(reported: &ReportedOutcome, ids: &Ids) -> Map<String, Value> {
    let (success, message, with_ids) = match reported {
        ReportedOutcome::Placed { with_ids } => (true, "Outbound call initiated successfully.", *with_ids),
        ReportedOutcome::NotPlaced { message, with_ids, .. } => (false, message.as_str(), *with_ids),
    };
    Map::from_iter([
        ("success".to_owned(), success.into()),
        ("message".to_owned(), message.into()),
        ("conversation_id".to_owned(), with_ids.then(|| ids.conversation.clone()).into()),
        ("sip_call_id".to_owned(), with_ids.then(|| ids.sip_call.clone()).into()),
    ])
}

/// A response that does not report what happened to the call, or no response at all.
fn faulty_response(behaviour: &Behaviour, ids: &Ids, http: &HttpRequest) -> HttpResponse {
    match behaviour {
        Behaviour::HttpError { status, shape, code, message, retry_after_secs } => {
            errors::scripted(*status, *shape, code.as_deref(), message.as_deref(), *retry_after_secs)
        }
        Behaviour::ConcurrencyBlocked | Behaviour::ConcurrencyBlockedLater => {
            errors::scripted(429, ErrorShape::DetailObject, Some("concurrent_limit_exceeded"), None, None)
        }
        fault => {
            let body = response_body(&ReportedOutcome::Placed { with_ids: true }, ids);
            Success { status: 200, body, free_text: "message" }.with_fault(fault, http)
        }
    }
}

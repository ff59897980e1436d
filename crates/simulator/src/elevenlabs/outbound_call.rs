//! `POST …/outbound-call`: the dial. The answer comes when the callee has answered, or will not.

use crate::behaviours::{Behaviour, ErrorShape};
use crate::calls::{Call, Dial, Surface};
use crate::elevenlabs::outcome::{self, Told};
use crate::elevenlabs::request::OutboundCall;
use crate::elevenlabs::{MISSING, errors};
use crate::ids;
use crate::magic_numbers::USUAL_RING_MS;
use crate::scripts::Scripted;
use crate::spoiled::Success;
use crate::state::State;
use crate::timeline::{End, Timeline};
use crate::webhooks;
use actix_web::rt::spawn;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

const TALKS_FOR: Duration = Duration::from_millis(600);
const PROCESSED_FOR: Duration = Duration::from_millis(300);

pub(crate) async fn over_sip_trunk(
    state: web::Data<State>,
    http: HttpRequest,
    body: Result<web::Bytes, Error>,
) -> Result<HttpResponse, Error> {
    let request = accept(body)?;
    let Scripted { behaviour, fate, talks_for_ms, webhook } = state.next_behaviour(&request.to_number);
    let fate = fate.unwrap_or_else(|| behaviour.usual_fate());
    let mut answers_after = behaviour.answers_after_ms().map(Duration::from_millis);
    let mut told = Told::by(behaviour.after_ringing());
    let ringing_timeout = Duration::from_secs(request.ringing_timeout_secs.into());
    if told.is_some() && answers_after.is_some_and(|after| after > ringing_timeout) {
        answers_after = Some(ringing_timeout);
        told = Some(Told::rung_out());
    }

    let ids = Ids { conversation: ids::fresh("conv_"), sip_call: ids::fresh("otb_") };
    let end = told.as_ref().map(Told::end).or_else(|| outcome::end_of(fate));
    let mut call = None;
    if let Some(end) = end {
        let usual_ring = state.scaled(Duration::from_millis(USUAL_RING_MS));
        let rings_for = match answers_after {
            Some(after) if told.is_some() || !after.is_zero() => after,
            _ => usual_ring,
        };
        let talks_for = talks_for_ms.map_or_else(|| state.scaled(TALKS_FOR), Duration::from_millis);
        let begun = Arc::new(begin(&state, request, &ids, [rings_for, talks_for], end));
        state.calls().record(Arc::clone(&begun));
        if !webhook.before_answer {
            webhooks::follow(&state, &begun, webhook);
        }
        call = Some(begun);
    }

    match answers_after {
        Some(after) => sleep(after).await,
        None => pending().await,
    }
    if webhook.before_answer
        && let Some(call) = call
    {
        let state = state.clone().into_inner();
        // A task of its own: a client that does not wait for its answer gets the events all the same.
        let delivered = spawn(async move { webhooks::deliver(&state, &call, webhook).await }).await;
        delivered.map_err(actix_web::error::ErrorInternalServerError)?;
    }
    Ok(match told {
        Some(told) => HttpResponse::Ok().json(told_body(&told, &ids)),
        None => mislead(behaviour.after_ringing(), &ids, &http),
    })
}

/// Every number here is on a SIP trunk, and this endpoint does not dial from those.
pub(crate) async fn over_twilio(body: Result<web::Bytes, Error>) -> Result<HttpResponse, Error> {
    accept(body)?;
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

/// A request that the provider would dial, or its refusal.
fn accept(body: Result<web::Bytes, Error>) -> Result<OutboundCall, Error> {
    let Ok(body) = body else {
        let response = errors::detail(400, "request_too_large", "The body could not be read in full.");
        return Err(errors::refusal(response));
    };
    let request =
        OutboundCall::parse(&body).map_err(|objections| errors::refusal(errors::invalid(objections)))?;
    if request.agent_id.starts_with(MISSING) {
        return Err(errors::refusal(errors::no_such_agent()));
    }
    if request.agent_phone_number_id.starts_with(MISSING) {
        return Err(errors::refusal(errors::no_such_phone_number()));
    }
    Ok(request)
}

fn begin(
    state: &State,
    request: OutboundCall,
    ids: &Ids,
    [rings_for, talks_for]: [Duration; 2],
    end: End,
) -> Call {
    let dialled_at_unix_secs = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Call {
        surface: Surface::ElevenLabs,
        dial: Dial {
            user_id: request.user_id(),
            dynamic_variables: request.dynamic_variables(),
            to_number: request.to_number,
            agent_id: request.agent_id,
            agent_phone_number_id: request.agent_phone_number_id,
            ringing_timeout_secs: request.ringing_timeout_secs,
            received_at_ms: state.now_ms(),
            conversation_id: ids.conversation.clone(),
        },
        sip_call_id: ids.sip_call.clone(),
        client_data: request.client_data,
        dialled_at: Instant::now(),
        dialled_at_unix_secs,
        timeline: Timeline { rings_for, talks_for, processed_for: state.scaled(PROCESSED_FOR), end },
    }
}

fn told_body(told: &Told, ids: &Ids) -> Map<String, Value> {
    let (success, message, with_ids) = match told {
        Told::Placed { with_ids } => (true, "Outbound call initiated successfully.", *with_ids),
        Told::NotPlaced { message, with_ids, .. } => (false, message.as_str(), *with_ids),
    };
    Map::from_iter([
        ("success".to_owned(), success.into()),
        ("message".to_owned(), message.into()),
        ("conversation_id".to_owned(), with_ids.then(|| ids.conversation.clone()).into()),
        ("sip_call_id".to_owned(), with_ids.then(|| ids.sip_call.clone()).into()),
    ])
}

/// An answer that does not tell what became of the call, or none.
fn mislead(behaviour: &Behaviour, ids: &Ids, http: &HttpRequest) -> HttpResponse {
    match behaviour {
        Behaviour::HttpError { status, shape, code, message, retry_after_secs } => {
            errors::scripted(*status, *shape, code.as_deref(), message.as_deref(), *retry_after_secs)
        }
        Behaviour::ConcurrencyBlocked => {
            errors::scripted(429, ErrorShape::DetailObject, Some("concurrent_limit_exceeded"), None, None)
        }
        spoils => {
            let body = told_body(&Told::Placed { with_ids: true }, ids);
            Success { status: 200, body, free_text: "message" }.spoiled_by(spoils, http)
        }
    }
}

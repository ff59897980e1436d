//! `POST /call`: the dial. It responds when the call is queued; the phone rings afterwards.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::catalogue::{ASSISTANT_IDS, PHONE_NUMBER_IDS};
use super::request::CreateCall;
use super::{errors, outcome, records};
use crate::behaviours::Behaviour;
use crate::calls::{Call, Dial, Provider};
use crate::faults::Success;
use crate::ids;
use crate::magic_numbers::DEFAULT_RING_MS;
use crate::state::State;
use crate::timeline::{End, Timeline};

const TALKS_FOR: Duration = Duration::from_secs(6);
const PROCESSED_FOR: Duration = Duration::from_secs(2);
/// The carrier's ringing timeout: the request cannot set one.
const RINGING_TIMEOUT_SECS: u16 = 60;

pub(crate) async fn create(
    state: web::Data<State>,
    http: HttpRequest,
    body: Result<web::Bytes, Error>,
) -> HttpResponse {
    let request = match validate(&state, body) {
        Ok(request) => request,
        Err((status, message)) => return errors::error(status, message),
    };
    let scripted = state.next_behaviour(&request.number);
    let behaviour = scripted.behaviour.after_ringing();
    let reported = outcome::reported_end(behaviour);
    let is_reported = reported.is_some();

    let responds_after = scripted.behaviour.responds_after_ms().map(Duration::from_millis);
    let rings_for = match responds_after {
        Some(after) if is_reported => after,
        _ => state.scaled(Duration::from_millis(DEFAULT_RING_MS)),
    };
    let talks_for = scripted.talks_for_ms.map_or_else(|| state.scaled(TALKS_FOR), Duration::from_millis);
    let end = reported.or_else(|| {
        outcome::unreported_end(scripted.outcome.unwrap_or_else(|| scripted.behaviour.default_outcome()))
    });
    let is_dialled = end.is_some();
    let call = Arc::new(dial(&state, request, [rings_for, talks_for], end));
    if is_dialled {
        state.calls().record(Arc::clone(&call));
    }

    match responds_after {
        // The time is how long the phone rings: it delays only faulty responses.
        _ if is_reported => {}
        Some(after) => sleep(after).await,
        None => pending().await,
    }
    respond(behaviour, &call, &http)
}

/// Fails with the status and the message of the refusal.
fn validate(state: &State, body: Result<web::Bytes, Error>) -> Result<CreateCall, (u16, Value)> {
    let body = body.map_err(|_| (413, json!("request entity too large")))?;
    let request = CreateCall::parse(&body).map_err(|errors| (400, json!(errors)))?;
    if !state.has(&ASSISTANT_IDS, &request.assistant_id) {
        return Err((400, json!("Couldn't find that assistant.")));
    }
    if !state.has(&PHONE_NUMBER_IDS, &request.phone_number_id) {
        return Err((400, json!("Couldn't find that phone number.")));
    }
    Ok(request)
}

fn dial(state: &State, request: CreateCall, [rings_for, talks_for]: [Duration; 2], end: Option<End>) -> Call {
    let ringing_timeout = Duration::from_secs(RINGING_TIMEOUT_SECS.into());
    let (rings_for, end) = match end {
        Some(end) if rings_for <= ringing_timeout => (rings_for, end),
        Some(_) => (ringing_timeout, outcome::ringing_timeout()),
        None => (rings_for, End::KeepsRinging),
    };
    let dial = Dial {
        user_id: request.correlation_id(),
        dynamic_variables: request.variable_values(),
        to_number: request.number,
        agent_id: request.assistant_id,
        agent_phone_number_id: request.phone_number_id,
        ringing_timeout_secs: RINGING_TIMEOUT_SECS,
        received_at_ms: state.now_ms(),
        rings_for_ms: rings_for.as_millis() as u64,
        conversation_id: ids::uuid(),
    };
    let client_data = Map::from_iter([
        ("name".to_owned(), request.name.into()),
        ("customer".to_owned(), request.customer.into()),
        ("assistantOverrides".to_owned(), request.overrides.into()),
    ]);
    let timeline = Timeline { rings_for, talks_for, processed_for: state.scaled(PROCESSED_FOR), end };
    Call::new(Provider::Vapi, dial, ids::prefixed("CA"), client_data, timeline)
}

fn respond(behaviour: &Behaviour, call: &Call, http: &HttpRequest) -> HttpResponse {
    let mut record = records::queued(call);
    record.insert("subscriptionLimits".to_owned(), records::limits(false));
    match behaviour {
        Behaviour::SuccessWithoutIds => {
            record.insert("id".to_owned(), Value::Null);
        }
        Behaviour::ConcurrencyBlocked => {
            record.insert("subscriptionLimits".to_owned(), records::limits(true));
        }
        Behaviour::HttpError { status, shape, code, message, retry_after_secs } => {
            return errors::scripted(*status, *shape, code.as_deref(), message.as_deref(), *retry_after_secs);
        }
        reported if outcome::reported_end(reported).is_some() => {}
        fault => return Success { status: 201, body: record, free_text: "name" }.with_fault(fault, http),
    }
    HttpResponse::Created().json(record)
}

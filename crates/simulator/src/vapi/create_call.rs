//! `POST /call`: the dial. The answer comes when the call is queued, and the phone rings after it.

use crate::behaviours::Behaviour;
use crate::calls::{Call, Dial, Surface};
use crate::ids;
use crate::magic_numbers::USUAL_RING_MS;
use crate::scripts::Scripted;
use crate::spoiled::Success;
use crate::state::State;
use crate::timeline::{End, Timeline};
use crate::vapi::request::CreateCall;
use crate::vapi::{MISSING, errors, outcome, records};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

const TALKS_FOR: Duration = Duration::from_secs(6);
const PROCESSED_FOR: Duration = Duration::from_secs(2);
/// How long the carrier lets a phone ring: the request cannot say.
const CARRIER_RINGS_FOR_SECS: u16 = 60;

pub(crate) async fn create(
    state: web::Data<State>,
    http: HttpRequest,
    body: Result<web::Bytes, Error>,
) -> HttpResponse {
    let request = match accept(body) {
        Ok(request) => request,
        Err((status, message)) => return errors::error(status, message),
    };
    let Scripted { behaviour: scripted, fate, talks_for_ms, .. } = state.next_behaviour(&request.number);
    let fate = fate.unwrap_or_else(|| scripted.usual_fate());
    let behaviour = scripted.after_ringing();
    let told = outcome::end_by(behaviour);
    let is_told = told.is_some();
    let end = told.or_else(|| outcome::end_of(fate));
    let id = ids::uuid();

    let after = scripted.answers_after_ms().map(Duration::from_millis);
    let rings_for = match after {
        Some(after) if is_told => after,
        _ => state.scaled(Duration::from_millis(USUAL_RING_MS)),
    };
    let talks_for = talks_for_ms.map_or_else(|| state.scaled(TALKS_FOR), Duration::from_millis);
    let call = Arc::new(begin(&state, request, id, [rings_for, talks_for], end.clone()));
    if end.is_some() {
        state.calls().record(Arc::clone(&call));
    }

    match after {
        // The ring is the callee's; the answer to this request waits only where it is to be spoilt late.
        _ if is_told => {}
        Some(after) => sleep(after).await,
        None => pending().await,
    }
    answer(behaviour, &call, &http)
}

/// A request that the provider would dial, or status and message of its refusal.
fn accept(body: Result<web::Bytes, Error>) -> Result<CreateCall, (u16, Value)> {
    let body = body.map_err(|_| (413, json!("request entity too large")))?;
    let request = CreateCall::parse(&body).map_err(|objections| (400, json!(objections)))?;
    if request.assistant_id.starts_with(MISSING) {
        return Err((400, json!("Couldn't find that assistant.")));
    }
    if request.phone_number_id.starts_with(MISSING) {
        return Err((400, json!("Couldn't find that phone number.")));
    }
    Ok(request)
}

fn begin(
    state: &State,
    request: CreateCall,
    id: String,
    [rings_for, talks_for]: [Duration; 2],
    end: Option<End>,
) -> Call {
    let dialled_at_unix_secs = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let carriers_patience = Duration::from_secs(CARRIER_RINGS_FOR_SECS.into());
    let (rings_for, end) = match end {
        Some(end) if rings_for <= carriers_patience => (rings_for, end),
        Some(_) => (carriers_patience, outcome::rung_out()),
        None => (rings_for, End::RingsOn),
    };
    Call {
        surface: Surface::Vapi,
        dial: Dial {
            user_id: request.correlation_id(),
            dynamic_variables: request.variable_values(),
            to_number: request.number,
            agent_id: request.assistant_id,
            agent_phone_number_id: request.phone_number_id,
            ringing_timeout_secs: CARRIER_RINGS_FOR_SECS,
            received_at_ms: state.now_ms(),
            conversation_id: id,
        },
        sip_call_id: ids::fresh("CA"),
        client_data: Map::from_iter([
            ("name".to_owned(), request.name.into()),
            ("customer".to_owned(), request.customer.into()),
            ("assistantOverrides".to_owned(), request.overrides.into()),
        ]),
        dialled_at: Instant::now(),
        dialled_at_unix_secs,
        timeline: Timeline { rings_for, talks_for, processed_for: state.scaled(PROCESSED_FOR), end },
    }
}

fn answer(behaviour: &Behaviour, call: &Call, http: &HttpRequest) -> HttpResponse {
    let mut record = records::queued(call);
    let limits = |blocked: bool, remaining: u8| json!({ "concurrencyBlocked": blocked, "concurrencyLimit": 10, "remainingConcurrentCalls": remaining });
    record.insert("subscriptionLimits".to_owned(), limits(false, 9));
    match behaviour {
        Behaviour::SuccessWithoutIds => {
            record.insert("id".to_owned(), Value::Null);
        }
        Behaviour::ConcurrencyBlocked => {
            record.insert("subscriptionLimits".to_owned(), limits(true, 0));
        }
        Behaviour::HttpError { status, shape, code, message, retry_after_secs } => {
            return errors::scripted(*status, *shape, code.as_deref(), message.as_deref(), *retry_after_secs);
        }
        told if outcome::end_by(told).is_some() => {}
        spoils => return Success { status: 201, body: record, free_text: "name" }.spoiled_by(spoils, http),
    }
    HttpResponse::Created().json(record)
}

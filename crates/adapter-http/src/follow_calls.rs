//! `GET /api/calls/events`.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::EventSequence;

use crate::common_answers::{OwnTrouble, Unauthorized, UserNotFound};
use crate::error_answer::ErrorAnswer;
use crate::event_streams::StreamTimes;
use crate::gateway::{Gateway, Heartbeat};
use crate::wire::{ErrorResponse, RequestRefusal, position};

/// The path of the route.
pub(crate) const PATH: &str = "/api/calls/events";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks a proxy before us not to hold events back.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Follow calls
///
/// A stream of server-sent events: what becomes of the calls of the user's organization, as it happens. Each event has an
/// `id`, which is its place in the order of events, an `event`, which is the document's `type`, and one line of `data`, which is
/// a `CallsEvent`: the same document that webhooks are sent. Comments are sent while nothing happens.
///
/// The stream begins with an `id` of its own, without an event: the place behind which it tells. It ends after an hour, when the
/// token expires, and when the gateway shuts down or is in trouble. A client comes back with the last `id` that it saw as
/// `Last-Event-ID`, as clients of such streams do by themselves, and misses nothing; without it the stream begins with the next event.
#[utoipa::path(
    get,
    path = "/api/calls/events",
    tag = "Calls",
    operation_id = "get_calls_events",
    params((
        "Last-Event-ID" = Option<u64>,
        Header,
        description = "The `id` of the last event that was seen: the stream begins behind it"
    )),
    responses(
        (
            status = 200,
            description = "The stream",
            body = String,
            content_type = "text/event-stream",
            headers(("Cache-Control" = String, description = "`no-store`")),
            example = json!(concat!(
                "retry: 2000\n",
                "id: 4710\n\n",
                ": events of calls follow\n\n",
                "id: 4711\n",
                "event: call_ended\n",
                "data: {\"type\":\"call_ended\",\"timestamp\":\"2026-03-02T09:12:35.120Z\",\"data\":{",
                "\"eventId\":\"evt_64f0a1b2c3d4e5f6a7b8d111_call_ended_completed\",",
                "\"callId\":\"64f0a1b2c3d4e5f6a7b8d111\",\"status\":\"completed\",\"direction\":\"outbound\",",
                "\"conversationId\":\"eleven-conv-abc123\",\"organizationId\":\"64f0a1b2c3d4e5f6a7b8bb00\",",
                "\"userId\":\"64f0a1b2c3d4e5f6a7b8aa00\",\"contactId\":\"64f0a1b2c3d4e5f6a7b8c9d0\",",
                "\"agentId\":\"64f0a1b2c3d4e5f6a7b8cc00\",\"from\":\"+14165550100\",\"to\":\"+14165550110\"}}\n\n"
            ))
        ),
        (
            status = 400,
            description = "`Last-Event-ID` is not the `id` of an event",
            body = ErrorResponse,
            content_type = "application/json",
            example = json!({
                "success": false,
                "error": {
                    "code": "VALIDATION_FAILED",
                    "message": "the request is not valid",
                    "details": [{ "field": "Last-Event-ID", "message": "must be the id of an event" }]
                },
                "code": "VALIDATION_FAILED"
            })
        ),
        Unauthorized,
        UserNotFound,
        OwnTrouble,
        (
            status = 503,
            description = "Too many streams are open, of the user or in all",
            body = ErrorResponse,
            content_type = "application/json",
            headers(("Retry-After" = u64, description = "Seconds, at least 1")),
            example = json!({
                "success": false,
                "error": "too many streams are open",
                "code": "TOO_MANY_STREAMS"
            })
        )
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_calls_events(
    request: HttpRequest,
    gateway: web::Data<Gateway>,
    heartbeat: web::Data<Heartbeat>,
) -> HttpResponse {
    follow(&request, &gateway, heartbeat.0).await.unwrap_or_else(ErrorAnswer::into_response)
}

async fn follow(
    request: &HttpRequest,
    gateway: &Gateway,
    heartbeat: Duration,
) -> Result<HttpResponse, ErrorAnswer> {
    let session = gateway.authenticator().session(request.headers())?;
    let last_seen = last_seen(request.headers())?;
    let streams = gateway.streams();
    let seat = streams.seat(&session.user_id)?;
    let following = gateway.run(streams.start(session.user_id, last_seen)).await??;
    let times = StreamTimes { heartbeat, good_for: session.good_for };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((ACCEL_BUFFERING, "no"))
        .streaming(streams.lines(seat, following, times)))
}

/// The last event that the client saw; nothing where it has seen none.
fn last_seen(headers: &HeaderMap) -> Result<Option<EventSequence>, RequestRefusal> {
    let mut values = headers.get_all(LAST_EVENT_ID);
    let Some(value) = values.next() else { return Ok(None) };
    let only = values.next().is_none().then_some(value);
    let place = only.and_then(|value| position(value.to_str().ok()?));
    place.map(Some).ok_or_else(|| RequestRefusal::field("Last-Event-ID", "must be the id of an event"))
}

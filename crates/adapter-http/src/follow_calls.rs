//! `GET /api/calls/events`.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::EventSequence;

use crate::auth::CurrentUser;
use crate::event_streams::StreamTimes;
use crate::extract::NoParameters;
use crate::failure::InvalidRequest;
use crate::read_calls_error::ReadError;
use crate::state::Gateway;
use crate::wire::{LastEventId, StreamItem, sequence};
use crate::{documented, paths};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Disables the buffer of a proxy in front of the gateway.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Follow calls
///
/// A stream of server-sent events: the call events of the user's organization, as they happen. Each
/// item has an `id`, which is its sequence number, an `event`, which is the document's `type`, and
/// one line of `data`, which is a `CallsEvent`: the document that webhooks receive too. The stream
/// has comments while nothing happens. The schema lists the items of the stream: it is text, as
/// server-sent events are, and not a JSON array.
///
/// The stream begins with an `id` without an event: the sequence number that it starts after. It
/// ends after an hour, when the token expires, when the gateway shuts down and when a store fails.
/// A client reconnects with the last `id` it has received as `Last-Event-ID`, as clients of such
/// streams do automatically, and misses nothing; without it the stream begins with the next event.
#[utoipa::path(
    get,
    path = paths::CALL_EVENTS,
    tag = "Calls",
    operation_id = "get_calls_events",
    params(LastEventId),
    responses(
        (
            status = 200,
            description = "The stream",
            body = Vec<StreamItem>,
            content_type = "text/event-stream",
            headers(("Cache-Control" = String, description = "`no-store`")),
            example = documented::stream_example
        ),
        documented::InvalidLastEventId,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable,
        documented::TooManyStreams
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn follow_calls(
    user: CurrentUser,
    _: NoParameters,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<HttpResponse, ReadError> {
    let last_seen = last_seen(request.headers())?;
    let streams = gateway.streams();
    let permit = streams.permit(&user.id).ok_or(ReadError::TooManyStreams)?;
    let following = gateway.run::<_, _, ReadError>(streams.start(user.id, last_seen)).await?;
    let permit = permit.charged_to(following.organization_id()).ok_or(ReadError::TooManyStreams)?;
    let heartbeat = gateway.parts().time_limits.heartbeat;
    let times = StreamTimes { heartbeat, token_expires_in: user.token_expires_in };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((ACCEL_BUFFERING, "no"))
        .streaming(streams.lines(permit, following, times)))
}

/// The last event that the client has received, if it names one.
fn last_seen(headers: &HeaderMap) -> Result<Option<EventSequence>, InvalidRequest> {
    let mut values = headers.get_all(LAST_EVENT_ID);
    let Some(value) = values.next() else { return Ok(None) };
    let only = values.next().is_none().then_some(value);
    let last_seen = only.and_then(|value| sequence(value.to_str().ok()?));
    last_seen.map(Some).ok_or_else(|| InvalidRequest::field("Last-Event-ID", "must be the id of an event"))
}

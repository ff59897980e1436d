//! `GET /api/calls/{callId}`, its recording, and `GET /api/calls/history`.

use std::future::{Ready, ready};

use actix_web::body::SizedStream;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, ContentType, LINK};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, web};
use domain::ports::RecordingAccess;
use domain::{AudioPart, CallId, ReadCallsError};

use crate::audio_requests::{AudioBytes, RangeHeader, part, prefers_audio};
use crate::auth::CurrentUser;
use crate::extract::NoParameters;
use crate::read_calls_error::ReadError;
use crate::recording_permits::RecordingPermit;
use crate::respond::Json;
use crate::state::Gateway;
use crate::wire::{
    CallResponse, HistoryParameters, HistoryResponse, RecordingResponse, RowFormat, csv, link_to_next, ndjson,
};
use crate::{documented, paths, recording_stream};

/// The call that the path names. A text that is not an id is the id of no call.
pub(crate) struct CallInPath(CallId);

impl FromRequest for CallInPath {
    type Error = ReadError;
    type Future = Ready<Result<Self, ReadError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().load::<String>().ok();
        let id = text.and_then(|text| CallId::parse(&text).ok());
        ready(id.map(Self).ok_or(ReadError::Refused(ReadCallsError::CallNotFound)))
    }
}

/// Get one call
///
/// A call of the user's organization: its status and, once the voice provider has reported, how it
/// went. Unknown fields are absent.
#[utoipa::path(
    get,
    path = paths::CALL,
    tag = "Calls",
    operation_id = "get_calls_call_id",
    params(("callId" = String, Path, description = "The gateway's ID of the call", max_length = 128)),
    responses(
        (status = 200, description = "The call", body = CallResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::CallNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_call(
    user: CurrentUser,
    _: NoParameters,
    call: CallInPath,
    gateway: web::Data<Gateway>,
) -> Result<Json<CallResponse>, ReadError> {
    let calls = gateway.parts().read_calls.clone();
    let record = gateway.run::<_, _, ReadError>(async move { calls.find(&user.id, &call.0).await }).await?;
    Ok(Json(CallResponse::new(record, gateway.parts().provider)))
}

/// List calls
///
/// The calls of the user's organization, newest first, without their transcripts. A client gets the
/// next page with `offset`, or with the `nextCursor` of one page as `before` of the next, which
/// neither repeats nor misses a call when new ones are placed meanwhile. Empty parameters count as
/// absent; unknown ones are refused.
///
/// With `Accept: text/csv` or `Accept: application/x-ndjson`, the calls of the page are rows without
/// the other fields, and the header `Link` leads to the next page. In CSV, a name, reason or summary
/// that a spreadsheet would run as a formula begins with an apostrophe.
#[utoipa::path(
    get,
    path = paths::CALL_HISTORY,
    tag = "Calls",
    operation_id = "get_calls_history",
    params(HistoryParameters),
    responses(
        (
            status = 200,
            description = "A page of calls",
            content(
                (HistoryResponse = "application/json"),
                (String = "text/csv"),
                (String = "application/x-ndjson")
            ),
            headers(("Link" = String, description = "The next page (`rel=\"next\"`) of rows, if there is one"))
        ),
        documented::InvalidHistoryParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_calls(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<HttpResponse, ReadError> {
    let filter = HistoryParameters::parse(request.query_string())?;
    let (calls, limit) = (gateway.parts().read_calls.clone(), filter.limit);
    let page = gateway.run::<_, _, ReadError>(async move { calls.history(&user.id, filter).await }).await?;
    let page = HistoryResponse::new(page, limit, gateway.parts().provider);
    let Some(format) = RowFormat::preferred(&request) else { return Ok(Json(page).respond_to(&request)) };
    let mut response = HttpResponse::Ok();
    response.content_type(format.content_type()).insert_header((CACHE_CONTROL, "no-store"));
    if let Some(cursor) = &page.next_cursor {
        response.insert_header((LINK, link_to_next(request.path(), request.query_string(), cursor)));
    }
    Ok(match format {
        RowFormat::Csv => response.body(csv(&page.calls).expect("rows of texts and numbers")),
        RowFormat::Ndjson => response.body(ndjson(&page.calls).expect("a call is always JSON")),
    })
}

/// Get the recording of a call
///
/// The recording of a call of the user's organization, either as data or as a link that anyone who
/// has it can use for a limited time, with the transcript. The field `recordings` of the call shows
/// whether there is a recording, and the event `call_recording_ready` when. The gateway stores no
/// recording above a size that its operator sets: then the response is always 410, and the field
/// `recording` of the call is `too-large`. It may remove recordings after a time that its operator
/// sets: then the response is 410 too, and the field is `expired`.
///
/// With `Accept: audio/*`, the body is the audio itself, also if it is in a bucket. `Range` with one
/// range of bytes asks for a part of it.
///
/// A user reads at most 4 recordings at the same time. A further request waits up to 5 seconds for
/// one of them to end. A response is cut if the client does not read it, or if the store fails.
#[utoipa::path(
    get,
    path = paths::CALL_RECORDING,
    tag = "Calls",
    operation_id = "get_calls_call_id_recording",
    params(
        ("callId" = String, Path, description = "The gateway's ID of the call", max_length = 128),
        RangeHeader
    ),
    responses(
        (
            status = 200,
            description = "The recording",
            content((RecordingResponse = "application/json"), (inline(AudioBytes) = "audio/mpeg"), (inline(AudioBytes) = "audio/wav")),
            headers(("Accept-Ranges" = String, description = "`bytes`, of audio"))
        ),
        (
            status = 206,
            description = "A part of the audio",
            content((inline(AudioBytes) = "audio/mpeg"), (inline(AudioBytes) = "audio/wav")),
            headers(("Content-Range" = String, description = "Which bytes, and the size: `bytes 0-1023/2465792`"))
        ),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::RecordingNotFound,
        documented::RecordingGone,
        documented::RangeNotSatisfiable,
        documented::Unavailable,
        documented::TooManyRecordings
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_recording(
    user: CurrentUser,
    _: NoParameters,
    call: CallInPath,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<HttpResponse, ReadError> {
    let permit = gateway.recording_permits().acquire(&user.id).await;
    let permit = permit.ok_or(ReadError::TooManyRecordings)?;
    if prefers_audio(&request) {
        return send_audio(user, call, &request, &gateway, permit).await;
    }
    let calls = gateway.parts().read_calls.clone();
    let fetching = async move {
        // A client that disconnects keeps its permit until the store has responded.
        Ok::<_, ReadCallsError>((calls.recording(&user.id, &call.0).await?, permit))
    };
    let ((call, recording, access), permit) = gateway.run::<_, _, ReadError>(fetching).await?;
    let permit = permit.charged_to(&call.identity.organization_id).ok_or(ReadError::TooManyRecordings)?;
    let response = RecordingResponse::new(&call, &recording);
    Ok(match access {
        RecordingAccess::Link { url, valid_for } => {
            Json(response.with_link(url, valid_for)).respond_to(&request)
        }
        RecordingAccess::Stream(audio) => {
            let frame = Some(response.around_audio(recording.format));
            let (runtime, times) = (&gateway.parts().runtime, gateway.parts().time_limits);
            let body = recording_stream::body(runtime, frame, audio, permit, times.recording_chunk);
            HttpResponse::Ok()
                .insert_header(ContentType::json())
                .insert_header((CACHE_CONTROL, "no-store"))
                .streaming(body)
        }
    })
}

/// Sends the audio of a recording, or the part that the client asks for.
async fn send_audio(
    user: CurrentUser,
    call: CallInPath,
    request: &HttpRequest,
    gateway: &Gateway,
    permit: RecordingPermit,
) -> Result<HttpResponse, ReadError> {
    let (calls, part) = (gateway.parts().read_calls.clone(), part(request));
    let opening = async move {
        // A client that disconnects keeps its permit until the store has responded.
        Ok::<_, ReadCallsError>((calls.audio(&user.id, &call.0, part).await?, permit))
    };
    let ((organization_id, recording, opened), permit) = gateway.run::<_, _, ReadError>(opening).await?;
    let permit = permit.charged_to(&organization_id).ok_or(ReadError::TooManyRecordings)?;
    let Some((at, audio)) = opened.part else { return Err(ReadError::NoSuchRange { size: opened.size }) };
    let (runtime, times) = (&gateway.parts().runtime, gateway.parts().time_limits);
    let body = recording_stream::body(runtime, None, audio, permit, times.recording_chunk);
    let mut response = HttpResponse::Ok();
    if part != AudioPart::Whole {
        let range = format!("bytes {}-{}/{}", at.start, at.end - 1, opened.size);
        response.status(StatusCode::PARTIAL_CONTENT).insert_header((CONTENT_RANGE, range));
    }
    response
        .content_type(recording.format.media_type())
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header((CACHE_CONTROL, "no-store"));
    Ok(response.body(SizedStream::new(at.end - at.start, body)))
}

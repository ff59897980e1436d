//! One log line and one count for each request, and the id that all log lines of the request share.

use std::sync::Arc;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use opentelemetry::trace::FutureExt as _;
use tracing::Instrument;

use crate::failure::ErrorCode;
use crate::request_trace::{RequestTrace, TRACE_ID};
use crate::request_watch::{self, RequestWatch};
use crate::state::Gateway;

/// The request's id, in the request and in its response.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_REQUEST_ID_LEN: usize = 128;

/// Runs a request in a span with its id, returns the id in the response, and logs method, route,
/// status and duration. If requests are traced, the log line and the response have the id of the trace
/// too. Path, query, headers and body are not logged: they come from the client and may contain personal
/// data.
pub(crate) async fn log_request(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request_id(request.headers());
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    // At the error level, so that a log of errors only still names the request of each error.
    let method = method(request.method());
    let parts = request.app_data::<Data<Gateway>>().map(|gateway| gateway.parts());
    let (tracer, watch) = parts.map_or((None, None), |parts| (parts.tracer.clone(), parts.watch.clone()));
    let trace = tracer.and_then(|tracer| tracer.begin(method, &route, request.headers()));
    let span = tracing::error_span!(
        "request",
        request.id = id.to_str().unwrap_or_default(),
        http.method = method,
        http.route = route.as_str(),
        trace.id = trace.as_ref().map(RequestTrace::id),
        reason = tracing::field::Empty,
    );
    let mut line = span.in_scope(|| Line::begin(route, watch));
    let handling = next.call(request).instrument(span.clone());
    let outcome = match &trace {
        Some(trace) => handling.with_context(trace.context().clone()).await,
        None => handling.await,
    };
    let _entered = span.enter();
    let (status, code) = match &outcome {
        Ok(response) => (response.status(), response.response().extensions().get::<ErrorCode>().copied()),
        Err(error) => (error.as_response_error().status_code(), None),
    };
    line.end(status, code);
    let trace_id = trace.and_then(|trace| trace.respond(status.as_u16()));
    outcome.map(|mut response| {
        response.headers_mut().insert(REQUEST_ID, id);
        if let Some(trace_id) = trace_id {
            response.headers_mut().insert(TRACE_ID, trace_id);
        }
        response
    })
}

/// The line of one request, and its count. If the client disconnects, actix-web drops the request's
/// future; both are then written on drop.
struct Line {
    began: Instant,
    span: tracing::Span,
    route: String,
    watch: Option<Arc<dyn RequestWatch>>,
    ended: bool,
}

impl Line {
    fn begin(route: String, watch: Option<Arc<dyn RequestWatch>>) -> Self {
        Self { began: Instant::now(), span: tracing::Span::current(), route, watch, ended: false }
    }

    fn end(&mut self, status: StatusCode, code: Option<ErrorCode>) {
        self.ended = true;
        self.count(request_watch::result_of(status.as_u16() >= 400, code));
        tracing::info!(http.status = status.as_u16(), duration_ms = self.millis(), "request served");
    }

    fn count(&self, result: &'static str) {
        if let Some(watch) = &self.watch {
            watch.ended(&self.route, result);
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.ended {
            let _entered = self.span.enter();
            self.count(request_watch::DISCONNECTED);
            tracing::info!(duration_ms = self.millis(), "the client disconnected before its response");
        }
    }
}

/// The client's id if it is short visible ASCII, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_usable = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=MAX_REQUEST_ID_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    headers.get(REQUEST_ID).filter(is_usable).cloned().unwrap_or_else(new_id)
}

fn new_id() -> HeaderValue {
    let id = getrandom::u64().map(|id| format!("{id:016x}"));
    // Without randomness the request is still served, under an id that others share.
    id.ok().and_then(|id| id.parse().ok()).unwrap_or(HeaderValue::from_static("none"))
}

/// A client may send any word as a method; only known ones are logged.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

//! The span of each HTTP request, at the top of its trace.

use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use domain::TraceParent;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};

/// The id of the trace of a request, in its response.
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// The client's place in its own trace (W3C Trace Context).
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Only the API is traced: probes and documents say nothing about calls.
const TRACED: &str = "/api/";

/// Begins a span for each request of the API, in the trace of the client if it names one.
#[derive(Clone)]
pub struct RequestTracer(Arc<BoxedTracer>);

impl RequestTracer {
    /// Makes the spans with this tracer.
    #[must_use]
    pub fn new(tracer: Arc<BoxedTracer>) -> Self {
        Self(tracer)
    }

    /// The span of a request, which is in no attribute the path but the route: paths contain ids.
    pub(crate) fn begin(
        &self,
        method: &'static str,
        route: &str,
        headers: &HeaderMap,
    ) -> Option<RequestTrace> {
        if !route.starts_with(TRACED) {
            return None;
        }
        let client = headers.get(TRACEPARENT).and_then(|value| TraceParent::parse(value.to_str().ok()?).ok());
        let parent = match &client {
            Some(client) => Context::new().with_remote_span_context(span_context(client)),
            None => Context::new(),
        };
        let attributes =
            vec![KeyValue::new("http.request.method", method), KeyValue::new("http.route", route.to_owned())];
        let builder = self.0.span_builder(format!("{method} {route}"));
        let builder = builder.with_kind(SpanKind::Server).with_attributes(attributes);
        let span = builder.start_with_context(&*self.0, &parent);
        Some(RequestTrace(parent.with_span(span)))
    }
}

/// The span of one request. It ends with its response, or when the client disconnects.
pub(crate) struct RequestTrace(Context);

impl RequestTrace {
    /// To be in effect while the request is handled.
    pub(crate) const fn context(&self) -> &Context {
        &self.0
    }

    /// The id of the trace, as 32 hex digits.
    pub(crate) fn id(&self) -> String {
        self.0.span().span_context().trace_id().to_string()
    }

    /// Ends the span. Returns the id of the trace, for the response.
    pub(crate) fn respond(self, status: u16) -> Option<HeaderValue> {
        let span = self.0.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            span.set_status(Status::error(""));
        }
        self.id().parse().ok()
    }
}

impl Drop for RequestTrace {
    fn drop(&mut self) {
        self.0.span().end();
    }
}

/// A place in a trace, as the parent or the link of a span.
#[must_use]
pub fn span_context(place: &TraceParent) -> SpanContext {
    let (trace_id, span_id) = (TraceId::from_bytes(place.trace_id()), SpanId::from_bytes(place.span_id()));
    SpanContext::new(trace_id, span_id, TraceFlags::new(place.flags()), true, TraceState::default())
}

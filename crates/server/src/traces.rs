//! Traces over OTLP: a span for each step of a call, below the span of its HTTP request.
//!
//! The spans are made with the API of OpenTelemetry and not from those of `tracing`: what is logged and
//! what is traced stay apart, and nothing that a library logs can reach a trace. The context of a span
//! is in effect while its work runs, so that the spans below find it. Without `OUTDIAL_OTLP_ENDPOINT`
//! there is no tracer, and no port is wrapped.

mod calls;
mod later;
mod stores;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adapter_http::{RequestTracer, span_context};
use anyhow::Context as _;
use domain::TraceParent;
use domain::ports::PortUnavailable;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{
    FutureExt as _, Link, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use url::Url;

pub(crate) use self::calls::{TracedLock, TracedProvider, TracedRules};
pub(crate) use self::later::{LaterSpans, TracedRecords, TracedSender, TracedUpdater};
pub(crate) use self::stores::{TracedDirectory, TracedLedger};

/// The exporter, and the tracer whose spans it gets.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    spans: Spans,
}

/// The name of the tracer, and of the service.
const NAME: &str = "outdial";
/// The path of traces, as OTLP over HTTP names it.
const PATH: &str = "v1/traces";
/// How long one request of the exporter may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a stop waits for the spans that are not exported yet.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

impl Traces {
    /// Exports to the collector at this base URL, from a thread of its own.
    pub(crate) async fn start(endpoint: &Url) -> anyhow::Result<Self> {
        let url = url_of_traces(endpoint);
        // The client of the exporter blocks, and must not be built on a thread of the runtime.
        let building = tokio::task::spawn_blocking(move || {
            SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(url)
                .with_timeout(EXPORT_TIMEOUT)
                .build()
        });
        let exporter = building.await.context("the exporter panicked")?.context("OUTDIAL_OTLP_ENDPOINT")?;
        let resource = Resource::builder()
            .with_service_name(NAME)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let tracer = BoxedTracer::new(Box::new(provider.tracer(NAME)));
        Ok(Self { provider, spans: Spans(Arc::new(tracer)) })
    }

    pub(crate) const fn spans(&self) -> &Spans {
        &self.spans
    }

    /// Exports the spans that are left, for [`STOP_TIMEOUT`] at most.
    pub(crate) async fn stop(self) {
        // The thread of the exporter outlives a collector that does not respond, until the process ends.
        let stopping = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(STOP_TIMEOUT));
        if !matches!(stopping.await, Ok(Ok(()))) {
            tracing::warn!("could not export the last spans in time; they are lost");
        }
    }
}

/// Where the traces go: below the path of the base URL, unless that names them itself.
fn url_of_traces(endpoint: &Url) -> String {
    let mut url = endpoint.clone();
    let base = endpoint.path().trim_end_matches('/');
    let names_traces = base.strip_suffix(PATH).is_some_and(|before| before.ends_with('/'));
    let path = if names_traces { base.to_owned() } else { format!("{base}/{PATH}") };
    url.set_path(&path);
    url.into()
}

/// Makes spans. Clones share the tracer.
#[derive(Clone)]
pub(crate) struct Spans(Arc<BoxedTracer>);

impl Spans {
    /// What traces the HTTP requests.
    pub(crate) fn of_requests(&self) -> RequestTracer {
        RequestTracer::new(Arc::clone(&self.0))
    }

    /// A step of the current trace, or the beginning of a new one.
    pub(crate) fn start(&self, name: &'static str, kind: SpanKind) -> Step {
        self.start_linked(name, kind, None)
    }

    /// The same, linked to the booking of the call that it is about.
    pub(crate) fn start_linked(
        &self,
        name: &'static str,
        kind: SpanKind,
        call: Option<&TraceParent>,
    ) -> Step {
        let links = call.map(|call| Link::with_context(span_context(call))).into_iter().collect();
        let span = self.0.span_builder(name).with_kind(kind).with_links(links).start(&*self.0);
        Step { context: Context::current_with_span(span), works: AtomicBool::new(false) }
    }
}

/// Whether the current work belongs to a trace.
fn is_traced() -> bool {
    Context::current().span().span_context().is_valid()
}

/// A span, which ends when this is dropped. If its work is dropped before it has a result, because a
/// deadline has passed, the span has failed.
pub(crate) struct Step {
    context: Context,
    works: AtomicBool,
}

/// The status of a span whose work was dropped.
const CANCELLED: &str = "cancelled";

impl Step {
    /// Runs work below this span.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.works.store(true, Ordering::Relaxed);
        let result = work.with_context(self.context.clone()).await;
        self.works.store(false, Ordering::Relaxed);
        result
    }

    /// Whether its work has begun and has no result.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// Never a number of a phone, a name, a text, a token or a URL.
    pub(crate) fn set(&self, name: &'static str, value: impl Into<Value>) {
        self.context.span().set_attribute(KeyValue::new(name, value));
    }

    /// Marks the span as failed. The reason is in the log.
    pub(crate) fn fail(&self, what: &'static str) {
        self.context.span().set_status(Status::error(what));
    }

    /// Marks the span as failed if the port is unavailable.
    pub(crate) fn check<T>(&self, result: Result<T, PortUnavailable>) -> Result<T, PortUnavailable> {
        result.inspect_err(|error| self.fail(error.service()))
    }

    /// By which later work finds this span.
    pub(crate) fn parent_of_links(&self) -> Option<TraceParent> {
        let span = self.context.span();
        let context = span.span_context();
        let flags = context.trace_flags().to_u8();
        let text = format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id());
        TraceParent::parse(&text).ok()
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if self.is_unfinished() {
            self.fail(CANCELLED);
        }
        self.context.span().end();
    }
}

#[cfg(test)]
mod tests;

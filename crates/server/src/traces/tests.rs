use std::sync::Mutex;

use async_trait::async_trait;
use domain::ports::{DialRequest, VoiceProvider};
use domain::{
    AnswerTime, CallId, Carrier, DialOutcome, DynamicVariables, OrganizationId, PersonName, PhoneNumber,
    ProviderAgentId, ProviderNumberId,
};
use futures_util::FutureExt as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::*;

/// Keeps the spans that have ended.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().expect("no panic").push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Ended {
    fn spans(&self) -> Spans {
        let provider = SdkTracerProvider::builder().with_span_processor(self.clone()).build();
        Spans(Arc::new(BoxedTracer::new(Box::new(provider.tracer(NAME)))))
    }

    /// The only span that has ended.
    fn only(&self) -> SpanData {
        let mut ended = self.0.lock().expect("no panic");
        assert_eq!(ended.len(), 1, "{ended:?}");
        ended.remove(0)
    }
}

/// It never responds.
struct Silent;

#[async_trait]
impl VoiceProvider for Silent {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    fn carriers(&self) -> &[Carrier] {
        &[]
    }

    async fn dial(&self, _: &DialRequest) -> DialOutcome {
        std::future::pending().await
    }
}

#[test]
fn a_dial_that_is_dropped_ends_its_span_as_unknown() {
    let ended = Ended::default();
    let traced = TracedProvider::new(Arc::new(Silent), ended.spans(), "silent", "127.0.0.1".to_owned());
    let request = DialRequest {
        call_id: CallId::mint(1, [1; 8]),
        organization_id: OrganizationId::parse("org-1").expect("an id"),
        provider_agent_id: ProviderAgentId::parse("agent_1").expect("an id"),
        provider_number_id: ProviderNumberId::parse("number_1").expect("an id"),
        to: PhoneNumber::parse("+14165550110").expect("a number"),
        callee_name: None,
        organization_name: PersonName::parse("Analytical Engines").expect("a name"),
        reason: None,
        variables: DynamicVariables::default(),
        ringing_timeout: Duration::from_secs(60),
        answer_within: Duration::from_secs(90),
    };
    assert_eq!(traced.dial(&request).now_or_never(), None);
    let span = ended.only();
    let outcome = span.attributes.iter().find(|attribute| attribute.key.as_str() == "outdial.outcome");
    assert_eq!(outcome.map(|outcome| outcome.value.as_str().into_owned()).as_deref(), Some("unknown"));
    assert_eq!(span.status, Status::error(CANCELLED));
}

#[test]
fn a_step_that_is_dropped_has_failed_and_one_with_a_result_has_not() {
    let ended = Ended::default();
    let spans = ended.spans();
    let step = |name| spans.start(name, SpanKind::Internal);
    assert!(async { step("resolve").run(std::future::pending::<()>()).await }.now_or_never().is_none());
    assert_eq!(ended.only().status, Status::error(CANCELLED));
    assert!(async { step("resolve").run(std::future::ready(())).await }.now_or_never().is_some());
    assert_eq!(ended.only().status, Status::Unset);
    drop(step("resolve"));
    assert_eq!(ended.only().status, Status::Unset, "its work has not begun");
}

#[test]
fn traces_go_below_the_path_of_the_base_url() {
    for (base, url) in [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
        ("https://collector.example.com/otlp", "https://collector.example.com/otlp/v1/traces"),
        ("https://collector.example.com/otlp//", "https://collector.example.com/otlp/v1/traces"),
        ("https://collector.example.com/otlp/v1/traces", "https://collector.example.com/otlp/v1/traces"),
        ("https://collector.example.com/v1/traces/", "https://collector.example.com/v1/traces"),
        ("https://collector.example.com/av1/traces", "https://collector.example.com/av1/traces/v1/traces"),
        (
            "https://collector.example.com/otlp?tenant=7",
            "https://collector.example.com/otlp/v1/traces?tenant=7",
        ),
    ] {
        assert_eq!(url_of_traces(&Url::parse(base).expect("a URL")), url);
    }
}

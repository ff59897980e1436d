use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
pub(crate) use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use testkit::eventually_within;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A collector of traces: OTLP over HTTP.
pub(crate) struct Collector {
    address: SocketAddr,
    received: Arc<Received>,
}

#[derive(Default)]
struct Received {
    hangs: AtomicBool,
    /// The bodies of all requests, byte for byte.
    bodies: Mutex<Vec<Vec<u8>>>,
}

impl Collector {
    /// Starts a collector. It ends with the test's runtime.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let received = Arc::<Received>::default();
        let of_server = received.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let received = of_server.clone();
                tokio::spawn(async move {
                    let _closed_by_the_exporter = serve(stream, &received).await;
                });
            }
        });
        Self { address, received }
    }

    /// The URL to configure.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Responds to no further request, and keeps its connection open.
    pub(crate) fn hang(&self) {
        self.received.hangs.store(true, Ordering::SeqCst);
    }

    /// Everything that was received, as text: what is no text is replaced.
    pub(crate) fn text(&self) -> String {
        let bodies = self.received.bodies.lock().expect("the collector does not panic");
        bodies.iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect()
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let bodies = self.received.bodies.lock().expect("the collector does not panic");
        let requests = bodies.iter().map(|body| {
            ExportTraceServiceRequest::decode(body.as_slice()).expect("the exporter sends spans")
        });
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect()
    }

    /// The spans with this name, as soon as there are any.
    pub(crate) async fn spans_named(&self, name: &str) -> Vec<Span> {
        let within = std::time::Duration::from_secs(30);
        eventually_within(within, &format!("a span {name} is exported"), async || {
            let spans: Vec<_> = self.spans().into_iter().filter(|span| span.name == name).collect();
            (!spans.is_empty()).then_some(spans)
        })
        .await
    }
}

/// The text of an attribute, or an empty one.
pub(crate) fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(is_true)) => is_true.to_string(),
        _ => String::new(),
    }
}

pub(crate) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn is_client(span: &Span) -> bool {
    span.kind == SpanKind::Client as i32
}

pub(crate) fn is_server(span: &Span) -> bool {
    span.kind == SpanKind::Server as i32
}

/// Reads one request and responds.
async fn serve(mut stream: TcpStream, received: &Received) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let (head, body_start) = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&bytes[..end]).to_lowercase(), end + 4);
        }
    };
    assert!(head.starts_with("post /v1/traces "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.expect("the request has a length").trim().parse().expect("a number");
    while bytes.len() < body_start + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    if received.hangs.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let body = bytes[body_start..body_start + length].to_vec();
    received.bodies.lock().expect("the collector does not panic").push(body);
    let response = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(response.as_bytes()).await
}

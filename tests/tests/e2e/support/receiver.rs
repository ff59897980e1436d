use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use testkit::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Instead of a status: no response.
const NEVER: u16 = 0;

/// An HTTP server at whose URL an organization receives its call events.
pub(crate) struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    head: String,
    pub body: String,
}

impl ReceivedRequest {
    /// The value of a header, or an empty string. The name is compared without regard to case.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut values =
            lines.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.next_back().unwrap_or_default()
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("the event is not JSON: {}", self.body))
    }

    pub(crate) fn event_type(&self) -> String {
        self.text("/type")
    }

    pub(crate) fn call_id(&self) -> String {
        self.text("/data/callId")
    }

    /// Whether one of the request's signatures was made with this secret (Standard Webhooks).
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = secret.strip_prefix("whsec_").expect("a secret starts with whsec_");
        let key = STANDARD.decode(key).expect("a secret is base64");
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let signed = format!("{id}.{timestamp}.{}", self.body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(tag));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }

    fn text(&self, pointer: &str) -> String {
        let event = self.event();
        let value = event.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no string at {pointer} of {event}")).to_owned()
    }
}

impl Receiver {
    /// Starts a receiver that accepts every request. It ends with the test's runtime.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let (status, requests) = (Arc::new(AtomicU16::new(204)), Arc::default());
        let receiver = Self { address, status, requests };
        let (status, requests) = (receiver.status.clone(), receiver.requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (status, requests) = (status.clone(), Arc::clone(&requests));
                tokio::spawn(async move {
                    let _closed_by_the_gateway = serve(stream, &status, &requests).await;
                });
            }
        });
        receiver
    }

    /// The URL to register. It contains a secret, which must never be logged.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?token=s3cret-of-the-url", self.address)
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Responds with this status from now on.
    pub(crate) fn respond_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Responds to no further request, and keeps its connection open.
    pub(crate) fn hang(&self) {
        self.respond_with(NEVER);
    }

    /// All requests so far, in the order of their arrival.
    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().expect("the receiver does not panic").clone()
    }

    /// Waits until the requests satisfy the condition, and returns them.
    pub(crate) async fn requests_when(
        &self,
        description: &str,
        condition: impl Fn(&[ReceivedRequest]) -> bool,
    ) -> Vec<ReceivedRequest> {
        eventually(description, async || Some(self.requests()).filter(|requests| condition(requests))).await
    }
}

/// Reads one request and responds.
async fn serve(
    mut stream: TcpStream,
    status: &AtomicU16,
    requests: &Mutex<Vec<ReceivedRequest>>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let (head, body_start) = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 4);
        }
    };
    let mut request = ReceivedRequest { head, body: String::new() };
    let length: usize = request.header("content-length").parse().expect("the request has a content length");
    while bytes.len() < body_start + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    request.body = String::from_utf8_lossy(&bytes[body_start..]).into_owned();
    let status = status.load(Ordering::SeqCst);
    requests.lock().expect("the receiver does not panic").push(request);
    if status == NEVER {
        std::future::pending::<()>().await;
    }
    let response = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(response.as_bytes()).await
}

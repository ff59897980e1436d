//! A receiver of webhooks on a plain socket.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use simulator::WebhookSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

pub(crate) const SECRET: &str = "wsec_0123";

#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) request_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn kind(&self) -> String {
        self.event()["type"].as_str().expect("a type").to_owned()
    }
}

/// Receives webhooks, and responds with 200 or with the statuses of [`Receiver::respond_with`].
pub(crate) struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Receiver {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}/hook?a=b", listener.local_addr().expect("it is bound"));
        let receiver = Receiver { url, received: Arc::default(), statuses: Arc::default() };
        let (received, statuses) = (Arc::clone(&receiver.received), Arc::clone(&receiver.statuses));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let request = read(&mut socket).await;
                lock(&received).push(request);
                let status = lock(&statuses).pop_front().unwrap_or(200);
                let response = format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n");
                socket.write_all(response.as_bytes()).await.expect("the sender reads");
            }
        });
        receiver
    }

    pub(crate) fn settings(&self) -> WebhookSettings {
        WebhookSettings { url: self.url.clone(), secret: SECRET.to_owned() }
    }

    /// Uses these statuses for the next responses.
    pub(crate) fn respond_with(&self, statuses: &[u16]) {
        lock(&self.statuses).extend(statuses);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    /// Waits until `count` webhooks have arrived, and a little longer for an unexpected one.
    pub(crate) async fn wait_for_exactly(&self, count: usize) -> Vec<Received> {
        for _ in 0..2_000 {
            if self.received().len() >= count {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis(50)).await;
        let received = self.received();
        let kinds: Vec<String> = received.iter().map(Received::kind).collect();
        assert_eq!(received.len(), count, "{kinds:?}");
        received
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no task panics while it holds this lock")
}

async fn read(socket: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = parse(&bytes) {
            return request;
        }
        assert!(
            socket.read_buf(&mut bytes).await.expect("the sender writes") > 0,
            "the request is incomplete"
        );
    }
}

/// `None` until the request is complete.
fn parse(bytes: &[u8]) -> Option<Received> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("text");
    let (request_line, headers) = head.split_once("\r\n").expect("headers");
    let headers = headers.lines().map(|line| line.split_once(": ").expect("a header"));
    let headers = headers.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut request = Received { request_line: request_line.to_owned(), headers, body: Vec::new() };
    let rest = &bytes[end + 4..];
    if request.header("transfer-encoding") == Some("chunked") {
        request.body = unchunked(rest)?;
    } else {
        let length: usize = request.header("content-length")?.parse().expect("a number");
        request.body = rest.get(..length)?.to_vec();
    }
    Some(request)
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let digits = std::str::from_utf8(&rest[..end]).expect("a length");
        let length = usize::from_str_radix(digits, 16).expect("hex digits");
        body.extend_from_slice(rest.get(end + 2..end + 2 + length)?);
        rest = rest.get(end + 4 + length..)?;
        if length == 0 {
            return Some(body);
        }
    }
}

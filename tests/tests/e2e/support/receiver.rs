use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Somebody who has events sent to them.
pub(crate) struct Receiver {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    head: String,
    pub body: String,
}

impl Received {
    /// A header's value, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found =
            lines.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        found.next_back().unwrap_or_default()
    }

    /// The event.
    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("an event: {}", self.body))
    }

    /// What it tells: of a call, the step.
    pub(crate) fn told(&self) -> (String, String) {
        let event = self.event();
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("text: {event}")).to_owned();
        (text(&event["data"]["callId"]), text(&event["type"]))
    }
}

impl Receiver {
    /// Starts one that takes everything. It ends with the test's runtime.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (status, received) = (Arc::new(AtomicU16::new(204)), Arc::default());
        let receiver = Self { address, status, received };
        let (status, received) = (receiver.status.clone(), receiver.received.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (status, received) = (status.clone(), Arc::clone(&received));
                tokio::spawn(async move {
                    let _gone = serve(stream, &status, &received).await;
                });
            }
        });
        receiver
    }

    /// Where events are to be sent.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?token=s3cret-of-the-url", self.address)
    }

    /// Answers with this status from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Everything that came, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    /// Waits until something came that satisfies this, for half a minute at most: as long as a delivery
    /// is in the hands of a process that was killed, and longer.
    pub(crate) async fn received_until(&self, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        for _ in 0..600 {
            let received = self.received();
            if enough(&received) {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never came: {:?}", self.received().iter().map(Received::told).collect::<Vec<_>>());
    }
}

/// Reads one request and answers it.
async fn serve(
    mut stream: TcpStream,
    status: &AtomicU16,
    received: &Mutex<Vec<Received>>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let (head, body_at) = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 4);
        }
    };
    let mut request = Received { head, body: String::new() };
    let length: usize = request.header("content-length").parse().expect("a body of a known length");
    while bytes.len() < body_at + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    request.body = String::from_utf8_lossy(&bytes[body_at..]).into_owned();
    let status = status.load(Ordering::SeqCst);
    received.lock().expect("no panic").push(request);
    stream
        .write_all(
            format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .await
}

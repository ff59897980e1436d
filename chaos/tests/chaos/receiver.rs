//! The receiver of an organization's webhooks. It refuses some requests, and does not respond to
//! some.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request that the receiver has read.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    /// The header `webhook-id`.
    pub(crate) id: String,
    pub(crate) event: Value,
    /// Whether the response was 204.
    pub(crate) accepted: bool,
}

pub(crate) struct Receiver {
    pub(crate) organization: &'static str,
    address: SocketAddr,
    delivered: Arc<Mutex<Vec<Delivered>>>,
    serving: JoinHandle<()>,
}

/// How many of 100 requests are refused, and how many more get no response.
const REFUSED: u8 = 5;
const UNANSWERED: u8 = 2;

impl Receiver {
    pub(crate) async fn start(organization: &'static str, mut rng: Rng) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let delivered: Arc<Mutex<Vec<Delivered>>> = Arc::default();
        let received = delivered.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (received, fate) = (received.clone(), rng.u8(..100));
                tokio::spawn(async move {
                    let _closed_by_the_gateway = serve(stream, fate, &received).await;
                });
            }
        });
        Ok(Self { organization, address, delivered, serving })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.delivered.lock().expect("no panic while deliveries are kept").clone()
    }

    pub(crate) fn stop(&self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, fate: u8, received: &Mutex<Vec<Delivered>>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let body_start = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..body_start]).into_owned();
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < body_start + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    let accepted = fate >= REFUSED + UNANSWERED;
    let id = header(&head, "webhook-id").unwrap_or_default().to_owned();
    let event = serde_json::from_slice(&bytes[body_start..]).unwrap_or(Value::Null);
    received.lock().expect("no panic while deliveries are kept").push(Delivered { id, event, accepted });
    let status = match fate {
        fate if fate < REFUSED => "503 Service Unavailable",
        fate if fate < REFUSED + UNANSWERED => return std::future::pending().await,
        _ => "204 No Content",
    };
    stream
        .write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes())
        .await
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

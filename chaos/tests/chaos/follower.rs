//! Clients that follow the call events of each organization, and reconnect when their stream ends.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::intents::User;

/// An event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Streamed {
    /// The `id` of the event.
    pub(crate) sequence: u64,
    pub(crate) event: Value,
}

/// Follows the events of one organization.
pub(crate) struct Follower {
    pub(crate) organization: &'static str,
    streamed: Arc<Mutex<Vec<Streamed>>>,
    following: JoinHandle<()>,
}

/// A silent stream is abandoned after this time: its connection may be broken.
const SILENCE: Duration = Duration::from_secs(4);

impl Follower {
    pub(crate) fn start(client: &Client, user: User, gateways: &[SocketAddr], mut rng: Rng) -> Self {
        let streamed: Arc<Mutex<Vec<Streamed>>> = Arc::default();
        let (client, gateways, received) = (client.clone(), gateways.to_vec(), streamed.clone());
        let following = tokio::spawn(async move {
            loop {
                let gateway = gateways[rng.usize(..gateways.len())];
                let last = received
                    .lock()
                    .expect("no panic while events are kept")
                    .last()
                    .map(|event: &Streamed| event.sequence);
                let opened = timeout(SILENCE, client.stream(gateway, user, last.unwrap_or(0))).await;
                if let Ok(Ok(stream)) = opened {
                    follow(stream, &received).await;
                }
                sleep(Duration::from_millis(rng.u64(50..300))).await;
            }
        });
        Self { organization: user.organization(), streamed, following }
    }

    /// All events so far, in the order of their arrival.
    pub(crate) fn streamed(&self) -> Vec<Streamed> {
        self.streamed.lock().expect("no panic while events are kept").clone()
    }

    pub(crate) fn stop(&self) {
        self.following.abort();
    }
}

async fn follow(mut stream: reqwest::Response, received: &Mutex<Vec<Streamed>>) {
    let mut unparsed = Vec::new();
    while let Ok(Ok(Some(chunk))) = timeout(SILENCE, stream.chunk()).await {
        unparsed.extend_from_slice(&chunk);
        while let Some(end) = unparsed.windows(2).position(|window| window == b"\n\n") {
            let block: Vec<u8> = unparsed.drain(..end + 2).collect();
            if let Some(event) = parse(&String::from_utf8_lossy(&block)) {
                received.lock().expect("no panic while events are kept").push(event);
            }
        }
    }
}

/// `None` for a comment.
fn parse(block: &str) -> Option<Streamed> {
    let field = |name: &str| {
        block
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    };
    Some(Streamed { sequence: field("id")?.parse().ok()?, event: serde_json::from_str(field("data")?).ok()? })
}

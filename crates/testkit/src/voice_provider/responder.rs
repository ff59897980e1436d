use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::peer::{Connection, Peer};

/// How the provider ends the connection of a dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It leaves the connection open for further requests.
    KeptAlive,
    /// It closes the connection after the response.
    Closed,
    /// It resets the connection after the response.
    Reset,
}

impl Ending {
    pub(super) const ALL: [Self; 3] = [Self::KeptAlive, Self::Closed, Self::Reset];
}

/// A provider that sends one scripted response to each connection.
pub(super) struct Responder {
    peer: Peer,
    script: Arc<Mutex<(Vec<u8>, Ending)>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    ended: AtomicUsize,
}

impl Responder {
    pub(super) async fn start() -> Self {
        let script = Arc::new(Mutex::new((Vec::new(), Ending::Closed)));
        let counts = Arc::<Counts>::default();
        let (its_script, its_counts) = (Arc::clone(&script), Arc::clone(&counts));
        let peer = Peer::start(move |connection| {
            let (response, ending) = its_script.lock().expect("no panic while it is locked").clone();
            let counts = Arc::clone(&its_counts);
            counts.connections.fetch_add(1, Ordering::SeqCst);
            async move { respond(connection, &response, ending, &counts).await }
        })
        .await;
        Self { peer, script, counts }
    }

    pub(super) fn base_url(&self) -> String {
        self.peer.base_url()
    }

    /// From now on, connections get this response.
    pub(super) fn script(&self, response: Vec<u8>, ending: Ending) {
        *self.script.lock().expect("no panic while it is locked") = (response, ending);
    }

    /// Connections and requests so far.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.counts.connections.load(Ordering::SeqCst), self.counts.requests.load(Ordering::SeqCst))
    }

    /// How many connections the adapter has closed, or the provider.
    pub(super) fn ended(&self) -> usize {
        self.counts.ended.load(Ordering::SeqCst)
    }
}

async fn respond(mut connection: Connection, response: &[u8], ending: Ending, counts: &Counts) {
    connection.read_request().await;
    counts.requests.fetch_add(connection.requests().len(), Ordering::SeqCst);
    connection.write(response).await;
    match ending {
        Ending::KeptAlive => {
            let first = connection.requests().len();
            while connection.read_some().await > 0 {}
            counts.requests.fetch_add(connection.requests().len() - first, Ordering::SeqCst);
        }
        Ending::Closed => {}
        Ending::Reset => connection.stream.set_zero_linger().expect("an open socket"),
    }
    drop(connection);
    counts.ended.fetch_add(1, Ordering::SeqCst);
}

/// The bytes of a response. `retry-after` invites a client to try again immediately.
pub(super) fn http(status: u16, content_type: &str, body: &str, ending: Ending) -> Vec<u8> {
    let connection = if ending == Ending::KeptAlive { "keep-alive" } else { "close" };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         retry-after: 0\r\nconnection: {connection}\r\n\r\n{body}"
    )
    .into_bytes()
}

//! The clients of a run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::history::{History, Kind, Reply};
use super::intents::{Intent, SLOTS};
use super::watch::Watch;

/// How many clients send requests at the same time.
const CLIENTS: u64 = 8;
/// The longest pause of a client between two requests.
const MAX_PAUSE_MS: u64 = 300;

/// What all clients share.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) client: Client,
    pub(crate) history: History,
    pub(crate) watch: Watch,
    /// When the load began.
    pub(crate) begins: Duration,
    /// Where the clients reach the gateways.
    pub(crate) gateways: Vec<SocketAddr>,
    /// Whether a client waits for a response before its next request. Otherwise a stopped gateway does
    /// not keep the clients from the others, and the call of a late owner is asked for elsewhere.
    pub(crate) clients_wait: bool,
    pub(crate) stopped: Arc<AtomicBool>,
}

impl Load {
    /// Starts the clients. They end after [`Load::stop`].
    pub(crate) fn start(&self, rng: &mut Rng) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(self.clone().run(rng.fork()));
        }
        clients
    }

    /// No client sends another request.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    async fn run(self, mut rng: Rng) {
        let mut requests = JoinSet::new();
        while !self.stopped.load(Ordering::SeqCst) {
            let intent = self.intent(rng.usize(..SLOTS), self.watch.now());
            let kind = match rng.u8(..100) {
                0..2 => Kind::BadToken,
                2..4 => Kind::BadBody,
                4..6 => Kind::ForeignContact,
                _ => Kind::Call,
            };
            let patience = (rng.u8(..100) < 5).then(|| Duration::from_millis(rng.u64(1..1500)));
            let gateway = rng.usize(..self.gateways.len());
            let load = self.clone();
            requests.spawn(async move { load.request(intent, kind, gateway, patience).await });
            if self.clients_wait {
                requests.join_next().await;
            }
            sleep(Duration::from_millis(rng.u64(..MAX_PAUSE_MS))).await;
        }
        requests.join_all().await;
    }

    /// The intent of a slot at this moment.
    pub(crate) fn intent(&self, slot: usize, moment: Duration) -> Intent {
        Intent::in_slot(slot, moment.saturating_sub(self.begins))
    }

    /// Sends one request, and hangs up if it has no response by then.
    pub(crate) async fn request(
        &self,
        intent: Intent,
        kind: Kind,
        gateway: usize,
        patience: Option<Duration>,
    ) -> Reply {
        let request = self.history.begin(intent, kind, gateway);
        let placing = self.client.place(self.gateways[gateway], &request);
        let reply = match patience {
            Some(patience) => timeout(patience, placing).await.unwrap_or(Reply::HungUp),
            None => placing.await,
        };
        self.history.end(request.number, reply.clone(), self.watch.now());
        reply
    }
}

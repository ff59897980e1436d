//! The clients: a closed loop, in which each connection sends its next request when it has the
//! response, and an open loop, which sends at fixed times whatever the service does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::http::{Connection, Message};

/// How the clients send.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// This many connections.
    Closed(usize),
    /// This many requests a second.
    Open(u64),
}

impl Shape {
    /// A load for a debug build on a busy machine.
    pub(crate) fn at_most(self, connections: usize, rate: u64) -> Self {
        match self {
            Self::Closed(number) => Self::Closed(number.min(connections)),
            Self::Open(number) => Self::Open(number.min(rate)),
        }
    }
}

/// A service closes connections that are idle for some seconds.
const LONGEST_IDLE: Duration = Duration::from_secs(1);

/// The bytes of the next request.
pub(crate) type NextRequest = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// A response that came: when, and how long after the time for which its request was scheduled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) latency: Duration,
}

/// Clients that send until they are stopped.
pub(crate) struct Load {
    clients: Arc<Clients>,
    tasks: JoinSet<Result<Vec<Sample>>>,
}

struct Clients {
    address: SocketAddr,
    next_request: NextRequest,
    has_stopped: AtomicBool,
    completed: AtomicU64,
    /// Connections of the open loop that no request uses, and since when.
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Load {
    pub(crate) fn start(shape: Shape, address: SocketAddr, next_request: NextRequest) -> Self {
        let clients = Arc::new(Clients {
            address,
            next_request,
            has_stopped: AtomicBool::new(false),
            completed: AtomicU64::new(0),
            idle: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        match shape {
            Shape::Closed(connections) => (0..connections).for_each(|_| {
                tasks.spawn(clients.clone().send_one_after_the_other());
            }),
            Shape::Open(rate) => {
                tasks.spawn(clients.clone().send_at_fixed_times(rate));
            }
        }
        Self { clients, tasks }
    }

    /// The responses since the start.
    pub(crate) fn completed(&self) -> u64 {
        self.clients.completed.load(Relaxed)
    }

    /// Waits for the responses to what was sent. Fails if a response is not the expected one.
    pub(crate) async fn stop(mut self) -> Result<Vec<Sample>> {
        self.clients.has_stopped.store(true, Relaxed);
        let mut samples = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            samples.extend(ended??);
        }
        Ok(samples)
    }
}

impl Clients {
    async fn send_one_after_the_other(self: Arc<Self>) -> Result<Vec<Sample>> {
        let mut connection = Connection::open(self.address).await?;
        let mut samples = Vec::new();
        while !self.has_stopped.load(Relaxed) {
            samples.push(self.exchange(&mut connection, Instant::now()).await?);
        }
        Ok(samples)
    }

    async fn send_at_fixed_times(self: Arc<Self>, rate: u64) -> Result<Vec<Sample>> {
        let (sender, mut due) = mpsc::unbounded_channel();
        let interval = Duration::from_secs(1) / u32::try_from(rate)?;
        let clients = self.clone();
        // A thread, because the timers of the runtime are exact to a millisecond only.
        std::thread::spawn(move || {
            let mut at = Instant::now();
            while !clients.has_stopped.load(Relaxed) && sender.send(at).is_ok() {
                at += interval;
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
            }
        });
        let mut requests = JoinSet::new();
        while let Some(at) = due.recv().await {
            requests.spawn(self.clone().send(at));
        }
        requests.join_all().await.into_iter().collect()
    }

    async fn send(self: Arc<Self>, at: Instant) -> Result<Sample> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let mut connection = match idle {
            Some((connection, since)) if since.elapsed() < LONGEST_IDLE => connection,
            _ => Connection::open(self.address).await?,
        };
        let sample = self.exchange(&mut connection, at).await?;
        if let Ok(mut idle) = self.idle.lock() {
            idle.push((connection, sample.at));
        }
        Ok(sample)
    }

    async fn exchange(&self, connection: &mut Connection, scheduled: Instant) -> Result<Sample> {
        let request = (self.next_request)();
        let response = connection.exchange(&request).await.context("the service closed a connection")?;
        ensure!(is_fine(&response), "{}\n{}", response.head, String::from_utf8_lossy(response.body));
        let at = Instant::now();
        self.completed.fetch_add(1, Relaxed);
        Ok(Sample { at, latency: at - scheduled })
    }
}

/// A success. It must not be the result of an earlier call.
fn is_fine(response: &Message<'_>) -> bool {
    const DUPLICATE: &[u8] = br#""deduplicated":true"#;
    response.is_ok() && !response.body.windows(DUPLICATE.len()).any(|part| part == DUPLICATE)
}

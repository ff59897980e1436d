//! How often a candidate waits for each of its backends in one call, counted at the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::candidate::{Backends, Candidate, Kind};
use super::http::Connection;
use super::provider::{Provider, Ring};
use super::stores::Stores;

const WARM_UP: u32 = 50;
const CALLS: u32 = 200;

/// The round trips of one call on each kind of connection, with the share of background work.
#[derive(Debug, Serialize)]
pub(crate) struct RoundTrips {
    pub(crate) candidate: String,
    pub(crate) postgres: f64,
    pub(crate) redis: f64,
    pub(crate) provider: f64,
}

/// Counts with a process of its own.
pub(crate) async fn count(
    kind: &Kind,
    number: usize,
    stores: &Stores,
    provider: &Provider,
    contacts: u64,
) -> Result<RoundTrips> {
    provider.set(Ring::For(Duration::ZERO));
    let postgres = Counter::start(stores.postgres.address).await?;
    let redis = Counter::start(stores.redis.address).await?;
    let dials = Counter::start(provider.address()).await?;
    let backends = Backends { postgres: postgres.address, redis: redis.address, provider: dials.address };
    let candidate = Candidate::start(kind, number, stores, backends, contacts).await?;
    let next_call = candidate.calls();
    let mut connection = Connection::open(candidate.address).await?;
    let mut before = Vec::new();
    let counts = || [&postgres, &redis, &dials].map(|counter| counter.round_trips.load(Relaxed));
    for call in 0..WARM_UP + CALLS {
        if call == WARM_UP {
            before = counts().to_vec();
        }
        let response = connection.exchange(&next_call()).await?;
        anyhow::ensure!(response.is_ok(), "{}", String::from_utf8_lossy(response.body));
    }
    // A ping follows its response.
    sleep(Duration::from_millis(50)).await;
    let mut per_call = counts().into_iter().zip(before).map(|(after, before)| {
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        let round_trips = (after - before) as f64;
        round_trips / f64::from(CALLS)
    });
    let mut next = || per_call.next().unwrap_or_default();
    Ok(RoundTrips { candidate: kind.to_string(), postgres: next(), redis: next(), provider: next() })
}

/// A proxy that counts how often its clients begin to send after the server did.
struct Counter {
    address: SocketAddr,
    round_trips: Arc<AtomicU64>,
}

impl Counter {
    async fn start(upstream: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counter = Self { address, round_trips: Arc::default() };
        let round_trips = counter.round_trips.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, upstream, round_trips.clone()));
            }
        });
        Ok(counter)
    }
}

async fn forward(
    client: TcpStream,
    upstream: SocketAddr,
    round_trips: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Whether the client waits for the server.
    let waits = AtomicBool::new(false);
    let sent = || {
        if !waits.swap(true, Relaxed) {
            round_trips.fetch_add(1, Relaxed);
        }
    };
    let received = || waits.store(false, Relaxed);
    // Ends with the first connection that ends.
    tokio::select! {
        ended = copy(from_client, to_server, sent) => ended,
        ended = copy(from_server, to_client, received) => ended,
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    seen: impl Fn(),
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        seen();
        to.write_all(&buffer[..length]).await?;
    }
}

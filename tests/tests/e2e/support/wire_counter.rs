mod postgres;
mod reader;
mod redis;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use postgres::PostgresReader;
use reader::{NoReader, Reader, Sent};
use redis::RedisReader;

/// The gateway pings a Postgres connection that was idle for a second before it uses it. How many
/// connections are idle depends on the time between calls, and on a busy machine also within one.
/// Such a ping is not part of the cost of a call, and is not counted.
const IDLE: Duration = Duration::from_secs(1);

/// A proxy to a server that counts what its clients do. It reads the wire protocol, so it needs
/// nothing from the server and sees what the client's library adds to what the code asks for.
pub(crate) struct WireCounter {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

/// What the clients of a server did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// TCP connections that were opened.
    pub connections: u64,
    /// Statements or commands that were executed, `BEGIN`, `COMMIT` and each command of a pipeline
    /// included.
    pub requests: u64,
    /// Statements that were prepared.
    pub prepared: u64,
    /// Exchanges with Postgres that ask for nothing: a `Sync` alone.
    pub pings: u64,
    /// How often a connection waited for a response, also to a ping. A pipeline waits once.
    pub round_trips: u64,
    /// How often the clients waited, one wait after the other. What is sent while another
    /// connection waits belongs to the same wait. Pings do not count: they follow the response and
    /// do not delay it.
    pub sequential_round_trips: u64,
}

#[derive(Default)]
struct Shared {
    counts: Counts,
    waiting_connections: u64,
    delay: Duration,
}

/// What the client of a connection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Nothing { since: Instant },
    Ping,
    Response,
}

struct Connection {
    shared: Arc<Mutex<Shared>>,
    awaited: Mutex<Awaited>,
}

impl WireCounter {
    /// Starts a proxy to the Postgres at this `host:port`. It ends with the test's runtime, and so
    /// do the others.
    pub(crate) async fn of_postgres(upstream: String) -> Self {
        Self::start::<PostgresReader>(upstream).await
    }

    /// Starts a proxy to the Redis at this `host:port`.
    pub(crate) async fn of_redis(upstream: String) -> Self {
        Self::start::<RedisReader>(upstream).await
    }

    /// Starts a proxy that counts connections only.
    pub(crate) async fn of_connections(upstream: String) -> Self {
        Self::start::<NoReader>(upstream).await
    }

    async fn start<R: Reader>(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let counter = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                lock(&counter).counts.connections += 1;
                let Ok(server) = TcpStream::connect(&upstream).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let awaited = Mutex::new(Awaited::Nothing { since: Instant::now() });
                let connection = Arc::new(Connection { shared: counter.clone(), awaited });
                tokio::spawn(forward_requests::<R>(from_client, to_server, connection.clone()));
                tokio::spawn(forward_responses(from_server, to_client, connection));
            }
        });
        Self { address, shared }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delays every response from now on, except to pings. Concurrent requests then overlap
    /// however fast the server is, so that they count as one sequential round trip.
    pub(crate) fn delay_responses_by(&self, delay: Duration) {
        lock(&self.shared).delay = delay;
    }

    /// Counts from zero.
    pub(crate) fn reset(&self) {
        lock(&self.shared).counts = Counts::default();
    }

    pub(crate) fn counts(&self) -> Counts {
        lock(&self.shared).counts
    }
}

impl Connection {
    fn sent(&self, sent: Sent) {
        let (mut shared, mut awaited) = (lock(&self.shared), lock(&self.awaited));
        match sent {
            Sent::Request => shared.counts.requests += 1,
            Sent::Preparation => shared.counts.prepared += 1,
            Sent::Ping => match *awaited {
                Awaited::Nothing { since } if since.elapsed() >= IDLE => {}
                Awaited::Nothing { .. } => {
                    shared.counts.pings += 1;
                    shared.counts.round_trips += 1;
                    *awaited = Awaited::Ping;
                }
                Awaited::Ping | Awaited::Response => shared.counts.pings += 1,
            },
            Sent::End => {
                if matches!(*awaited, Awaited::Nothing { .. }) {
                    shared.counts.round_trips += 1;
                }
                if *awaited != Awaited::Response {
                    shared.counts.sequential_round_trips += u64::from(shared.waiting_connections == 0);
                    shared.waiting_connections += 1;
                    *awaited = Awaited::Response;
                }
            }
        }
    }

    fn delay(&self) -> Duration {
        let shared = lock(&self.shared);
        if *lock(&self.awaited) == Awaited::Response { shared.delay } else { Duration::ZERO }
    }

    fn responded(&self) {
        let (mut shared, mut awaited) = (lock(&self.shared), lock(&self.awaited));
        if *awaited == Awaited::Response {
            shared.waiting_connections -= 1;
        }
        *awaited = Awaited::Nothing { since: Instant::now() };
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.responded();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no code panics while it holds this lock")
}

/// Counts what the client sends before the server has it: the response cannot come first.
async fn forward_requests<R: Reader>(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    connection: Arc<Connection>,
) -> std::io::Result<()> {
    let mut reader = R::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = client.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        for sent in reader.read(&buffer[..length]) {
            connection.sent(sent);
        }
        server.write_all(&buffer[..length]).await?;
    }
}

/// Forwards what the server sends. The response counts before the client has it: the client's next
/// request starts a new round trip.
async fn forward_responses(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    connection: Arc<Connection>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = server.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        tokio::time::sleep(connection.delay()).await;
        connection.responded();
        client.write_all(&buffer[..length]).await?;
    }
}

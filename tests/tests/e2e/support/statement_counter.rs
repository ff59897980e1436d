use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A proxy to a Postgres server that counts the statements of its clients. It reads them from the
/// wire protocol, so it needs no extension in the server.
pub(crate) struct StatementCounter {
    address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    statements: AtomicU64,
    prepared: AtomicU64,
    round_trips: AtomicU64,
    waiting_connections: AtomicU64,
    delay_ms: AtomicU64,
}

impl Counts {
    fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.load(Ordering::SeqCst))
    }
}

/// Whether the client of one connection waits for a response.
struct Connection {
    counts: Arc<Counts>,
    is_waiting: AtomicBool,
}

impl Connection {
    fn statement_sent(&self) {
        self.counts.statements.fetch_add(1, Ordering::SeqCst);
        if !self.is_waiting.swap(true, Ordering::SeqCst)
            && self.counts.waiting_connections.fetch_add(1, Ordering::SeqCst) == 0
        {
            self.counts.round_trips.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn responded(&self) {
        if self.is_waiting.swap(false, Ordering::SeqCst) {
            self.counts.waiting_connections.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl StatementCounter {
    /// Starts a proxy to this `host:port`. It ends with the test's runtime.
    pub(crate) async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let counts = Arc::new(Counts::default());
        let counter = counts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&upstream).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let counts = counter.clone();
                let connection = Arc::new(Connection { counts, is_waiting: AtomicBool::default() });
                tokio::spawn(forward_statements(from_client, to_server, connection.clone()));
                tokio::spawn(forward_responses(from_server, to_client, connection));
            }
        });
        Self { address, counts }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delays every response from now on. Concurrent statements then overlap however fast the
    /// server is, so that they count as one round trip.
    pub(crate) fn delay_responses_by(&self, delay_ms: u64) {
        self.counts.delay_ms.store(delay_ms, Ordering::SeqCst);
    }

    /// Statements that were executed, `BEGIN` and `COMMIT` included.
    pub(crate) fn statements(&self) -> u64 {
        self.counts.statements.load(Ordering::SeqCst)
    }

    /// Statements that were prepared.
    pub(crate) fn prepared(&self) -> u64 {
        self.counts.prepared.load(Ordering::SeqCst)
    }

    /// Sequential round trips. A statement that is sent while another one waits for its response
    /// belongs to the same round trip.
    pub(crate) fn round_trips(&self) -> u64 {
        self.counts.round_trips.load(Ordering::SeqCst)
    }
}

/// Forwards a client's messages one by one. The messages up to and including the start-up message
/// have no type byte: the client may first request TLS, which the server declines.
async fn forward_statements(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    connection: Arc<Connection>,
) -> std::io::Result<()> {
    const PROTOCOL_3: u32 = 196_608;
    let mut started = false;
    loop {
        let kind = if started { Some(client.read_u8().await?) } else { None };
        let length = client.read_u32().await?;
        let mut body = vec![0; length.saturating_sub(4) as usize];
        client.read_exact(&mut body).await?;
        match kind {
            Some(b'E' | b'Q') => connection.statement_sent(),
            Some(b'P') => {
                connection.counts.prepared.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
        started |= kind.is_none() && body.starts_with(&PROTOCOL_3.to_be_bytes());
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.append(&mut body);
        server.write_all(&message).await?;
    }
}

/// Forwards what the server sends. The response counts before the client has it: the client's next
/// statement starts a new round trip.
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
        tokio::time::sleep(connection.counts.delay()).await;
        connection.responded();
        client.write_all(&buffer[..length]).await?;
    }
}

//! A TCP proxy before the server. It can stop forwarding, as a stalled server does, and counts the
//! statements of the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Ends with its connections when it is dropped.
pub(crate) struct Proxy {
    /// Connections with a lower number than this forward nothing. Numbers begin at 0.
    held_below: watch::Sender<u32>,
    connections: Arc<AtomicU32>,
    statements: Arc<AtomicU32>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// A proxy to the server of this URL, and the URL through the proxy.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        let (credentials, rest) = url.rsplit_once('@').expect("the URL has a user");
        let (server, path) = rest.split_once('/').expect("the URL has a database");
        let (base, _) = path.split_once('?').unwrap_or((path, ""));
        // Without TLS, so that the messages can be read.
        let through = format!("{credentials}@127.0.0.1:{port}/{base}?sslmode=disable");
        let server = if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };

        let (held_below, held) = watch::channel(0);
        let (statements, connections) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut serving = JoinSet::new();
        let (statement_count, connection_count) = (Arc::clone(&statements), Arc::clone(&connections));
        serving.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let number = connection_count.fetch_add(1, Ordering::SeqCst);
                let gate = Gate { number, held_below: held.clone() };
                passing.spawn(forward(client, server.clone(), gate, Arc::clone(&statement_count)));
            }
        });
        (Self { held_below, connections, statements, _serving: serving }, through)
    }

    /// From now on no connection forwards anything.
    pub(crate) fn stall(&self) {
        self.held_below.send_replace(u32::MAX);
    }

    /// From now on the existing connections forward nothing, and new ones work: as after a failover
    /// to another host with the same name.
    pub(crate) fn strand(&self) {
        self.held_below.send_replace(self.connections.load(Ordering::SeqCst));
    }

    /// Forwards everything that was held back.
    pub(crate) fn resume(&self) {
        self.held_below.send_replace(0);
    }

    /// The number of statements that the clients have run.
    pub(crate) fn statements(&self) -> u32 {
        self.statements.load(Ordering::SeqCst)
    }
}

/// Where a connection waits while it forwards nothing.
#[derive(Clone)]
struct Gate {
    number: u32,
    held_below: watch::Receiver<u32>,
}

impl Gate {
    /// Waits until bytes may pass. Returns false if the proxy has ended.
    async fn opens(&mut self) -> bool {
        let number = self.number;
        self.held_below.wait_for(|held_below| number >= *held_below).await.is_ok()
    }
}

async fn forward(client: TcpStream, server: String, gate: Gate, statements: Arc<AtomicU32>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
    let responses = tokio::spawn(forward_responses(server_in, client_out, gate.clone()));
    let _ended = forward_requests(client_in, server_out, gate, &statements).await;
    responses.abort();
}

async fn forward_responses(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut gate: Gate) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if !gate.opens().await || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Forwards whole messages: a byte for the kind, four bytes for the length. The client's first
/// message has no kind.
async fn forward_requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut gate: Gate,
    statements: &AtomicU32,
) -> std::io::Result<()> {
    let mut is_first = true;
    loop {
        let kind = if is_first { None } else { Some(from.read_u8().await?) };
        is_first = false;
        let length = from.read_u32().await?;
        let mut body = vec![0; length.saturating_sub(4) as usize];
        from.read_exact(&mut body).await?;
        // Execute and simple query.
        if matches!(kind, Some(b'E' | b'Q')) {
            statements.fetch_add(1, Ordering::SeqCst);
        }
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(&body);
        if !gate.opens().await {
            return Ok(());
        }
        to.write_all(&message).await?;
    }
}

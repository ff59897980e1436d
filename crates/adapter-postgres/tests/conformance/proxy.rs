//! A TCP proxy before the server: it can stop passing bytes on, as a server does that has stalled, and counts what the
//! client asks the server to run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Dropped, it and its connections end.
pub(crate) struct Proxy {
    /// Connections with a lower number than this pass nothing on. Numbers begin at 0.
    held_below: watch::Sender<u32>,
    connections: Arc<AtomicU32>,
    statements: Arc<AtomicU32>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// A proxy to the server of this URL, and the URL by way of the proxy.
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
                passing.spawn(pass_on(client, server.clone(), gate, Arc::clone(&statement_count)));
            }
        });
        (Self { held_below, connections, statements, _serving: serving }, through)
    }

    /// From now on nothing passes, on connections old and new.
    pub(crate) fn stall(&self) {
        self.held_below.send_replace(u32::MAX);
    }

    /// From now on nothing passes on the connections that there are, while new ones work: as after a failover to another
    /// host under the same name.
    pub(crate) fn strand(&self) {
        self.held_below.send_replace(self.connections.load(Ordering::SeqCst));
    }

    /// Everything that was held back passes.
    pub(crate) fn resume(&self) {
        self.held_below.send_replace(0);
    }

    /// How many statements the clients had run so far.
    pub(crate) fn statements(&self) -> u32 {
        self.statements.load(Ordering::SeqCst)
    }
}

/// Where a connection waits while nothing passes.
#[derive(Clone)]
struct Gate {
    number: u32,
    held_below: watch::Receiver<u32>,
}

impl Gate {
    /// Waits until bytes may pass; false if the proxy has ended.
    async fn opens(&mut self) -> bool {
        let number = self.number;
        self.held_below.wait_for(|held_below| number >= *held_below).await.is_ok()
    }
}

async fn pass_on(client: TcpStream, server: String, gate: Gate, statements: Arc<AtomicU32>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
    let answers = tokio::spawn(pass_answers(server_in, client_out, gate.clone()));
    let _ended = pass_requests(client_in, server_out, gate, &statements).await;
    answers.abort();
}

async fn pass_answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut gate: Gate) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if !gate.opens().await || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Passes whole messages on: a byte for the kind, four for the length. The first one, the client's greeting, has no kind.
async fn pass_requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut gate: Gate,
    statements: &AtomicU32,
) -> std::io::Result<()> {
    let mut is_greeting = true;
    loop {
        let kind = if is_greeting { None } else { Some(from.read_u8().await?) };
        is_greeting = false;
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

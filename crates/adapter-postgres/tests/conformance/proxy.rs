//! Proxies before the server: one that has faults, and one that counts the statements of the client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use testkit::fault_proxy::FaultProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A proxy to the server of this URL, and the URL through the proxy.
pub(crate) async fn fault_proxy_before(url: &str) -> (FaultProxy, String) {
    let proxy = FaultProxy::start(server_of(url)).await;
    let through = url_through(url, proxy.address());
    (proxy, through)
}

/// A proxy that counts statements. It ends with its connections when it is dropped.
pub(crate) struct StatementCounter {
    statements: Arc<AtomicU32>,
    _serving: JoinSet<()>,
}

impl StatementCounter {
    /// A proxy to the server of this URL, and the URL through the proxy.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let through = url_through(url, listener.local_addr().expect("the listener is bound"));
        let server = server_of(url);
        let statements = Arc::new(AtomicU32::new(0));
        let mut serving = JoinSet::new();
        let statement_count = Arc::clone(&statements);
        serving.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                passing.spawn(forward(client, server.clone(), Arc::clone(&statement_count)));
            }
        });
        (Self { statements, _serving: serving }, through)
    }

    /// The number of statements that the clients have run.
    pub(crate) fn statements(&self) -> u32 {
        self.statements.load(Ordering::SeqCst)
    }
}

/// The `host:port` of a URL.
fn server_of(url: &str) -> String {
    let (_, rest) = url.rsplit_once('@').expect("the URL has a user");
    let (server, _) = rest.split_once('/').expect("the URL has a database");
    if server.contains(':') { server.to_owned() } else { format!("{server}:5432") }
}

/// A URL to the same database, without TLS, so that the messages can be read.
pub(crate) fn url_through(url: &str, proxy: SocketAddr) -> String {
    let (credentials, rest) = url.rsplit_once('@').expect("the URL has a user");
    let (_, path) = rest.split_once('/').expect("the URL has a database");
    let (base, _) = path.split_once('?').unwrap_or((path, ""));
    format!("{credentials}@{proxy}/{base}?sslmode=disable")
}

async fn forward(mut client: TcpStream, server: String, statements: Arc<AtomicU32>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (client_in, mut client_out) = client.split();
    let (mut server_in, server_out) = server.split();
    tokio::select! {
        _ = forward_requests(client_in, server_out, &statements) => {}
        _ = tokio::io::copy(&mut server_in, &mut client_out) => {}
    }
}

/// Forwards whole messages: a byte for the kind, four bytes for the length. The client's first
/// message has no kind.
async fn forward_requests(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
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
        to.write_all(&message).await?;
    }
}

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = server.into_split();
                tokio::spawn(forward(from_client, to_server, counter.clone()));
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            }
        });
        Self { address, counts }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Statements that were executed, `BEGIN` and `COMMIT` included.
    pub(crate) fn statements(&self) -> u64 {
        self.counts.statements.load(Ordering::SeqCst)
    }

    /// Statements that were prepared.
    pub(crate) fn prepared(&self) -> u64 {
        self.counts.prepared.load(Ordering::SeqCst)
    }
}

/// Forwards a client's messages one by one. The messages up to and including the start-up message
/// have no type byte: the client may first request TLS, which the server declines.
async fn forward(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    counts: Arc<Counts>,
) -> std::io::Result<()> {
    const PROTOCOL_3: u32 = 196_608;
    let mut started = false;
    loop {
        let kind = if started { Some(client.read_u8().await?) } else { None };
        let length = client.read_u32().await?;
        let mut body = vec![0; length.saturating_sub(4) as usize];
        client.read_exact(&mut body).await?;
        match kind {
            Some(b'E' | b'Q') => counts.statements.fetch_add(1, Ordering::SeqCst),
            Some(b'P') => counts.prepared.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
        started |= kind.is_none() && body.starts_with(&PROTOCOL_3.to_be_bytes());
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.append(&mut body);
        server.write_all(&message).await?;
    }
}

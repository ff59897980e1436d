use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Stands before a Postgres and counts what its clients ask of it, from the protocol itself: whatever server it is, and
/// whatever extensions it has.
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
    pub(crate) async fn before(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let counts = Arc::new(Counts::default());
        let counting = counts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&upstream).await else { continue };
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = server.into_split();
                tokio::spawn(forward(from_client, to_server, counting.clone()));
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            }
        });
        Self { address, counts }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Statements executed, transaction control among them.
    pub(crate) fn statements(&self) -> u64 {
        self.counts.statements.load(Ordering::SeqCst)
    }

    /// Statements sent to be prepared.
    pub(crate) fn prepared(&self) -> u64 {
        self.counts.prepared.load(Ordering::SeqCst)
    }
}

/// Carries a client's messages over one by one. The first ones have no type: a request for TLS, which a server without it
/// declines, and the start-up.
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

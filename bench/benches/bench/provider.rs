//! The voice provider: it accepts every dial after a ring, and does nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

use super::http::{Connection, response};

pub(crate) const PATH: &str = "/v1/convai/sip-trunk/outbound-call";

pub(crate) struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    ring: watch::Sender<Ring>,
    dials: AtomicU64,
}

/// How long a phone rings.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ring {
    For(Duration),
    /// Until the provider is set to something else.
    On,
}

impl Provider {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let ring = watch::Sender::new(Ring::For(Duration::ZERO));
        let shared = Arc::new(Shared { ring, dials: AtomicU64::new(0) });
        let provider = Self { address, shared: shared.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move { shared.answer(Connection::accepted(stream)?).await });
            }
        });
        Ok(provider)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Of the phones that are dialled later, and of those that ring on.
    pub(crate) fn set(&self, ring: Ring) {
        self.shared.ring.send_replace(ring);
    }

    /// The dials since the start.
    pub(crate) fn dials(&self) -> u64 {
        self.shared.dials.load(Relaxed)
    }
}

impl Shared {
    async fn answer(&self, mut connection: Connection) -> std::io::Result<()> {
        while let Some(request) = connection.read().await? {
            if !request.head.contains(PATH) {
                // Reconciliation asks about calls.
                connection.write(&response("404 Not Found", "{}")).await?;
                continue;
            }
            let n = self.dials.fetch_add(1, Relaxed);
            self.ring().await;
            let body = format!(
                r#"{{"success":true,"message":"","conversation_id":"conv_{n:012}","sip_call_id":"sip_{n:012}"}}"#
            );
            connection.write(&response("200 OK", &body)).await?;
        }
        Ok(())
    }

    async fn ring(&self) {
        let ring = *self.ring.borrow();
        match ring {
            Ring::For(Duration::ZERO) => {}
            Ring::For(time) => sleep(time).await,
            Ring::On => {
                // An error means that the run has ended.
                let _ = self.ring.subscribe().wait_for(|ring| matches!(ring, Ring::For(_))).await;
            }
        }
    }
}

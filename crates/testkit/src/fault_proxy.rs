//! A TCP proxy that has faults on demand, between a client and a server.
//!
//! It knows no protocol: it forwards, changes and loses bytes. *Requests* are the bytes of the
//! client, *answers* those of the upstream server.
//!
//! Without a [`Fault`] it behaves like a direct connection. It forwards the end of each direction
//! on its own, so a client may close its side and still read the answer. It forwards a reset, and
//! it resets the client's connection when the upstream cannot be reached.

mod connection;
mod fault;
mod pipe;
mod switch;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use fault::Fault;

use switch::Switch;

/// A TCP proxy on the loopback. It ends with its connections when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    switch: Arc<Switch>,
    _serving: JoinSet<()>,
}

impl FaultProxy {
    /// Starts a proxy without a fault to this upstream: a [`SocketAddr`] or `host:port`.
    pub async fn start(upstream: impl ToString) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let switch = Arc::new(Switch::new(upstream.to_string()));
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&switch)));
        Self { address, switch, _serving: serving }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on all connections have this fault, the open and the new ones. It replaces every
    /// earlier fault, also those of [`Self::set_once`] and [`Self::set_for_open`].
    pub fn set(&self, fault: Fault) {
        self.switch.set(fault);
    }

    /// One connection has this fault, until the next [`Self::set`]: the one that carries the next
    /// bytes that the fault affects. For a fault of answers this is the connection of the next
    /// answer, for [`Fault::Refuse`] the next new connection, and for other faults the connection
    /// of the next request.
    pub fn set_once(&self, fault: Fault) {
        self.switch.set_once(fault);
    }

    /// The connections that are open now have this fault, until the next [`Self::set`]. New ones do
    /// not. With [`Fault::Hold`] this is a fail-over that leaves the old connections hanging.
    pub fn set_for_open(&self, fault: Fault) {
        self.switch.set_for_open(fault);
    }

    /// Forwards new connections to another upstream, and resets the open ones: a fail-over.
    pub fn set_upstream(&self, upstream: impl ToString) {
        self.switch.set_upstream(upstream.to_string());
    }

    /// Whether the upstream still receives what a client had sent before it closed or reset its
    /// connection. It does by default.
    ///
    /// Otherwise the end of a client resets the upstream's connection immediately, and all bytes
    /// that are not forwarded by then are lost. A client cannot close only its own side then. The
    /// difference is certain for bytes that a fault delays or holds: without a fault they are
    /// usually forwarded before the client ends.
    pub fn deliver_after_close(&self, deliver: bool) {
        self.switch.deliver_after_close(deliver);
    }

    /// The number of connections that were accepted so far, the refused ones included.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.switch.accepted()
    }

    /// Resets all open connections on both sides. New ones are not affected.
    pub fn cut_connections(&self) {
        self.switch.cut_connections();
    }
}

async fn serve(listener: TcpListener, switch: Arc<Switch>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(connection::run(client, Arc::clone(&switch)));
            }
            // Without this the set grows with every connection that has ended.
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests;

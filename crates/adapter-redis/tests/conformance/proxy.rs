//! A TCP proxy on 127.0.0.1 that misbehaves on demand.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Forwards everything.
    Pass,
    /// Closes every connection, old and new ones.
    Refuse,
    /// Drops all data. A connection that has lost data stays dead in every later mode.
    Blackhole,
    /// Forwards requests, and holds the replies until the mode changes.
    HoldReplies,
    /// Forwards requests and this many bytes of the next reply, then closes that connection and
    /// changes to `Pass`.
    CutNextReply(usize),
}

pub(crate) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    accepted: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts a proxy for `upstream` (`host:port`) in the mode `Pass`.
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let mode = watch::Sender::new(Mode::Pass);
        let accepted = Arc::new(AtomicUsize::new(0));
        let (upstream, modes, count) = (upstream.to_owned(), mode.clone(), Arc::clone(&accepted));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(forward(client, upstream.clone(), modes.clone()));
            }
        });
        Self { address, mode, accepted }
    }

    /// The Redis URL of the proxy.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// The number of accepted connections.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn forward(client: TcpStream, upstream: String, mode: watch::Sender<Mode>) {
    if *mode.borrow() == Mode::Refuse {
        return;
    }
    let Ok(server) = TcpStream::connect(&upstream).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut refused = mode.subscribe();
    tokio::select! {
        () = forward_requests(from_client, to_server, &mode) => {}
        () = forward_replies(from_server, to_client, &mode) => {}
        _ = refused.wait_for(|mode| *mode == Mode::Refuse) => {}
    }
}

async fn forward_requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mode: &watch::Sender<Mode>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if *mode.borrow() == Mode::Blackhole {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn forward_replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mode: &watch::Sender<Mode>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        mode.subscribe()
            .wait_for(|mode| *mode != Mode::HoldReplies)
            .await
            .expect("this function has a sender");
        let now = *mode.borrow();
        match now {
            Mode::Blackhole => std::future::pending::<()>().await,
            Mode::CutNextReply(bytes) => {
                mode.send_replace(Mode::Pass);
                let _ = to.write_all(&buffer[..length.min(bytes)]).await;
                return;
            }
            Mode::Pass | Mode::Refuse | Mode::HoldReplies => {}
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

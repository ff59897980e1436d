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

/// What the proxy does with what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Passes it on.
    Pass,
    /// Closes every connection, old and new.
    Refuse,
    /// Swallows it. A connection that this has happened to stays dead, whatever the mode is later.
    Swallow,
    /// Passes requests on and keeps the answers until the mode changes.
    HoldAnswers,
    /// Passes requests on, and this many bytes of the next answer; closes its connection; and passes from then on.
    CutNextAnswer(usize),
}

pub(crate) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    accepted: Arc<AtomicUsize>,
}

impl Proxy {
    /// Stands before `upstream`, `host:port`, and passes.
    pub(crate) async fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let mode = watch::Sender::new(Mode::Pass);
        let accepted = Arc::new(AtomicUsize::new(0));
        let (upstream, modes, count) = (upstream.to_owned(), mode.clone(), Arc::clone(&accepted));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, upstream.clone(), modes.clone()));
            }
        });
        Self { address, mode, accepted }
    }

    /// A Redis URL that leads through the proxy.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How many connections it was asked for.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn carry(client: TcpStream, upstream: String, mode: watch::Sender<Mode>) {
    if *mode.borrow() == Mode::Refuse {
        return;
    }
    let Ok(server) = TcpStream::connect(&upstream).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut refused = mode.subscribe();
    tokio::select! {
        () = carry_requests(from_client, to_server, &mode) => {}
        () = carry_answers(from_server, to_client, &mode) => {}
        _ = refused.wait_for(|mode| *mode == Mode::Refuse) => {}
    }
}

async fn carry_requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mode: &watch::Sender<Mode>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if *mode.borrow() == Mode::Swallow {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn carry_answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mode: &watch::Sender<Mode>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        mode.subscribe().wait_for(|mode| *mode != Mode::HoldAnswers).await.expect("we hold a sender");
        let now = *mode.borrow();
        match now {
            Mode::Swallow => std::future::pending::<()>().await,
            Mode::CutNextAnswer(bytes) => {
                mode.send_replace(Mode::Pass);
                let _ = to.write_all(&buffer[..length.min(bytes)]).await;
                return;
            }
            Mode::Pass | Mode::Refuse | Mode::HoldAnswers => {}
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

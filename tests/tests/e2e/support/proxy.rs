use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A TCP proxy that can be cut: connections break, and new ones are refused until it is mended.
pub(crate) struct Proxy {
    address: SocketAddr,
    open: Arc<AtomicBool>,
    cuts: watch::Sender<u32>,
}

impl Proxy {
    /// Stands before this server.
    pub(crate) async fn before(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let open = Arc::new(AtomicBool::new(true));
        let (cuts, cut) = watch::channel(0);
        let is_open = open.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if is_open.load(Ordering::SeqCst) {
                    tokio::spawn(carry(client, upstream.clone(), cut.clone()));
                }
            }
        });
        Self { address, open, cuts }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection and lets no new one through.
    pub(crate) fn cut(&self) {
        self.open.store(false, Ordering::SeqCst);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

async fn carry(mut client: TcpStream, upstream: String, mut cut: watch::Receiver<u32>) {
    cut.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = cut.changed() => {}
    }
}

/// Where a database's server listens, and how to write the database's URL for something that stands before it.
pub(crate) fn database_behind(url: &str) -> (String, impl Fn(SocketAddr) -> String + use<>) {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (server, path) = rest.split_once('/').expect("a database");
    let (user, server) = server.rsplit_once('@').map_or(("", server), |(user, server)| (user, server));
    let server = if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };
    let (before, after) = (format!("{scheme}://{user}@"), format!("/{path}"));
    (server, move |address| format!("{before}{address}{after}"))
}

//! Each fault between a client and an upstream that are only sockets.

mod close;
mod faults;
mod scope;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{Fault, FaultProxy};

/// How long a test waits for what must not come.
const QUIET: Duration = Duration::from_millis(60);
/// How long a test waits for what must come.
const LIMIT: Duration = Duration::from_secs(30);

/// A listener behind a proxy.
struct Upstream {
    listener: TcpListener,
}

impl Upstream {
    async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port") }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    async fn with_proxy() -> (Self, FaultProxy) {
        let upstream = Self::start().await;
        let proxy = FaultProxy::start(upstream.address()).await;
        (upstream, proxy)
    }

    async fn accept(&self) -> Socket {
        let accepting = timeout(LIMIT, self.listener.accept());
        Socket(accepting.await.expect("the proxy connects").expect("it is bound").0)
    }

    /// A new connection: the client's socket and the upstream's.
    async fn connect(&self, proxy: &FaultProxy) -> (Socket, Socket) {
        let client = Socket::connect(proxy).await;
        (client, self.accept().await)
    }
}

/// How a peer ended a connection.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Closed,
    Reset,
}

struct Socket(TcpStream);

impl Socket {
    async fn connect(proxy: &FaultProxy) -> Self {
        Self(TcpStream::connect(proxy.address()).await.expect("the proxy listens"))
    }

    async fn write(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.expect("the other side is open");
    }

    async fn close_own_side(&mut self) {
        self.0.shutdown().await.expect("the connection is open");
    }

    fn reset(self) {
        self.0.set_zero_linger().expect("the connection is open");
    }

    /// Reads exactly these bytes.
    async fn expect(&mut self, bytes: &str) {
        let mut read = vec![0; bytes.len()];
        timeout(LIMIT, self.0.read_exact(&mut read)).await.expect("bytes come").expect("bytes come");
        assert_eq!(String::from_utf8_lossy(&read), bytes);
    }

    /// Nothing comes, and the connection stays open.
    async fn expect_nothing(&mut self) {
        let mut buffer = [0; 16];
        let read = timeout(QUIET, self.0.read(&mut buffer)).await;
        assert!(read.is_err(), "{read:?}");
    }

    /// The connection ends, and no bytes come before.
    async fn end(&mut self) -> Ended {
        let mut buffer = [0; 16];
        match timeout(LIMIT, self.0.read(&mut buffer)).await.expect("the connection ends") {
            Ok(0) => Ended::Closed,
            Ok(length) => panic!("got {:?}", String::from_utf8_lossy(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ended::Reset,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A request and its answer pass.
async fn works(client: &mut Socket, upstream: &mut Socket) {
    client.write("ping").await;
    upstream.expect("ping").await;
    upstream.write("pong").await;
    client.expect("pong").await;
}

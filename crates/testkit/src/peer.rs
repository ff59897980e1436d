//! A server that is only a socket, for behaviour that no HTTP server has.

mod full_queue;
mod request;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub use full_queue::FullQueue;
pub use request::Request;

/// The bytes of each connection, in the order of acceptance.
type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// A listener on the loopback that records what it receives.
pub struct Peer {
    /// The address that it listens on.
    address: SocketAddr,
    /// The bytes of each connection so far.
    received: Received,
}

impl Peer {
    /// Starts a listener that runs `act` for every connection. It ends with the test's runtime.
    pub async fn start<F, A>(act: A) -> Self
    where
        A: Fn(Connection) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let received = Received::default();
        let peer = Self { address, received: Arc::clone(&received) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut received = lock(&received);
                    received.push(Vec::new());
                    received.len() - 1
                };
                tokio::spawn(act(Connection { stream, index, received: Arc::clone(&received) }));
            }
        });
        peer
    }

    /// Starts a listener that reads a request, writes these bytes, and closes the connection.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut connection| {
            let bytes = bytes.clone();
            async move {
                connection.read_request().await;
                connection.write(&bytes).await;
            }
        })
        .await
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came over each connection so far.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        lock(&self.received).clone()
    }

    /// The complete requests so far: those of the first connection, then of the second, and so on.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.received).iter().flat_map(|bytes| Request::parse_all(bytes)).collect()
    }
}

/// An accepted connection.
pub struct Connection {
    /// The socket.
    pub stream: TcpStream,
    index: usize,
    received: Received,
}

impl Connection {
    /// Reads until a complete request has arrived: its head, and the body by its `content-length`
    /// or up to its last chunk.
    pub async fn read_request(&mut self) {
        loop {
            let whole = is_whole(&lock(&self.received)[self.index]);
            if whole || self.read_some().await == 0 {
                return;
            }
        }
    }

    /// The complete requests that came over this connection so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        Request::parse_all(&lock(&self.received)[self.index])
    }

    /// Reads the next bytes. Returns their number; 0 at the end.
    pub async fn read_some(&mut self) -> usize {
        let mut buffer = vec![0; 64 << 10];
        let read = self.stream.read(&mut buffer).await.unwrap_or(0);
        lock(&self.received)[self.index].extend_from_slice(&buffer[..read]);
        read
    }

    /// Writes bytes. Returns whether the other side took them.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }
}

fn lock(received: &Received) -> MutexGuard<'_, Vec<Vec<u8>>> {
    received.lock().expect("no panic while it is locked")
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("transfer-encoding: chunked") {
        return request.ends_with(b"\r\n0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    request.len() - head.len() - 4 >= length.parse::<usize>().expect("a number")
}

//! A provider that is nothing but a socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::DialOutcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::dialling::dial;

/// A listener on the loopback that counts connections and keeps what came over them.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Peer {
    /// Starts one that does `act` with every connection. It ends with the test's runtime.
    pub(crate) async fn start<F, A>(act: A) -> Self
    where
        A: Fn(Connection) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let received = Arc::new(Mutex::new(Vec::new()));
        let peer = Self { address, received: Arc::clone(&received) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut received = received.lock().expect("nobody panics with it");
                    received.push(Vec::new());
                    received.len() - 1
                };
                tokio::spawn(act(Connection { stream, index, received: Arc::clone(&received) }));
            }
        });
        peer
    }

    /// Starts one that reads the request, writes these bytes, and closes.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
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

    /// What came over each connection so far.
    pub(crate) fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().expect("nobody panics with it").clone()
    }

    /// Dials through it.
    pub(crate) async fn dial(&self, answer_within: Duration) -> DialOutcome {
        dial(&format!("http://{}", self.address), answer_within).await
    }
}

/// One accepted connection.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    index: usize,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Connection {
    /// Reads until a whole request has come: its head, and as much body as the head says.
    pub(crate) async fn read_request(&mut self) {
        while !is_whole(&self.received()) {
            if self.read_some().await == 0 {
                return;
            }
        }
    }

    /// Reads whatever comes next; 0 is the end.
    pub(crate) async fn read_some(&mut self) -> usize {
        let mut buffer = [0; 4096];
        let read = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.received.lock().expect("nobody panics with it")[self.index].extend_from_slice(&buffer[..read]);
        read
    }

    /// Writes, and tells whether anybody took it.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    fn received(&self) -> Vec<u8> {
        self.received.lock().expect("nobody panics with it")[self.index].clone()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a body has one");
    body.len() >= length.parse().expect("a number")
}

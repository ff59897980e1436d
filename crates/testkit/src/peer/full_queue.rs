use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How long the kernel needs at most to connect on the loopback.
const CONNECTS_WITHIN: Duration = Duration::from_millis(500);

/// A listener to which no connection can be made: it accepts none, and its queue is full. The
/// kernel drops further attempts, so that they hang, as to a host behind a firewall.
pub struct FullQueue {
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl FullQueue {
    /// Starts the listener, and fills its queue.
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let listener = socket.listen(1).expect("a queue of one");
        let address = listener.local_addr().expect("it is bound");
        let mut queued = Vec::new();
        while let Ok(connected) = tokio::time::timeout(CONNECTS_WITHIN, TcpStream::connect(address)).await {
            queued.push(connected.expect("loopback"));
        }
        Self { listener, _queued: queued }
    }

    /// The address as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("it is bound"))
    }
}

//! How a connection ends: with a reset if its request was given up, normally after a response.

use std::io::ErrorKind;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::*;

const BODY_BYTES: usize = 8 << 10;
const LIMIT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
enum Transport {
    Plain,
    Tls,
    /// TLS through a `CONNECT` tunnel.
    Tunnel,
}

const TRANSPORTS: [Transport; 3] = [Transport::Plain, Transport::Tls, Transport::Tunnel];

/// A provider whose host accepts about 1 KiB of a request while the provider reads nothing.
struct NarrowProvider {
    listener: TcpListener,
    transport: Transport,
}

impl NarrowProvider {
    fn new(transport: Transport) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1 << 10).expect("a small receive buffer");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        Self { listener: socket.listen(1).expect("a listener"), transport }
    }

    fn client(&self) -> ProviderClient {
        let address = self.listener.local_addr().expect("it is bound");
        match self.transport {
            Transport::Plain => client(&format!("http://{address}/")),
            Transport::Tls => trusting_client(&address.to_string(), None, MAX_CONNECT_TIMEOUT),
            Transport::Tunnel => {
                trusting_client("provider.test", Some(&format!("http://{address}")), MAX_CONNECT_TIMEOUT)
            }
        }
    }

    /// Accepts a connection, up to the first byte of its request.
    async fn accept(&self) -> TcpStream {
        let (mut stream, _) = self.listener.accept().await.expect("a connection");
        if let Transport::Tunnel = self.transport {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("an open stream");
        }
        match self.transport {
            Transport::Plain => stream,
            Transport::Tls | Transport::Tunnel => {
                let accepted = Provider::new().acceptor.accept(stream).await.expect("a handshake");
                accepted.into_inner().0
            }
        }
    }
}

async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the rest of a head"));
    }
}

/// The bytes that can be read until the connection ends, and how it ends.
async fn read_to_end(stream: &mut TcpStream) -> (usize, Option<ErrorKind>) {
    let (mut total, mut buffer) = (0, vec![0; BODY_BYTES]);
    loop {
        match tokio::time::timeout(LONG, stream.read(&mut buffer)).await.expect("the connection is open") {
            Ok(0) => return (total, None),
            Ok(read) => total += read,
            Err(error) => return (total, Some(error.kind())),
        }
    }
}

async fn post(client: &ProviderClient, time_limit: Duration) -> Result<Response, RequestFailure> {
    client.post(&client.endpoint(["call"]), "x".repeat(BODY_BYTES), time_limit, 100).await
}

#[tokio::test]
async fn what_the_providers_host_has_not_accepted_of_a_request_that_is_given_up_is_dropped() {
    for transport in TRANSPORTS {
        for is_dropped in [false, true] {
            let provider = NarrowProvider::new(transport);
            let client = provider.client();
            let (given_up, reads) = oneshot::channel();
            let received = tokio::spawn(async move {
                let mut stream = provider.accept().await;
                reads.await.expect("the request is given up");
                read_to_end(&mut stream).await
            });
            if is_dropped {
                tokio::time::timeout(LIMIT, post(&client, LONG)).await.expect_err("there is no response");
            } else {
                let failure = post(&client, LIMIT).await.expect_err("there is no response");
                assert!(matches!(failure, RequestFailure::TimedOut { .. }), "{failure:?}");
            }
            given_up.send(()).expect("the provider waits");
            let (bytes, end) = received.await.expect("the provider does not panic");
            let case = format!("{transport:?}, dropped: {is_dropped}");
            assert!(bytes < BODY_BYTES, "{case}: {bytes} bytes, the whole request");
            assert_eq!(end, Some(ErrorKind::ConnectionReset), "{case}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_closed_normally_after_a_complete_response() {
    for response in ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "HTTP/1.0 503 S\r\n\r\n"] {
        let provider = NarrowProvider::new(Transport::Plain);
        let client = provider.client();
        let received = tokio::spawn(async move {
            let mut stream = provider.accept().await;
            read_head(&mut stream).await;
            stream.read_exact(&mut vec![0; BODY_BYTES]).await.expect("a whole body");
            stream.write_all(response.as_bytes()).await.expect("an open stream");
            if response.starts_with("HTTP/1.0") {
                stream.shutdown().await.expect("an open stream");
            }
            read_to_end(&mut stream).await
        });
        post(&client, LONG).await.expect("a response");
        assert_eq!(received.await.expect("the provider does not panic"), (0, None), "{response}");
    }
}

/// The provider's log and its proxies would show a reset as a failure of the gateway.
#[tokio::test]
async fn a_tls_connection_is_closed_normally_after_a_complete_response() {
    let provider = NarrowProvider::new(Transport::Tls);
    let client = provider.client();
    let received = tokio::spawn(async move {
        let (stream, _) = provider.listener.accept().await.expect("a connection");
        let mut stream = Provider::new().acceptor.accept(stream).await.expect("a handshake");
        read_head(&mut stream).await;
        stream.read_exact(&mut vec![0; BODY_BYTES]).await.expect("a whole body");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("an open stream");
        read_to_end(&mut stream.into_inner().0).await.1
    });
    assert_eq!(post(&client, LONG).await.expect("a response").body, b"ok");
    assert_eq!(received.await.expect("the provider does not panic"), None);
}

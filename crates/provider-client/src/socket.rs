//! The socket of one request: it is closed with a reset, unless the exchange was completed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;
use tower_service::Service;

/// Whether the response to a request was read to its end.
#[derive(Clone, Default)]
pub(crate) struct Completion(Arc<AtomicBool>);

impl Completion {
    /// From here on, the connection is closed normally.
    pub(crate) fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_marked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Opens [`Socket`]s.
#[derive(Clone)]
pub(crate) struct SocketConnector {
    pub(crate) tcp: HttpConnector,
    pub(crate) completion: Completion,
}

impl Service<Uri> for SocketConnector {
    type Response = Socket;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context)
    }

    fn call(&mut self, origin: Uri) -> Self::Future {
        let (connecting, completion) = (self.tcp.call(origin), self.completion.clone());
        Box::pin(async move { Ok(Socket::new(connecting.await?, completion)) })
    }
}

/// A TCP connection. Closing it resets it, so that the kernel drops the bytes that the peer's host
/// has not accepted, unless its [`Completion`] is marked.
///
/// The kernel would otherwise deliver the rest of a request for minutes after it was given up, and
/// the phone would ring when the reservation no longer prevents a second call.
pub(crate) struct Socket {
    stream: TokioIo<TcpStream>,
    completion: Completion,
}

impl Socket {
    fn new(stream: TokioIo<TcpStream>, completion: Completion) -> Self {
        // Set from the start, so that the kernel resets the connection of a killed process too.
        if let Err(error) = stream.inner().set_zero_linger() {
            tracing::warn!(%error, "could not set SO_LINGER; a request that is given up can still be delivered");
        }
        Self { stream, completion }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.completion.is_marked() {
            // If this fails, the connection is reset after its response, which harms nothing.
            let _ = SockRef::from(self.stream.inner()).set_linger(None::<Duration>);
        }
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl Write for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, buffers)
    }
}

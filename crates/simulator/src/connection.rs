//! One connection, which a handler can abort before a byte of the response is written.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The state of a connection, shared between its stream and the handlers of its requests.
pub(crate) struct Connection {
    abort: Cell<Option<Abort>>,
    busy: Cell<bool>,
    idle_connections: Rc<Cell<usize>>,
}

/// How a connection ends without a response.
#[derive(Clone, Copy)]
pub(crate) enum Abort {
    /// With a FIN.
    Close,
    /// With a RST.
    Reset,
}

impl Connection {
    /// A connection without a request. It counts as idle until it is busy or dropped.
    pub(crate) fn new(idle_connections: &Rc<Cell<usize>>) -> Connection {
        idle_connections.set(idle_connections.get() + 1);
        Connection {
            abort: Cell::new(None),
            busy: Cell::new(false),
            idle_connections: Rc::clone(idle_connections),
        }
    }

    /// Makes the next write end the connection: no further byte is sent.
    pub(crate) fn abort(&self, how: Abort) {
        self.abort.set(Some(how));
    }

    /// Whether a request has been read and its response is not finished.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.get()
    }

    pub(crate) fn set_busy(&self, busy: bool) {
        let was_busy = self.busy.replace(busy);
        self.idle_connections.set(self.idle_connections.get() + usize::from(was_busy) - usize::from(busy));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A dropped connection is not idle.
        self.set_busy(true);
    }
}

pub(crate) struct ConnectionStream {
    tcp: TcpStream,
    connection: Rc<Connection>,
}

impl ConnectionStream {
    pub(crate) fn new(tcp: TcpStream, connection: Rc<Connection>) -> ConnectionStream {
        ConnectionStream { tcp, connection }
    }

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Fails once the connection is aborted, which makes the HTTP server drop the socket.
    fn check(&self) -> Result<()> {
        match self.connection.abort.get() {
            None => Ok(()),
            Some(how) => {
                if matches!(how, Abort::Reset) {
                    self.tcp.set_zero_linger()?;
                }
                Err(Error::new(ErrorKind::ConnectionAborted, "a script aborted the connection"))
            }
        }
    }
}

impl AsyncRead for ConnectionStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ConnectionStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.check()?;
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

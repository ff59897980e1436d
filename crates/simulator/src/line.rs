//! One connection, which a handler can cut without a byte of an answer.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a handler knows of the connection that its request came over.
pub(crate) struct Line {
    cut: Cell<Option<Cut>>,
    busy: Cell<bool>,
    idle_lines: Rc<Cell<usize>>,
}

/// How a connection ends without an answer.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    /// FIN.
    Close,
    /// RST.
    Reset,
}

impl Line {
    /// A connection without a request, counted among the idle ones until it is busy or gone.
    pub(crate) fn new(idle_lines: &Rc<Cell<usize>>) -> Line {
        idle_lines.set(idle_lines.get() + 1);
        Line { cut: Cell::new(None), busy: Cell::new(false), idle_lines: Rc::clone(idle_lines) }
    }

    /// From now on nothing is written: the next attempt ends the connection.
    pub(crate) fn cut(&self, how: Cut) {
        self.cut.set(Some(how));
    }

    /// Whether a request has been read to which no answer was written.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.get()
    }

    pub(crate) fn set_busy(&self, busy: bool) {
        let was_busy = self.busy.replace(busy);
        self.idle_lines.set(self.idle_lines.get() + usize::from(was_busy) - usize::from(busy));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.set_busy(true);
    }
}

/// A connection's socket, which obeys its [`Line`].
pub(crate) struct LineStream {
    tcp: TcpStream,
    line: Rc<Line>,
}

impl LineStream {
    pub(crate) fn new(tcp: TcpStream, line: Rc<Line>) -> LineStream {
        LineStream { tcp, line }
    }

    pub(crate) fn line(&self) -> &Rc<Line> {
        &self.line
    }

    /// An error once the line is cut, which makes the HTTP server drop the socket.
    fn check(&self) -> Result<()> {
        match self.line.cut.get() {
            None => Ok(()),
            Some(how) => {
                if matches!(how, Cut::Reset) {
                    self.tcp.set_zero_linger()?;
                }
                Err(Error::new(ErrorKind::ConnectionAborted, "the line was cut"))
            }
        }
    }
}

impl AsyncRead for LineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for LineStream {
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

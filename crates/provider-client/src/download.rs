//! A response whose body is read in chunks.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, Response};
use tokio::time::{Instant, timeout_at};

use crate::connect::Stream;
use crate::failure::RequestFailure;
use crate::socket::Completion;

/// A response of any size: its status, and its body in chunks of at most some hundred KiB. The
/// provider's host is read no faster than the body.
///
/// Dropping it before the end of the body resets its connection.
pub struct Download {
    status: u16,
    has_end: bool,
    body: Incoming,
    /// Does the I/O, so it is polled together with the body. `None` once it has ended.
    connection: Option<Connection>,
    completion: Completion,
    chunk_within: Duration,
    ends_at: Instant,
}

/// How long the parts of a download may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadTimes {
    /// Each request, up to the head of its response.
    pub head_within: Duration,
    /// Each chunk, from the time at which the reader asks for it.
    pub chunk_within: Duration,
    /// The whole body.
    pub body_within: Duration,
}

type Connection = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

impl Download {
    pub(crate) async fn start(
        stream: Box<dyn Stream>,
        request: Request<String>,
        completion: Completion,
        times: DownloadTimes,
    ) -> Result<Self, RequestFailure> {
        let failed = |error: hyper::Error| RequestFailure::connection_failed(&error);
        let (mut sender, connection) = http1::handshake(stream).await.map_err(failed)?;
        let mut connection: Connection = Box::pin(connection);
        let mut response = Box::pin(sender.send_request(request));
        let mut ended = None;
        let response = poll_fn(|context| {
            if ended.is_none()
                && let Poll::Ready(result) = connection.as_mut().poll(context)
            {
                ended = Some(result);
            }
            response.as_mut().poll(context)
        });
        let response = response.await.map_err(failed)?;
        let connection = ended.is_none().then_some(connection);
        Ok(Self {
            status: response.status().as_u16(),
            has_end: has_end(&response),
            body: response.into_body(),
            connection,
            completion,
            chunk_within: times.chunk_within,
            ends_at: Instant::now() + times.body_within,
        })
    }

    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Whether the response shows where its body ends. Otherwise a body that was cut looks like a
    /// whole one.
    #[must_use]
    pub const fn has_end(&self) -> bool {
        self.has_end
    }

    /// The next chunk of the body; `None` at its end.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, RequestFailure>> {
        let deadline = self.ends_at.min(Instant::now() + self.chunk_within);
        loop {
            let frame = timeout_at(deadline, poll_fn(|context| self.poll_frame(context)));
            let Ok(frame) = frame.await else { return Some(Err(RequestFailure::out_of_time())) };
            match frame {
                Some(Ok(frame)) => {
                    // A frame without data has trailers.
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data.into()));
                    }
                }
                Some(Err(error)) => return Some(Err(RequestFailure::connection_failed(&error))),
                None => {
                    self.completion.mark();
                    return None;
                }
            }
        }
    }

    /// Reads the rest of the body, if it has at most `max_bytes`.
    pub async fn read_to_end(&mut self, max_bytes: usize) -> Result<Vec<u8>, RequestFailure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next().await {
            let mut chunk = chunk?;
            if bytes.len() + chunk.len() > max_bytes {
                return Err(RequestFailure::ResponseTooLong);
            }
            bytes.append(&mut chunk);
        }
        Ok(bytes)
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<hyper::body::Bytes>, hyper::Error>>> {
        if let Some(connection) = &mut self.connection
            && connection.as_mut().poll(context).is_ready()
        {
            // What it has received is still in the body, and so is the error of a cut response.
            self.connection = None;
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}

fn has_end(response: &Response<Incoming>) -> bool {
    let encoding = response.headers().get(TRANSFER_ENCODING).map(HeaderValue::as_bytes);
    response.body().size_hint().exact().is_some() || encoding.is_some_and(|it| it.ends_with(b"chunked"))
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("status", &self.status).finish_non_exhaustive()
    }
}

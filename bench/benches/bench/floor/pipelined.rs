//! One connection that many requests share. What is requested while a write is under way goes out
//! together, so that many requests take one system call.

use std::collections::VecDeque;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

/// The length of the complete reply at the start of a buffer, if there is one.
pub(super) type ReplyLength = fn(&[u8]) -> Option<usize>;

#[derive(Clone)]
pub(super) struct Pipelined(mpsc::UnboundedSender<Request>);

struct Request {
    bytes: Vec<u8>,
    pending: Pending,
}

struct Pending {
    /// How many replies belong to the request.
    replies: usize,
    sender: oneshot::Sender<Vec<u8>>,
}

impl Pipelined {
    pub(super) async fn connect(address: SocketAddr, reply_length: ReplyLength) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (from_server, to_server) = stream.into_split();
        let (requests, received) = mpsc::unbounded_channel();
        let (pending, expected) = mpsc::unbounded_channel();
        tokio::spawn(write(received, pending, to_server));
        tokio::spawn(read(expected, from_server, reply_length));
        Ok(Self(requests))
    }

    /// The bytes of this many replies.
    pub(super) async fn request(&self, bytes: Vec<u8>, replies: usize) -> Result<Vec<u8>> {
        let (sender, reply) = oneshot::channel();
        let request = Request { bytes, pending: Pending { replies, sender } };
        self.0.send(request).ok().context("the connection has ended")?;
        reply.await.context("the connection has ended")
    }
}

async fn write(
    mut requests: mpsc::UnboundedReceiver<Request>,
    pending: mpsc::UnboundedSender<Pending>,
    mut server: OwnedWriteHalf,
) -> Result<()> {
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    while requests.recv_many(&mut batch, 256).await > 0 {
        bytes.clear();
        for request in batch.drain(..) {
            bytes.extend_from_slice(&request.bytes);
            pending.send(request.pending).ok().context("the reader has ended")?;
        }
        server.write_all(&bytes).await?;
    }
    Ok(())
}

async fn read(
    mut expected: mpsc::UnboundedReceiver<Pending>,
    mut server: OwnedReadHalf,
    reply_length: ReplyLength,
) -> Result<()> {
    let mut pending: VecDeque<Pending> = VecDeque::new();
    let mut buffer = Vec::with_capacity(64 << 10);
    loop {
        let mut taken = 0;
        while let Some(length) = first_replies(&mut pending, &mut expected, &buffer[taken..], reply_length) {
            if let Some(first) = pending.pop_front() {
                // The request may have been given up.
                let _ = first.sender.send(buffer[taken..taken + length].to_vec());
            }
            taken += length;
        }
        buffer.drain(..taken);
        if server.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// The length of all replies to the oldest request, once they are complete.
fn first_replies(
    pending: &mut VecDeque<Pending>,
    expected: &mut mpsc::UnboundedReceiver<Pending>,
    buffer: &[u8],
    reply_length: ReplyLength,
) -> Option<usize> {
    if buffer.is_empty() {
        return None;
    }
    while let Ok(next) = expected.try_recv() {
        pending.push_back(next);
    }
    let mut length = 0;
    for _ in 0..pending.front()?.replies {
        length += reply_length(&buffer[length..])?;
    }
    Some(length)
}

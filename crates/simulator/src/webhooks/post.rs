//! A minimal HTTP/1.1 client for webhooks on the loopback interface: one POST per connection.

use std::convert::Infallible;
use std::future::pending;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::timeout;

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
const CHUNK_BYTES: usize = 16 << 10;
const MAX_STATUS_LINE_BYTES: u64 = 1024;

pub(crate) struct Post<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'a str,
    pub(crate) signature: &'a str,
    pub(crate) body: &'a [u8],
    /// Send the body in chunks, without a length.
    pub(crate) chunked: bool,
}

impl Post<'_> {
    /// Sends the request, and returns the status of the response.
    pub(crate) async fn send(&self) -> Result<u16> {
        let exchange = async {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (read, write) = stream.into_split();
            let mut line = String::new();
            let mut reader = BufReader::new(read.take(MAX_STATUS_LINE_BYTES));
            // A receiver may respond before it has read everything, and may then stop reading.
            tokio::select! {
                read = reader.read_line(&mut line) => read?,
                never = self.write_and_wait(write) => match never {},
            };
            let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
            status.ok_or_else(|| Error::new(ErrorKind::InvalidData, "the response is not HTTP/1.1"))
        };
        timeout(RESPONSE_TIMEOUT, exchange).await?
    }

    /// Keeps the connection open after everything is written. If writing fails, the read fails too.
    async fn write_and_wait(&self, mut write: OwnedWriteHalf) -> Infallible {
        if let Err(error) = self.write(&mut write).await {
            tracing::debug!(%error, "cannot write a webhook in full; waiting for the response anyway");
        }
        pending().await
    }

    async fn write(&self, write: &mut OwnedWriteHalf) -> Result<()> {
        let length = match self.chunked {
            true => "transfer-encoding: chunked".to_owned(),
            false => format!("content-length: {}", self.body.len()),
        };
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nelevenlabs-signature: {}\r\n\
             {length}\r\nconnection: close\r\n\r\n",
            self.path, self.address, self.signature
        );
        write.write_all(head.as_bytes()).await?;
        if !self.chunked {
            return write.write_all(self.body).await;
        }
        for chunk in self.body.chunks(CHUNK_BYTES) {
            write.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
            write.write_all(chunk).await?;
            write.write_all(b"\r\n").await?;
        }
        write.write_all(b"0\r\n\r\n").await
    }
}

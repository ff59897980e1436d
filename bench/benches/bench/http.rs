//! HTTP/1.1 over TCP with as little work as possible, for the load, the provider and the floors: whole
//! messages with a `Content-Length`, one after the other.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The length of the message that the caller has, at the start of `buffer`.
    taken: usize,
}

pub(crate) struct Message<'a> {
    /// The first line and the headers.
    pub(crate) head: &'a str,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        Self::accepted(TcpStream::connect(address).await?)
    }

    pub(crate) fn accepted(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096), taken: 0 })
    }

    pub(crate) async fn write(&mut self, message: &[u8]) -> Result<()> {
        self.stream.write_all(message).await
    }

    /// The next message, or `None` at the end of the connection.
    pub(crate) async fn read(&mut self) -> Result<Option<Message<'_>>> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let (head, end) = loop {
            if let Some(found) = lengths(&self.buffer)?
                && self.buffer.len() >= found.1
            {
                break found;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        };
        self.taken = end;
        let text = str::from_utf8(&self.buffer[..head]).map_err(Error::other)?;
        Ok(Some(Message { head: text, body: &self.buffer[head..end] }))
    }

    /// Sends a request and returns the response.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Message<'_>> {
        self.write(request).await?;
        self.read().await?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }
}

impl<'a> Message<'a> {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        header(self.head, name)
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.head.starts_with("HTTP/1.1 200")
    }
}

/// The lengths of the head and of the whole message at the start of the buffer.
fn lengths(buffer: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = str::from_utf8(&buffer[..end]).map_err(Error::other)?;
    let body = match header(head, "content-length") {
        Some(length) => length.parse().map_err(Error::other)?,
        None if header(head, "transfer-encoding").is_some() => {
            return Err(Error::other("chunks are not supported"));
        }
        None => 0,
    };
    Ok(Some((end + 4, end + 4 + body)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// A whole response with a JSON body.
pub(crate) fn response(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A whole request with a JSON body.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

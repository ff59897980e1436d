//! A small HTTP client for broken adapters. It has every fault that a client library can have, if it
//! is asked for it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MAX_BODY: usize = 64 << 10;

/// A complete response.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Connection,
    TooLong,
}

/// The host and port in `http://HOST:PORT`. `None` for any other URL.
pub(crate) fn authority(base_url: &str) -> Option<String> {
    let authority = base_url.strip_prefix("http://")?.trim_end_matches('/');
    let is_plain = authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:".contains(&byte));
    is_plain.then(|| authority.to_owned())
}

pub(crate) async fn connect(authority: &str, time_limit: Duration) -> Option<TcpStream> {
    tokio::time::timeout(time_limit, TcpStream::connect(authority)).await.ok()?.ok()
}

pub(crate) fn request(method: &str, target: &str, key: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nhost: provider\r\nkey: {key}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// Sends a request, and reads its response to the end.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &str) -> Result<Response, Lost> {
    stream.write_all(request.as_bytes()).await.map_err(|_| Lost::Connection)?;
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break end;
        }
        read_some(stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or(Lost::Connection)?;
    let length: usize = field("content-length:").and_then(|length| length.parse().ok()).unwrap_or(0);
    if length > MAX_BODY {
        return Err(Lost::TooLong);
    }
    while bytes.len() < end + 4 + length {
        read_some(stream, &mut bytes).await?;
    }
    let location = field("location:").map(str::to_owned);
    let retry_after = field("retry-after:").and_then(|secs| secs.parse().ok()).map(Duration::from_secs);
    Ok(Response { status, location, retry_after, body: bytes[end + 4..end + 4 + length].to_vec() })
}

async fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), Lost> {
    match stream.read_buf(bytes).await {
        Ok(0) | Err(_) => Err(Lost::Connection),
        Ok(_) => Ok(()),
    }
}

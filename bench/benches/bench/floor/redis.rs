//! The wire protocol of Redis, on one pipelined connection.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use super::pipelined::Pipelined;

pub(super) struct Redis(Pipelined);

impl Redis {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self(Pipelined::connect(address, reply_length).await?))
    }

    /// The replies to these commands, which take one round trip.
    pub(super) async fn run(&self, commands: &[&[&str]]) -> Result<Vec<u8>> {
        let mut request = Vec::with_capacity(256);
        for words in commands {
            request.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
            for word in *words {
                request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
            }
        }
        let replies = self.0.request(request, commands.len()).await?;
        ensure!(replies[0] != b'-', "Redis: {}", String::from_utf8_lossy(&replies));
        Ok(replies)
    }
}

/// All replies here are a line, or a line with a length and so many bytes.
fn reply_length(buffer: &[u8]) -> Option<usize> {
    let line = buffer.windows(2).position(|bytes| bytes == b"\r\n")? + 2;
    if buffer[0] != b'$' {
        return Some(line);
    }
    let length: i64 = str::from_utf8(&buffer[1..line - 2]).ok()?.parse().ok()?;
    let end = usize::try_from(length).map_or(line, |length| line + length + 2);
    (buffer.len() >= end).then_some(end)
}

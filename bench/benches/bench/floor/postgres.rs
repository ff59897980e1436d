//! The wire protocol of Postgres: prepared statements with text values, on a fixed number of
//! pipelined connections. Each statement is a transaction of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::{Context as _, Result, bail};

use super::pipelined::Pipelined;

/// The version 3.0 of the protocol.
const PROTOCOL: u32 = 196_608;

pub(super) struct Postgres {
    connections: Vec<Pipelined>,
    next: AtomicUsize,
}

/// What a statement did.
pub(super) struct Done {
    /// The values of its first row; none if it has no row.
    pub(super) row: Vec<String>,
    /// The command and the number of rows that it wrote or read, as `INSERT 0 1`.
    pub(super) tag: String,
}

impl Postgres {
    /// Opens the connections. The statements get the names "0", "1" and so on.
    pub(super) async fn connect(
        address: SocketAddr,
        database: &str,
        connections: usize,
        statements: &[&str],
    ) -> Result<Self> {
        let mut startup = PROTOCOL.to_be_bytes().to_vec();
        for text in ["user", "outdial", "database", database, ""] {
            startup.extend_from_slice(text.as_bytes());
            startup.push(0);
        }
        let length = u32::try_from(startup.len() + 4)?;
        let startup = [&length.to_be_bytes(), startup.as_slice()].concat();
        let mut prepare = Vec::new();
        for (name, statement) in statements.iter().enumerate() {
            let body = [name.to_string().as_bytes(), b"\0", statement.as_bytes(), b"\0\0\0"].concat();
            message(&mut prepare, b'P', &body);
        }
        message(&mut prepare, b'S', &[]);
        let mut opened = Vec::new();
        for _ in 0..connections {
            let connection = Pipelined::connect(address, reply_length).await?;
            done(&connection.request(startup.clone(), 1).await?).context("connecting to Postgres")?;
            done(&connection.request(prepare.clone(), 1).await?).context("preparing the statements")?;
            opened.push(connection);
        }
        Ok(Self { connections: opened, next: AtomicUsize::new(0) })
    }

    /// Executes a prepared statement with these values.
    pub(super) async fn execute(&self, statement: usize, values: &[&str]) -> Result<Done> {
        let mut bind = [b"\0", statement.to_string().as_bytes(), b"\0\0\0"].concat();
        bind.extend_from_slice(&u16::try_from(values.len())?.to_be_bytes());
        for value in values {
            bind.extend_from_slice(&u32::try_from(value.len())?.to_be_bytes());
            bind.extend_from_slice(value.as_bytes());
        }
        bind.extend_from_slice(&[0, 0]);
        let mut request = Vec::with_capacity(bind.len() + 32);
        message(&mut request, b'B', &bind);
        message(&mut request, b'E', b"\0\0\0\0\0");
        message(&mut request, b'S', &[]);
        let connection = self.next.fetch_add(1, Relaxed) % self.connections.len();
        done(&self.connections[connection].request(request, 1).await?)
    }
}

fn message(request: &mut Vec<u8>, kind: u8, body: &[u8]) {
    request.push(kind);
    let length = u32::try_from(body.len() + 4).expect("a statement is short");
    request.extend_from_slice(&length.to_be_bytes());
    request.extend_from_slice(body);
}

/// The kind, the body and what follows the message at the start of the reply.
fn split(reply: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = reply.split_first()?;
    let length = u32::from_be_bytes(rest.first_chunk().copied()?) as usize;
    let (message, rest) = rest.split_at_checked(length)?;
    Some((*kind, &message[4..], rest))
}

/// A reply ends with `ReadyForQuery`.
fn reply_length(buffer: &[u8]) -> Option<usize> {
    let mut rest = buffer;
    loop {
        let (kind, _, following) = split(rest)?;
        rest = following;
        if kind == b'Z' {
            return Some(buffer.len() - rest.len());
        }
    }
}

fn done(mut reply: &[u8]) -> Result<Done> {
    let mut done = Done { row: Vec::new(), tag: String::new() };
    while let Some((kind, body, rest)) = split(reply) {
        match kind {
            b'E' => bail!("Postgres: {}", String::from_utf8_lossy(body).replace('\0', " ")),
            b'D' if done.row.is_empty() => done.row = row(body).context("an unreadable row")?,
            b'C' => done.tag = String::from_utf8_lossy(body).trim_end_matches('\0').to_owned(),
            _ => {}
        }
        reply = rest;
    }
    Ok(done)
}

fn row(body: &[u8]) -> Option<Vec<String>> {
    let (count, mut rest) =
        body.split_first_chunk().map(|(count, rest)| (u16::from_be_bytes(*count), rest))?;
    let mut values = Vec::with_capacity(count.into());
    for _ in 0..count {
        let (length, following) = rest.split_first_chunk()?;
        // A null has the length -1.
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (value, following) = following.split_at_checked(length)?;
        values.push(String::from_utf8(value.to_vec()).ok()?);
        rest = following;
    }
    Some(values)
}

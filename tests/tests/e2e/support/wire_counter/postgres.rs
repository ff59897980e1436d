use super::reader::{Reader, Sent};

/// The first message that names a protocol version. A request for TLS may come before it, which the
/// server of the tests declines.
const PROTOCOL_3: [u8; 4] = 196_608_u32.to_be_bytes();

/// Reads the messages of a Postgres client: a type, the length of the rest, a body. The messages up
/// to and including the start-up message have no type.
#[derive(Default)]
pub(super) struct PostgresReader {
    unread: Vec<u8>,
    is_started: bool,
    /// A message came after the last one that the server responds to.
    is_open: bool,
}

impl Reader for PostgresReader {
    fn read(&mut self, bytes: &[u8]) -> Vec<Sent> {
        self.unread.extend_from_slice(bytes);
        let mut sent = Vec::new();
        while let Some(message) = self.next_message() {
            if !self.is_started {
                self.is_started = message.get(4..8) == Some(&PROTOCOL_3);
                continue;
            }
            match message[0] {
                b'S' if !self.is_open => sent.push(Sent::Ping),
                b'S' => sent.push(Sent::End),
                b'Q' => sent.extend([Sent::Request, Sent::End]),
                b'E' => sent.push(Sent::Request),
                b'P' => sent.push(Sent::Preparation),
                _ => {}
            }
            // A password is no part of an exchange either: it follows the start-up message.
            self.is_open = !matches!(message[0], b'S' | b'Q' | b'p');
        }
        sent
    }
}

impl PostgresReader {
    fn next_message(&mut self) -> Option<Vec<u8>> {
        let type_length = usize::from(self.is_started);
        let length: [u8; 4] = self.unread.get(type_length..type_length + 4)?.try_into().ok()?;
        let end = type_length + u32::from_be_bytes(length) as usize;
        (self.unread.len() >= end).then(|| self.unread.drain(..end).collect())
    }
}

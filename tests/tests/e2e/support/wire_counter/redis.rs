use super::reader::{Reader, Sent};

/// Reads the commands of a Redis client: an array of bulk strings each, `*2\r\n$4\r\nECHO\r\n...`.
#[derive(Default)]
pub(super) struct RedisReader {
    unread: Vec<u8>,
}

impl Reader for RedisReader {
    fn read(&mut self, bytes: &[u8]) -> Vec<Sent> {
        self.unread.extend_from_slice(bytes);
        let mut sent = Vec::new();
        while let Some(length) = command_length(&self.unread) {
            self.unread.drain(..length);
            sent.extend([Sent::Request, Sent::End]);
        }
        sent
    }
}

/// The length of the first command, or `None` if it is not complete.
fn command_length(bytes: &[u8]) -> Option<usize> {
    let (words, mut end) = header(bytes, b'*')?;
    for _ in 0..words {
        let (length, header_length) = header(&bytes[end..], b'$')?;
        end += header_length + length + 2;
        if bytes.len() < end {
            return None;
        }
    }
    Some(end)
}

/// The number in a line with this mark, and the length of the line.
fn header(bytes: &[u8], mark: u8) -> Option<(usize, usize)> {
    let line_end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (first, number) = bytes[..line_end].split_first().expect("the line has a mark");
    assert_eq!(*first, mark, "the client does not send an array of bulk strings");
    let number = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    Some((number.expect("the mark is followed by a length"), line_end + 2))
}

/// What a client sent, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// A statement or a command to execute.
    Request,
    /// A statement to prepare.
    Preparation,
    /// The end of what the server responds to: the client may now wait.
    End,
    /// The same, with nothing to respond to.
    Ping,
}

/// Reads what the client of one connection sends.
pub(super) trait Reader: Default + Send + 'static {
    /// Reads the next bytes. They may begin and end within a message, which counts when its last
    /// byte is read.
    fn read(&mut self, bytes: &[u8]) -> Vec<Sent>;
}

/// Reads nothing, for a server of which only the connections count.
#[derive(Default)]
pub(super) struct NoReader;

impl Reader for NoReader {
    fn read(&mut self, _: &[u8]) -> Vec<Sent> {
        Vec::new()
    }
}

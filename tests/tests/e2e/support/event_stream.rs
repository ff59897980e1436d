use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde_json::Value;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(15);

/// A stream of server-sent events.
pub(crate) struct EventStream {
    chunks: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    unparsed: String,
    events: VecDeque<StreamedEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamedEvent {
    pub id: String,
    pub name: String,
    pub data: String,
}

impl StreamedEvent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("the event is not JSON: {}", self.data))
    }
}

impl EventStream {
    pub(super) fn new(response: reqwest::Response) -> Self {
        let chunks = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        Self { chunks, unparsed: String::new(), events: VecDeque::new() }
    }

    /// The next event. Panics if none arrives within 15 s.
    pub(crate) async fn next(&mut self) -> StreamedEvent {
        let next = timeout(LIMIT, self.read_event()).await;
        next.expect("an event arrives within the limit").expect("the stream does not end")
    }

    /// Whether the stream ends within 15 s. Skips the events before its end.
    pub(crate) async fn ends(mut self) -> bool {
        let end = async { while self.read_event().await.is_some() {} };
        timeout(LIMIT, end).await.is_ok()
    }

    /// Whether no event arrives for this long.
    pub(crate) async fn is_silent_for(&mut self, time: Duration) -> bool {
        timeout(time, self.read_event()).await.is_err()
    }

    async fn read_event(&mut self) -> Option<StreamedEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let chunk = self.chunks.next().await?.ok()?;
            self.unparsed.push_str(&String::from_utf8(chunk).expect("the stream is ASCII"));
            while let Some((block, rest)) = self.unparsed.split_once("\n\n") {
                self.events.extend(parse_event(block));
                self.unparsed = rest.to_owned();
            }
        }
    }
}

/// `None` for a comment.
fn parse_event(block: &str) -> Option<StreamedEvent> {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(field, _)| *field == name).map(|(_, value)| value.to_owned()).next_back()
    };
    Some(StreamedEvent { id: field("id")?, name: field("event")?, data: field("data")? })
}

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde_json::Value;

/// A stream of server-sent events.
pub(crate) struct EventStream {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: String,
    events: VecDeque<StreamedEvent>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamedEvent {
    pub id: String,
    pub name: String,
    pub data: String,
}

impl StreamedEvent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("JSON: {}", self.data))
    }
}

impl EventStream {
    pub(super) fn new(response: reqwest::Response) -> Self {
        let bytes = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        Self { bytes, text: String::new(), events: VecDeque::new() }
    }

    /// The next event, within a quarter of a minute.
    pub(crate) async fn next(&mut self) -> StreamedEvent {
        let next = tokio::time::timeout(Duration::from_secs(15), self.read_event()).await;
        next.expect("an event in time").expect("the stream goes on")
    }

    /// Whether the stream ends within a quarter of a minute, whatever comes before that.
    pub(crate) async fn ends(mut self) -> bool {
        let ended = async { while self.read_event().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(15), ended).await.is_ok()
    }

    /// Whether nothing comes for this long.
    pub(crate) async fn is_silent_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.read_event()).await.is_err()
    }

    async fn read_event(&mut self) -> Option<StreamedEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let chunk = self.bytes.next().await?.ok()?;
            self.text.push_str(&String::from_utf8(chunk).expect("ASCII"));
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                self.events.extend(parsed(block));
                self.text = rest.to_owned();
            }
        }
    }
}

/// An event; nothing for a comment.
fn parsed(block: &str) -> Option<StreamedEvent> {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(field, _)| *field == name).map(|(_, value)| value.to_owned()).next_back()
    };
    Some(StreamedEvent { id: field("id")?, name: field("event")?, data: field("data")? })
}

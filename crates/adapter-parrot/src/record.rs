use domain::{
    CallStatus, CallUpdate, ConversationId, ConversationRecord, PrivateNote, Speaker, TranscriptLine,
    UpdateContent,
};
use serde_json::Value;

use crate::words;

/// Parrot's record of a call: `{"call", "reference"?, "state", "cause"?, "secs"?, "lines"?}`.
pub(crate) struct Record {
    pub(crate) call: ConversationId,
    /// Our call id.
    pub(crate) reference: Option<String>,
    state: String,
    cause: Option<String>,
    secs: Option<u32>,
    transcript: Transcript,
}

/// What was said, in the vendor's order.
#[derive(Clone, Default)]
pub(crate) struct Transcript {
    pub(crate) lines: Vec<TranscriptLine>,
    /// Whether a line was left out or cut, so that clients see it.
    pub(crate) is_cut: bool,
}

impl Record {
    /// `None` if it is not a record of Parrot: each has an id and a state.
    pub(crate) fn parse(json: &Value) -> Option<Self> {
        let text = |field: &str| json.as_object()?.get(field)?.as_str().map(str::to_owned);
        Some(Self {
            call: ConversationId::parse(&text("call")?).ok()?,
            reference: text("reference"),
            state: text("state")?,
            cause: text("cause"),
            secs: secs(&json["secs"]),
            transcript: transcript(&json["lines"]),
        })
    }

    pub(crate) fn update(&self) -> CallUpdate {
        let cause = self.cause.as_deref();
        let status = words::status(&self.state, cause);
        CallUpdate {
            conversation_id: Some(self.call.clone()),
            carrier_call_id: None,
            content: UpdateContent::Conversation(ConversationRecord {
                duration_secs: self.secs.filter(|_| status == CallStatus::Completed),
                transcript: self.transcript.lines.clone(),
                is_truncated: self.transcript.is_cut,
                end_reason: cause.filter(|_| status.is_final()).map(words::end_reason),
                cause: words::cause(cause),
                // Parrot has no more. What is absent here stays absent in the ledger.
                ..ConversationRecord::new(status)
            }),
        }
    }
}

/// A line that cannot be read is left out, and a long one is cut.
pub(crate) fn transcript(lines: &Value) -> Transcript {
    let mut transcript = Transcript::default();
    for line in lines.as_array().into_iter().flatten() {
        let (text, is_cut) = PrivateNote::shortened(line["text"].as_str().unwrap_or_default());
        let speaker = match line["who"].as_str() {
            Some("agent") => Some(Speaker::Agent),
            Some("callee") => Some(Speaker::Callee),
            _ => None,
        };
        transcript.is_cut |= is_cut || speaker.is_none();
        if let (Some(speaker), Some(text)) = (speaker, text) {
            // Older agents of Parrot send no times. The order of the lines is all that is known then.
            let at_secs = secs(&line["at"]).unwrap_or(0);
            transcript.lines.push(TranscriptLine { at_secs, speaker, text });
        }
    }
    transcript
}

pub(crate) fn secs(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}

#[cfg(test)]
mod tests;

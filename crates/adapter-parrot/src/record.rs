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
    lines: Vec<TranscriptLine>,
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
            lines: transcript(&json["lines"]),
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
                transcript: self.lines.clone(),
                end_reason: cause.filter(|_| status.is_final()).map(words::end_reason),
                cause: words::cause(cause),
                // Parrot has no more. What is absent here stays absent in the ledger.
                ..ConversationRecord::new(status)
            }),
        }
    }
}

/// Lines in the vendor's order. One that cannot be read is left out.
pub(crate) fn transcript(lines: &Value) -> Vec<TranscriptLine> {
    let line = |line: &Value| {
        Some(TranscriptLine {
            // Older agents of Parrot send no times. The order of the lines is all that is known then.
            at_secs: secs(&line["at"]).unwrap_or(0),
            speaker: match line["who"].as_str()? {
                "agent" => Speaker::Agent,
                "callee" => Speaker::Callee,
                _ => return None,
            },
            text: PrivateNote::parse(line["text"].as_str()?).ok()?,
        })
    };
    lines.as_array().into_iter().flatten().filter_map(line).collect()
}

pub(crate) fn secs(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}

#[cfg(test)]
mod tests;

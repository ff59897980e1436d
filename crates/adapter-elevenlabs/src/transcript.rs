//! The transcript of a conversation.
//!
//! Its documented form is `[{"role", "message", "time_in_call_secs"}]`. Events in the field also have
//! `{"turns": [..]}`, and `speaker`, `text` or `content`.

use domain::{PrivateNote, TranscriptLine};

use crate::json::Object;
use crate::words;

/// What was said, in order.
pub(crate) struct Transcript {
    pub(crate) lines: Vec<TranscriptLine>,
    /// Whether a part of it was left out: turns above a bound, the end of a turn, or words without a
    /// speaker.
    pub(crate) is_cut: bool,
}

impl Transcript {
    /// Reads the transcript of a record.
    pub(crate) fn of(record: &Object<'_>) -> Self {
        let (own, inner) = (record.items(FIELD), record.object(FIELD).items("turns"));
        let turns = if own.is_empty() { inner } else { own };
        let is_text = record.text(FIELD).is_some_and(|text| !text.trim().is_empty());
        let mut transcript = Self { lines: Vec::new(), is_cut: turns.is_cut || is_text };
        for turn in turns.objects() {
            match turn {
                Some(turn) => transcript.add(&turn),
                None => transcript.is_cut = true,
            }
        }
        transcript
    }

    fn add(&mut self, turn: &Object<'_>) {
        let first = |names: &[&str]| names.iter().find_map(|name| turn.text(name));
        let text = first(&["message", "text", "content"]).unwrap_or_default();
        let (Some(text), is_cut) = PrivateNote::shortened(&text) else { return };
        let role = first(&["role", "speaker"]).unwrap_or_default();
        let Some(speaker) = words::speaker(&role) else {
            self.is_cut |= !words::is_no_speaker(&role);
            return;
        };
        let at_secs = turn.integer("time_in_call_secs").unwrap_or(0).clamp(0, u32::MAX.into());
        self.is_cut |= is_cut;
        self.lines.push(TranscriptLine {
            at_secs: u32::try_from(at_secs).unwrap_or(u32::MAX),
            speaker,
            text,
        });
    }
}

const FIELD: &str = "transcript";

#[cfg(test)]
mod tests;

use std::time::Duration;

use domain::{AudioFormat, CallRecord, Recording, Speaker, TranscriptLine};
use event_json::schema::always_true;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::CallTurn;

/// A recording and its transcript. It has `audioData` or `audioUrl`.
// Without `Debug`: it is personal data, and the link a credential.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CallsRecordingResponse,
    example = json!({
        "success": true,
        "audioUrl": "https://recordings.example.com/64f0a1b2c3d4e5f6a7b8d111.mp3?X-Amz-Signature=0123",
        "expiresIn": 600,
        "duration": 146,
        "recordingId": "64f0a1b2c3d4e5f6a7b8d111.mp3",
        "transcriptionText": "Agent: Hello Ada, it is about your quote.\nUser: I take it.",
        "transcriptionData": [
            { "role": "agent", "message": "Hello Ada, it is about your quote.", "timestamp": 0 },
            { "role": "user", "message": "I take it.", "timestamp": 4 }
        ],
        "direction": "outbound",
        "from": "+14165550100",
        "to": "+14165550110"
    })
)]
pub(crate) struct RecordingResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    /// The audio itself, as a data URI: `data:audio/mpeg;base64,...`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    audio_data: Option<String>,
    /// A link to the audio. Anyone who has it can fetch the audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    audio_url: Option<String>,
    /// How long the link is valid, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    expires_in: Option<u64>,
    /// How long the callee and the agent talked, as the provider reports it, in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u32, required = false)]
    duration: Option<u32>,
    /// The recording's ID.
    recording_id: String,
    /// The transcript with one line for each turn; null if it is unknown.
    #[schema(required = true)]
    transcription_text: Option<String>,
    /// The transcript, in order.
    transcription_data: Vec<CallTurn>,
    /// Always `outbound`.
    direction: &'static str,
    /// The caller number, E.164.
    from: String,
    /// The number that was dialled, E.164.
    to: String,
}

/// The text of a response around its audio, which is sent as base64.
// Without `Debug`: it has the transcript.
pub(crate) struct RecordingFrame {
    pub(crate) before_audio: String,
    pub(crate) after_audio: String,
}

impl RecordingResponse {
    /// A response without its audio.
    pub(crate) fn new(call: &CallRecord, recording: &Recording) -> Self {
        let conversation = call.progress.conversation.as_ref();
        let turns = conversation.map_or(&[][..], |conversation| &conversation.transcript);
        Self {
            success: true,
            audio_data: None,
            audio_url: None,
            expires_in: None,
            duration: conversation.and_then(|it| it.duration_secs),
            recording_id: recording.key.to_string(),
            transcription_text: (!turns.is_empty()).then(|| text(turns)),
            transcription_data: turns.iter().map(CallTurn::from).collect(),
            direction: "outbound",
            from: call.identity.from.as_e164().to_owned(),
            to: call.identity.to.as_e164().to_owned(),
        }
    }

    pub(crate) fn with_link(self, url: String, valid_for: Duration) -> Self {
        Self { audio_url: Some(url), expires_in: Some(valid_for.as_secs()), ..self }
    }

    /// The response as JSON, with a place for the audio in `audioData`.
    pub(crate) fn around_audio(&self, format: AudioFormat) -> RecordingFrame {
        let without_audio = serde_json::to_string(self).expect("texts and numbers are always JSON");
        let other_fields = without_audio.trim_start_matches('{');
        RecordingFrame {
            before_audio: format!("{{\"audioData\":\"data:{};base64,", format.media_type()),
            after_audio: format!("\",{other_fields}"),
        }
    }
}

fn text(turns: &[TranscriptLine]) -> String {
    let line = |turn: &TranscriptLine| {
        let speaker = match turn.speaker {
            Speaker::Agent => "Agent",
            Speaker::Callee => "User",
        };
        format!("{speaker}: {}", turn.text.as_str())
    };
    turns.iter().map(line).collect::<Vec<_>>().join("\n")
}

use domain::{CallStatus, PersonName};

use super::*;

fn note(text: &str) -> PrivateNote {
    PrivateNote::parse(text).expect("plain text")
}

fn conversation() -> ConversationRecord {
    let line = |speaker, text| TranscriptLine { at_secs: 3, speaker, text: note(text) };
    ConversationRecord {
        duration_secs: Some(u32::MAX),
        transcript: vec![line(Speaker::Agent, "\"Hello\"\n\\"), line(Speaker::Callee, "日本")],
        started_at: Some(Timestamp::from_unix_millis(-1)),
        summary: Some(note("")),
        cost_credits: Some(i64::MIN),
        has_recording: true,
        ..ConversationRecord::new(CallStatus::Completed)
    }
}

#[test]
fn every_field_is_read_back_from_either_form() {
    for form in [ConversationForm::Postgres, ConversationForm::Sqlite] {
        for has_recording in [false, true] {
            let content = ConversationRecord { has_recording, ..conversation() };
            assert_eq!(read(&form.write(&content)), Ok(content));
        }
        let ended_at = Some(Timestamp::from_unix_millis(1_772_442_755_120));
        let cause = ProviderCause {
            code: Some(ProviderCode::from_untrusted("client_disconnected")),
            carrier_status: CarrierStatus::from_number(486),
        };
        let end_reason = Some(EndReason::Voicemail);
        let is_truncated = true;
        let analysis = Analysis {
            goal: Some(GoalResult::Success),
            criteria: vec![CriterionResult { id: note("a"), result: GoalResult::Failure, rationale: None }],
            collected: vec![CollectedValue {
                id: note("b"),
                json: Some(note("[\"c\"]")),
                rationale: Some(note("d")),
            }],
        };
        let agent_name = Some(PersonName::parse("Ada").expect("a name"));
        let rest = ConversationRecord { analysis, agent_name, ..conversation() };
        let content = ConversationRecord { ended_at, end_reason, cause, is_truncated, ..rest };
        assert_eq!(read(&form.write(&content)), Ok(content));
    }
}

/// Earlier releases can read what this one writes: they treat a missing `end_reason` as absent.
#[test]
fn each_store_writes_the_form_of_its_first_release() {
    let rest = r#""summary":"","cost_credits":-9223372036854775808,"has_recording":true}"#;
    let transcript = r#""transcript":[{"at_secs":3,"speaker":"agent","text":"\"Hello\"\n\\"},{"at_secs":3,"speaker":"callee","text":"日本"}]"#;
    let postgres = format!(
        r#"{{"version":"1","status":"completed","duration_secs":4294967295,{transcript},"started_at":-1,"answered_at":null,{rest}"#
    );
    let sqlite = format!(
        r#"{{"version":1,"status":"completed","duration_secs":4294967295,{transcript},"started_at_millis":-1,"answered_at_millis":null,{rest}"#
    );
    assert_eq!(ConversationForm::Postgres.write(&conversation()), postgres);
    assert_eq!(ConversationForm::Sqlite.write(&conversation()), sqlite);
}

/// Databases hold this text: it must stay readable, so do not change it.
#[test]
fn the_first_form_of_postgres_is_read() {
    let json = r#"{"version": "1", "status": "in-progress", "duration_secs": null, "started_at": 1, "answered_at": null,
                   "end_reason": null, "summary": "a", "cost_credits": 2,
                   "transcript": [{"at_secs": 3, "speaker": "callee", "text": "yes"}]}"#;
    let read = read(json).expect("it is the first form");
    assert_eq!((read.status, read.cost_credits), (CallStatus::InProgress, Some(2)));
    assert_eq!((read.started_at, read.answered_at), (Some(Timestamp::from_unix_millis(1)), None));
    assert_eq!(read.transcript[0].speaker, Speaker::Callee);
    assert_eq!(read.transcript[0].text.as_str(), "yes");
}

/// Files hold this text: it must stay readable, so do not change it.
#[test]
fn the_first_form_of_sqlite_is_read() {
    let json = r#"{"version":1,"status":"completed","duration_secs":42,
        "transcript":[{"at_secs":3,"speaker":"callee","text":"yes"}],"started_at_millis":1000,
        "answered_at_millis":null,"end_reason":"done","summary":null,"cost_credits":-5}"#;
    let expected = ConversationRecord {
        duration_secs: Some(42),
        transcript: vec![TranscriptLine { at_secs: 3, speaker: Speaker::Callee, text: note("yes") }],
        started_at: Some(Timestamp::from_unix_millis(1000)),
        cost_credits: Some(-5),
        ..ConversationRecord::new(CallStatus::Completed)
    };
    assert_eq!(read(json), Ok(expected));
}

#[test]
fn a_form_that_cannot_be_read_is_named_by_its_column_and_not_quoted() {
    let newer = r#"{"version": "2", "said": "about the tumour"}"#;
    let newer_number = r#"{"version":2,"status":"completed","transcript":[]}"#;
    let unknown_status = r#"{"version":1,"status":"private","transcript":[]}"#;
    for stored in [newer, newer_number, unknown_status, "private", "{}"] {
        let error = read(stored).expect_err("this program does not know the form").to_string();
        assert_eq!(error, "calls.conversation holds a value that cannot be read");
    }
}

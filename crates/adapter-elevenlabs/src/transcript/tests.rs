use domain::Speaker;
use serde_json::{Value, json};

use super::*;
use crate::json::MAX_ITEMS;

fn read(transcript: Value) -> Transcript {
    let record = json!({ "transcript": transcript }).to_string();
    Transcript::of(&Object::parse(record.as_bytes()).expect("an object"))
}

fn texts(transcript: &Transcript) -> Vec<&str> {
    transcript.lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn what_exceeds_a_bound_is_cut_and_marked() {
    let turn = |text: &str| json!({ "role": "agent", "message": text });
    let longest = "a".repeat(PrivateNote::MAX_LEN);
    let whole = read(json!(vec![turn(&longest); 3]));
    assert_eq!((whole.lines.len(), whole.is_cut), (3, false));
    let long = read(json!([turn("first"), turn(&format!("{longest}b"))]));
    assert_eq!((texts(&long), long.is_cut), (vec!["first", longest.as_str()], true));
    let most = read(json!(vec![turn("x"); MAX_ITEMS]));
    assert_eq!((most.lines.len(), most.is_cut), (MAX_ITEMS, false));
    let many = read(json!(vec![turn("x"); MAX_ITEMS + 1]));
    assert_eq!((many.lines.len(), many.is_cut), (MAX_ITEMS, true));
}

#[test]
fn a_turn_without_a_speaker_is_left_out_and_marked() {
    let turn = |role: Value, text: Value| json!([{ "role": role, "message": text }]);
    for (transcript, is_cut) in [
        (turn(json!("narrator"), json!("Once.")), true),
        (turn(json!(null), json!("Once.")), true),
        (json!(["no turn"]), true),
        (json!("agent: Hello. user: Yes?"), true),
        // Nothing was said.
        (turn(json!("system"), json!("transferred")), false),
        (turn(json!("narrator"), json!(" \n")), false),
        (turn(json!("agent"), json!(null)), false),
        (json!([]), false),
        (json!(null), false),
        (json!(""), false),
    ] {
        let read = read(transcript.clone());
        assert_eq!((read.lines.len(), read.is_cut), (0, is_cut), "{transcript}");
    }
}

/// Forms that events in the field have.
#[test]
fn other_forms_of_a_turn_are_read() {
    for transcript in [
        json!({ "turns": [{ "role": "agent", "content": "x" }] }),
        json!([{ "speaker": "assistant", "text": "x" }]),
        json!([{ "role": "Agent", "message": "x", "text": "y" }]),
    ] {
        let read = read(transcript.clone());
        assert_eq!((texts(&read), read.is_cut), (vec!["x"], false), "{transcript}");
        assert_eq!(read.lines[0].speaker, Speaker::Agent, "{transcript}");
    }
}

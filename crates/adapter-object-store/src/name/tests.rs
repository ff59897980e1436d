use domain::{AudioFormat, CallId};
use proptest::prelude::*;

use super::*;

fn decode(name: &str) -> Vec<u8> {
    let mut bytes = name.bytes();
    let mut text = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).expect("hex");
        text.push(if byte == b'_' {
            u8::try_from(digit() * 16 + digit()).expect("two digits")
        } else {
            byte
        });
    }
    text
}

#[test]
fn the_name_of_a_usual_recording_is_its_key() {
    let key = RecordingKey::of(&CallId::mint(7, [9; 8]), AudioFormat::Mp3);
    let prefix = Path::parse("calls/recorded").expect("a path");
    assert_eq!(path_of(&Path::ROOT, &key).as_ref(), key.as_str());
    assert_eq!(path_of(&prefix, &key).as_ref(), format!("calls/recorded/{}", key.as_str()));
}

#[test]
fn text_that_is_not_a_plain_name_is_escaped() {
    for (text, name) in [
        ("../../etc/passwd", "_2e._2f.._2fetc_2fpasswd"),
        ("..", "_2e."),
        (".", "_2e"),
        ("a/b", "a_2fb"),
        ("a_2fb", "a_5f2fb"),
        ("A#1", "_41_231"),
        ("é%", "_c3_a9_25"),
    ] {
        assert_eq!(encode(text), name);
    }
}

#[test]
fn a_name_that_grows_too_long_is_a_digest() {
    let (one, other) = (format!("{}.mp3", "é".repeat(64)), format!("{}.wav", "é".repeat(64)));
    assert_eq!(encode(&one).len(), 66);
    assert_ne!(encode(&one), encode(&other));
    assert!(encode("").starts_with("_h"));
    assert_eq!(encode(&"a".repeat(200)), "a".repeat(200));
}

proptest! {
    #[test]
    fn a_name_is_one_plain_word(text in ".{0,300}") {
        let name = encode(&text);
        prop_assert!((1..=MAX_LEN).contains(&name.len()));
        prop_assert!(!name.starts_with('.'));
        let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
        prop_assert!(name.bytes().all(plain));
        let part = PathPart::from(name.as_str());
        prop_assert_eq!(part.as_ref(), name.as_str(), "the store must not encode the name again");
    }

    #[test]
    fn no_two_texts_have_one_name(text in ".{1,60}") {
        let name = encode(&text);
        prop_assume!(!name.starts_with(DIGEST_PREFIX));
        prop_assert_eq!(decode(&name), text.as_bytes());
    }
}

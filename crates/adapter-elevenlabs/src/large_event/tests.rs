use proptest::prelude::*;

use super::*;

/// The copy of a text that arrives in parts of this size.
fn shortened(text: &str, part_len: usize) -> Option<String> {
    let mut shortened = Shortened::default();
    text.as_bytes().chunks(part_len).for_each(|part| shortened.receive(part));
    shortened.finish().map(|copy| String::from_utf8(copy).expect("text"))
}

#[test]
fn only_the_recording_is_left_out_wherever_it_is() {
    let quotes = r#"{"a":"\"full_audio\":\"kept\"","full_audio":"SUQz\/\"\\","b":"\\"}"#;
    for (text, expected) in [
        (r#"{"type":"x","full_audio":"SUQz"}"#, Some(r#"{"type":"x","full_audio":""}"#)),
        (r#"{"full_audio":"SUQz","type":"x"}"#, Some(r#"{"full_audio":"","type":"x"}"#)),
        (
            "{ \"full_audio\" :\r\n\t\"SUQz\" , \"b\": [1] }",
            Some("{ \"full_audio\" :\r\n\t\"\" , \"b\": [1] }"),
        ),
        (r#"{"data":{"full_audio":"SUQz","id":"ü"}}"#, Some(r#"{"data":{"full_audio":"","id":"ü"}}"#)),
        (quotes, Some(r#"{"a":"\"full_audio\":\"kept\"","full_audio":"","b":"\\"}"#)),
        (r#"{"type":"full_audio","id":"x"}"#, None),
        (r#"{"full_audio":null,"id":"x"}"#, None),
        (r#"{"full_audio":["kept"]}"#, None),
        (r#"["full_audio","kept"]"#, None),
        (r#"{"not_full_audio":"kept"}"#, None),
    ] {
        for part_len in [1, 2, 7, 1000] {
            assert_eq!(shortened(text, part_len).as_deref(), expected, "{text} by {part_len}");
        }
    }
}

#[test]
fn what_is_still_too_long_is_not_kept() {
    let text = |len| format!(r#"{{"full_audio":"SUQz","a":"{}"}}"#, "a".repeat(len));
    let longest = MAX_SHORTENED_LEN - r#"{"full_audio":"","a":""}"#.len();
    assert_eq!(shortened(&text(longest), 1000).map(|copy| copy.len()), Some(MAX_SHORTENED_LEN));
    assert_eq!(shortened(&text(longest + 1), 1000), None);
    let mut too_long = Shortened::default();
    for _ in 0..1000 {
        too_long.receive(&[b'a'; 10_000]);
        assert!(too_long.copy.capacity() <= 3 * MAX_SHORTENED_LEN);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_parts_do_not_matter(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..300) {
        let (mut whole, mut parts) = (Shortened::default(), Shortened::default());
        whole.receive(&bytes);
        let (first, second) = bytes.split_at(at.min(bytes.len()));
        parts.receive(first);
        parts.receive(second);
        prop_assert_eq!(whole.finish(), parts.finish());
    }
}

#[test]
fn a_text_that_is_too_long_is_left_in_the_middle_of_a_string() {
    let mut shortened = Shortened::default();
    for part in
        [br#"{"said":""#.to_vec(), vec![b'x'; MAX_SHORTENED_LEN + 1], br#"","#.to_vec(), b"\"".to_vec()]
    {
        shortened.receive(&part);
    }
    assert_eq!(shortened.finish(), None);
}

use super::*;

#[test]
fn one_range_of_bytes_is_read_and_every_other_is_ignored() {
    for (text, part) in [
        ("bytes=0-", Some(AudioPart::From(0))),
        ("bytes=5-9", Some(AudioPart::Between(5, 9))),
        ("Bytes = 5-5", Some(AudioPart::Between(5, 5))),
        ("bytes=-500", Some(AudioPart::Last(500))),
        ("bytes=99999999999999999999-", Some(AudioPart::From(u64::MAX))),
        ("bytes=9-5", None),
        ("bytes=0-1,5-9", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes", None),
        ("bytes=+1-2", None),
        ("bytes=1 - 2", None),
        ("items=0-1", None),
        ("", None),
    ] {
        assert_eq!(one_range(text), part, "{text}");
    }
}

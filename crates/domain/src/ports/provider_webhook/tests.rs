use super::*;

#[test]
fn a_header_is_usable_where_it_is_the_only_one_of_its_name_in_ascii_and_of_bounded_length() {
    let longest = "x".repeat(WebhookCredentials::MAX_VALUE_LEN);
    let too_long = format!("{longest}x");
    let headers: [(&str, &[u8]); 8] = [
        ("Signature", b"t=1, v0=ab\t"),
        ("longest", longest.as_bytes()),
        ("too-long", too_long.as_bytes()),
        ("binary", b"\xff"),
        ("control", b"a\x01"),
        ("twice", b"a"),
        ("Twice", b"a"),
        ("empty", b""),
    ];
    let credentials = WebhookCredentials::new(headers, Some("token"));
    assert_eq!(credentials.header("signature"), Some("t=1, v0=ab\t"));
    assert_eq!(credentials.header("longest"), Some(longest.as_str()));
    assert_eq!(credentials.header("empty"), Some(""));
    for name in ["too-long", "binary", "control", "twice", "absent"] {
        assert_eq!(credentials.header(name), None, "{name}");
    }
    assert_eq!(credentials.bearer(), Some("token"));
    assert_eq!(WebhookCredentials::default().bearer(), None);
}

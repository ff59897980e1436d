use super::*;

#[test]
fn a_pause_is_in_seconds_or_until_a_date() {
    // Sun, 06 Nov 1994 08:49:30 GMT
    let now = Timestamp::from_unix_millis(784_111_770_000);
    let secs = |secs| Some(Duration::from_secs(secs));
    for (text, expected) in [
        ("0", secs(0)),
        ("7", secs(7)),
        (" 120 ", secs(120)),
        ("86401", secs(86_400)),
        ("99999999999999999999999999", secs(86_400)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", secs(7)),
        ("Sun, 06 Nov 1994 08:49:30 GMT", secs(0)),
        ("Sun, 06 Nov 1994 08:49:00 GMT", secs(0)),
        ("Fri, 06 Nov 2026 08:49:37 GMT", secs(86_400)),
        // The obsolete forms of a date, which a recipient must accept (RFC 9110, 5.6.7).
        ("Sunday, 06-Nov-94 08:49:37 GMT", secs(7)),
        ("Sun Nov  6 08:49:37 1994", secs(7)),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
    ] {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().expect("a value"))]);
        for (status, asks) in [(429, true), (503, true), (500, false), (200, false)] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(read(status, &headers, now), expected.filter(|_| asks), "{status} {text:?}");
        }
    }
    assert_eq!(read(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), now), None);
}

use hyper::header::HeaderValue;

use super::*;

const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";

fn read(status: u16, value: &str, date: Option<&'static str>) -> Option<Duration> {
    let status = StatusCode::from_u16(status).expect("a status");
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("a value"));
    headers.extend(date.map(|date| (DATE, HeaderValue::from_static(date))));
    retry_after(status, &headers)
}

#[test]
fn seconds_and_dates_are_read() {
    let secs = |secs| Some(Duration::from_secs(secs));
    for (value, expected) in [
        ("7", secs(7)),
        ("0", secs(0)),
        ("999999999999999999999999", secs(u64::MAX)),
        ("Sun, 06 Nov 1994 12:01:30 GMT", secs(90)),
        ("Mon, 07 Nov 1994 12:00:00 GMT", secs(86_400)),
        // The obsolete forms of a date, which a recipient must accept (RFC 9110, 5.6.7).
        ("Sunday, 06-Nov-94 12:01:30 GMT", secs(90)),
        ("Sun Nov  6 12:01:30 1994", secs(90)),
        (NOON, secs(0)),
        ("Sun, 06 Nov 1994 11:59:59 GMT", secs(0)),
    ] {
        assert_eq!(read(429, value, Some(NOON)), expected, "{value}");
    }
    assert_eq!(read(429, "7", None), secs(7), "seconds need no date");
}

#[test]
fn anything_else_names_no_time() {
    for value in ["", "-1", "1.5", "soon", "7 s", "1994-11-06T12:00:00Z", "Sun, 06 Nov 1994 13:01:30 +0100"] {
        assert_eq!(read(429, value, Some(NOON)), None, "{value:?}");
    }
    assert_eq!(read(429, "Sun, 06 Nov 1994 12:01:30 GMT", None), None, "the clocks may differ");
    assert_eq!(read(429, "Sun, 06 Nov 1994 12:01:30 GMT", Some("noon")), None);
    assert_eq!(retry_after(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new()), None);
    for status in [200, 400, 408, 500, 503] {
        assert_eq!(read(status, "7", Some(NOON)), None, "{status}");
    }
}

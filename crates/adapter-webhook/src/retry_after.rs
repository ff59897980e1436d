use std::time::Duration;

use domain::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// A longer pause is probably a mistake of the receiver.
const MAX_PAUSE: Duration = Duration::from_hours(24);

/// Reads the pause that a 429 or 503 response asks for: seconds or a date; at most one day.
pub(crate) fn read(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is a long pause too.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = OffsetDateTime::parse(text, &Rfc2822).ok()?;
        Timestamp::from_unix_millis(until.unix_timestamp().saturating_mul(1000)).since(now)
    };
    Some(pause.min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
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
}

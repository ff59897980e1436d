use std::time::{Duration, UNIX_EPOCH};

use domain::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

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
        let until = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Timestamp::from_unix_millis(i64::try_from(until.as_millis()).ok()?).since(now)
    };
    Some(pause.min(MAX_PAUSE))
}

#[cfg(test)]
mod tests;

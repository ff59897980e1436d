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
mod tests;

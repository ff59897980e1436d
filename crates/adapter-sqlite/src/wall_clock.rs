use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::Timestamp;

/// Now, by the host's wall clock: what leases and guards are reckoned by.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_unix_millis(0).after(since_epoch)
}

/// How long it is until `end`: at least a millisecond, since whoever is told to wait must not be told to wait for nothing.
pub(crate) fn remaining(end_millis: i64, now: Timestamp) -> Duration {
    Timestamp::from_unix_millis(end_millis).since(now).max(Duration::from_millis(1))
}

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::Timestamp;

/// The time by the host's wall clock, which locks, leases and reservations use.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_unix_millis(0).after(since_epoch)
}

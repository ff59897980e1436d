//! Moments, as the domain and as the database have them.

use domain::Timestamp;
use domain::ports::PortUnavailable;
use time::OffsetDateTime;

use crate::failure::because;

/// The first and the last millisecond of the years 1 to 9999.
const YEARS: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_999);

/// A moment that is to be stored.
pub(crate) fn database_time(moment: Timestamp) -> Result<OffsetDateTime, PortUnavailable> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.unix_millis()) * 1_000_000)
        .map_err(|_| because("a moment lies outside the years that can be stored"))
}

/// A moment that stored ones are compared with: one before or after all of them may be anything.
pub(crate) fn database_bound(moment: Timestamp) -> OffsetDateTime {
    let within = Timestamp::from_unix_millis(moment.unix_millis().clamp(YEARS.0, YEARS.1));
    database_time(within).expect("these years can be stored")
}

/// A moment that was stored.
pub(crate) fn moment(stored: OffsetDateTime) -> Timestamp {
    let millis = stored.unix_timestamp_nanos().div_euclid(1_000_000);
    Timestamp::from_unix_millis(i64::try_from(millis).expect("the years of the database fit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_any_moment_and_a_stored_moment_is_read_back() {
        for millis in [YEARS.0, -1, 0, 1_790_000_000_123, YEARS.1] {
            let given = Timestamp::from_unix_millis(millis);
            assert_eq!(moment(database_bound(given)), given);
            assert_eq!(database_time(given).map(moment), Ok(given));
        }
        assert_eq!(moment(database_bound(Timestamp::from_unix_millis(i64::MAX))).unix_millis(), YEARS.1);
        assert_eq!(moment(database_bound(Timestamp::from_unix_millis(i64::MIN))).unix_millis(), YEARS.0);
        assert!(database_time(Timestamp::from_unix_millis(i64::MAX)).is_err());
    }
}

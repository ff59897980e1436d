//! Times, as the domain and as the database have them.

use domain::Timestamp;
use domain::ports::PortUnavailable;
use sql_common::StoredTime;
use time::OffsetDateTime;

use crate::failure::because;

/// The first and the last millisecond of the years 1 to 9999.
const YEARS: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_999);

/// A `timestamptz`, as an argument and as a column of every statement. `sqlx.toml` sets this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct PgTime(OffsetDateTime);

impl PgTime {
    /// A time that is to be stored.
    pub(crate) fn stored(time: Timestamp) -> Result<Self, PortUnavailable> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.unix_millis()) * 1_000_000)
            .map(Self)
            .map_err(|_| because("a time is outside the years 1 to 9999, which can be stored"))
    }

    /// A time that stored ones are compared with. It may be earlier or later than any time that can
    /// be stored.
    pub(crate) fn bound(time: Timestamp) -> Self {
        let within = Timestamp::from_unix_millis(time.unix_millis().clamp(YEARS.0, YEARS.1));
        Self::stored(within).expect("these years can be stored")
    }
}

impl StoredTime for PgTime {
    fn timestamp(self) -> Timestamp {
        let millis = self.0.unix_timestamp_nanos().div_euclid(1_000_000);
        Timestamp::from_unix_millis(i64::try_from(millis).expect("the years of the database fit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_any_time_and_a_stored_time_is_read_back() {
        for millis in [YEARS.0, -1, 0, 1_790_000_000_123, YEARS.1] {
            let given = Timestamp::from_unix_millis(millis);
            assert_eq!(PgTime::bound(given).timestamp(), given);
            assert_eq!(PgTime::stored(given).map(PgTime::timestamp), Ok(given));
        }
        let bound = |millis| PgTime::bound(Timestamp::from_unix_millis(millis)).timestamp().unix_millis();
        assert_eq!((bound(i64::MIN), bound(i64::MAX)), YEARS);
        assert!(PgTime::stored(Timestamp::from_unix_millis(i64::MAX)).is_err());
    }
}

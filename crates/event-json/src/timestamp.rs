use domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// ISO 8601 has four digits for a year.
const FIRST_MILLI: i64 = -62_167_219_200_000;
const LAST_MILLI: i64 = 253_402_300_799_999;
const FORMAT: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A time in ISO 8601: UTC, with milliseconds, always 24 characters. A time before year 0 or after
/// year 9999 becomes the nearest time within these years.
#[must_use]
pub fn iso8601(time: Timestamp) -> String {
    let millis = time.unix_millis().clamp(FIRST_MILLI, LAST_MILLI);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .expect("the years 0 to 9999 are all representable")
        .format(FORMAT)
        .expect("a time has every component of the format")
}

/// Reads a time in ISO 8601 with a date, a time and an offset from UTC, as RFC 3339 has it. Digits below
/// milliseconds are dropped.
#[must_use]
pub fn from_iso8601(text: &str) -> Option<Timestamp> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    i64::try_from(nanos.div_euclid(1_000_000)).ok().map(Timestamp::from_unix_millis)
}

#[cfg(test)]
mod tests;

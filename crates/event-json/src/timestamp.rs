use domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
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

#[cfg(test)]
mod tests;

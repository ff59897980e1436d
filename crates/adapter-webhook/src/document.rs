//! An event as JSON. The bytes are the same whenever one asks: a receiver may compare them, and a signature is over them.

use domain::{CallEvent, Timestamp};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

/// The years that ISO 8601 has four digits for.
const FIRST_MILLI: i64 = -62_167_219_200_000;
const LAST_MILLI: i64 = 253_402_300_799_999;
const FORMAT: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Fields stand in the order in which they are written.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    event_id: &'a str,
    call_id: &'a str,
    status: &'static str,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'a str>,
    organization_id: &'a str,
    user_id: &'a str,
    contact_id: &'a str,
    agent_id: &'a str,
    from: &'a str,
    to: &'a str,
}

/// What is sent of an event.
pub(crate) fn of(event: &CallEvent) -> Vec<u8> {
    let document = Document {
        kind: event.kind.as_str(),
        timestamp: iso8601(event.happened_at),
        data: Data {
            event_id: event.id.as_str(),
            call_id: event.identity.call_id.as_str(),
            status: event.status.as_str(),
            direction: "outbound",
            conversation_id: event.conversation_id.as_ref().map(|id| id.as_str()),
            organization_id: event.identity.organization_id.as_str(),
            user_id: event.identity.user_id.as_str(),
            contact_id: event.identity.contact_id.as_str(),
            agent_id: event.identity.agent_id.as_str(),
            from: event.identity.from.as_e164(),
            to: event.identity.to.as_e164(),
        },
    };
    serde_json::to_vec(&document).expect("texts are JSON")
}

/// UTC, with milliseconds, as everywhere on the wire.
fn iso8601(moment: Timestamp) -> String {
    let millis = moment.unix_millis().clamp(FIRST_MILLI, LAST_MILLI);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .expect("the years 0 to 9999 are all representable")
        .format(FORMAT)
        .expect("a moment has every part of the format")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds_and_four_digits_of_a_year() {
        let text = |millis| iso8601(Timestamp::from_unix_millis(millis));
        assert_eq!(text(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        assert_eq!(text(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(text(i64::MIN), "0000-01-01T00:00:00.000Z");
    }
}

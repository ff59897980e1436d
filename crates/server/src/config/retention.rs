//! For how long data is kept, and which of these times contradict each other.

use std::time::Duration;

use domain::{CallPolicy, RetentionTimes};

use super::reader::Reader;
use super::table::*;

const DAY: Duration = Duration::from_hours(24);

/// What is removed by its age, and how long an idempotency key is kept after the end of its call.
pub(super) fn retention(
    reader: &mut Reader<'_>,
    policy: Option<&CallPolicy>,
    give_up_after: Duration,
) -> (RetentionTimes, Duration) {
    let Kept { calls, transcripts, recordings, provider_events, deliveries, decisions, idempotency_keys } =
        Kept::read(reader);
    if let Some(calls) = calls {
        for (name, time) in [
            (OUTDIAL_KEEP_TRANSCRIPTS_DAYS, transcripts),
            (OUTDIAL_KEEP_RECORDINGS_DAYS, recordings),
            (OUTDIAL_KEEP_DELIVERIES_DAYS, deliveries),
            (OUTDIAL_KEEP_DECISIONS_DAYS, decisions),
        ] {
            let problem = format!(
                "must be at most OUTDIAL_KEEP_CALLS_DAYS, which is {}: it is removed with the call",
                days(calls)
            );
            refuse(reader, time.is_some_and(|time| time > calls), &[name, OUTDIAL_KEEP_CALLS_DAYS], &problem);
        }
    }
    // A provider event contains the transcript of its call.
    let texts = transcripts.or(calls);
    if let Some(texts) = texts {
        let names =
            [OUTDIAL_KEEP_PROVIDER_EVENTS_DAYS, OUTDIAL_KEEP_TRANSCRIPTS_DAYS, OUTDIAL_KEEP_CALLS_DAYS];
        let problem = format!(
            "must be set to at most {}, the days for which transcripts are kept: provider events contain them",
            days(texts)
        );
        refuse(reader, provider_events.is_none_or(|time| time > texts), &names, &problem);
    }
    let names = [OUTDIAL_KEEP_DELIVERIES_DAYS, OUTDIAL_DELIVERY_GIVE_UP_SECS];
    let problem = "must be longer than OUTDIAL_DELIVERY_GIVE_UP_SECS: a delivery is attempted for so long";
    refuse(reader, deliveries.is_some_and(|time| time <= give_up_after), &names, problem);
    let names = [OUTDIAL_KEEP_DELIVERIES_DAYS, OUTDIAL_KEEP_IDEMPOTENCY_KEYS_HOURS];
    let problem =
        "must be longer than OUTDIAL_KEEP_IDEMPOTENCY_KEYS_HOURS: a key is removed by its call's events";
    refuse(reader, deliveries.is_some_and(|time| time <= idempotency_keys), &names, problem);
    let reserved = policy.map(CallPolicy::reserve_for).unwrap_or_default();
    let names = [OUTDIAL_KEEP_IDEMPOTENCY_KEYS_HOURS, OUTDIAL_LOCK_TTL_MS, OUTDIAL_RINGING_TIMEOUT_SECS];
    let problem = format!(
        "must be longer than the reservation of a call, which is {} s with the present OUTDIAL_LOCK_TTL_MS, \
         OUTDIAL_RINGING_TIMEOUT_SECS and OUTDIAL_ANSWER_MARGIN_SECS",
        reserved.as_secs()
    );
    refuse(reader, idempotency_keys <= reserved, &names, &problem);
    let times = RetentionTimes { provider_events, deliveries, transcripts, recordings, decisions, calls };
    (times, idempotency_keys)
}

fn refuse(reader: &mut Reader<'_>, is_wrong: bool, names: &[&'static str], problem: &str) {
    if is_wrong {
        reader.problem::<()>(names, problem);
    }
}

const fn days(time: Duration) -> u64 {
    time.as_secs() / DAY.as_secs()
}

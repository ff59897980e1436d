//! The suite of [`Retention`](domain::ports::Retention).

mod calls;
mod parts;
mod rows;

use domain::ports::{OldRows, RetentionBatch};
use domain::{Booking, CallStatus, DialOutcome, Timestamp};

pub use self::calls::{calls_in_use_are_kept, old_calls_are_removed};
pub use self::parts::{
    a_removed_recording_is_forgotten, old_decisions_are_removed, old_recordings_are_listed,
    old_transcripts_are_removed,
};
pub use self::rows::{
    attempts_that_no_cap_counts_are_removed, batches_remove_everything_in_the_end,
    numbers_that_left_a_list_are_removed, old_call_events_are_removed, old_deliveries_are_removed,
    old_provider_events_are_removed, old_refusal_counts_are_removed,
};
use crate::call_events::{LONG, merge, now};
use crate::call_ledger::booking::{book, settle};
use crate::call_updates::bare_conversation;
use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{Tenant, call_id, moment, provider_reference};
use crate::harness::RetentionHarness;

suite! {
    $ retention_suite of retention:
    old_provider_events_are_removed,
    old_deliveries_are_removed,
    old_call_events_are_removed,
    old_transcripts_are_removed,
    old_recordings_are_listed,
    a_removed_recording_is_forgotten,
    old_decisions_are_removed,
    old_refusal_counts_are_removed,
    attempts_that_no_cap_counts_are_removed,
    numbers_that_left_a_list_are_removed,
    old_calls_are_removed,
    calls_in_use_are_kept,
    batches_remove_everything_in_the_end,
    a_lost_retention_store_is_unavailable,
}

const MINUTE: std::time::Duration = std::time::Duration::from_mins(1);
const DAY: std::time::Duration = std::time::Duration::from_hours(24);
/// More than any case has.
const MANY: u32 = 1000;

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting data.
pub async fn a_lost_retention_store_is_unavailable(harness: &impl RetentionHarness) {
    let (port, id) = (harness.retention(), call_id());
    harness.lose().await;
    for rows in OldRows::ALL {
        let batch = RetentionBatch { rows, before: now(), limit: MANY, after: None };
        unavailable_within(LOST_DATABASE_BOUND, port.remove(&batch), &[]).await;
    }
    unavailable_within(LOST_DATABASE_BOUND, port.old_recordings(now(), MANY), &[]).await;
    let key = domain::RecordingKey::of(&id, domain::AudioFormat::Mp3);
    let removed = [(id.clone(), key)];
    unavailable_within(LOST_DATABASE_BOUND, port.forget_recordings(&removed), &[id.as_str()]).await;
}

/// Removes what is older, in batches of two. Returns how many rows.
async fn remove(harness: &impl RetentionHarness, rows: OldRows, before: Timestamp) -> u64 {
    let mut batch = RetentionBatch { rows, before, limit: 2, after: None };
    let mut all = 0;
    loop {
        let removed = harness.retention().remove(&batch).await.expect("store is up");
        assert!(removed.rows <= 2, "{} rows of {rows:?} in a batch of two", removed.rows);
        all += removed.rows;
        let Some(next) = removed.next else { return all };
        batch.after = Some(next);
    }
}

/// A booking of this age in days, counted from the same moment.
fn booking(tenant: &Tenant, days: u32) -> Booking {
    Booking { booked_at: moment().before(DAY * days), ..tenant.booking(LONG) }
}

/// The time at which calls of this age in days are old enough, and younger ones are not.
fn older_than(days: u32) -> Timestamp {
    moment().before(DAY * days).after(MINUTE)
}

/// A call that was placed and has ended.
async fn ended(harness: &impl RetentionHarness, booking: &Booking) {
    placed(harness, booking).await;
    merge(harness, booking, &bare_conversation(CallStatus::Completed)).await;
}

async fn placed(harness: &impl RetentionHarness, booking: &Booking) {
    book(harness, booking).await;
    settle(harness, booking, &DialOutcome::Placed(provider_reference()), LONG).await;
}

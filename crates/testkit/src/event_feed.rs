//! The suite of [`EventFeed`](domain::ports::EventFeed).

mod concurrency;
mod reading;
mod waiting;
mod writing;

use domain::ports::FeedQuery;

use crate::call_events::{LONG, booked, publish, query, read};
use crate::call_ledger::booking::tenant;
use crate::eventually;
use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::harness::CallEventsHarness;

pub use self::concurrency::no_event_is_passed_over;
pub use self::reading::{
    events_are_read_after_any_sequence, events_are_the_tenants_own, skipped_numbers_are_not_given,
    the_newest_sequence_is_known, what_is_published_is_read,
};
pub use self::waiting::{a_wait_ends, a_waiting_reader_is_answered};
pub use self::writing::{
    a_booked_call_writes_an_event, a_call_that_was_not_connected_writes_an_event,
    a_given_up_call_writes_its_end, a_later_end_writes_another_event, a_recording_writes_an_event,
    an_answer_writes_one_event, an_answered_call_writes_an_event, an_ended_call_writes_an_event,
    an_event_has_every_field, no_event_is_written_twice, the_end_of_a_call_has_its_reason,
};

suite! {
    $ event_feed_suite of event_feed:
    a_booked_call_writes_an_event,
    an_answered_call_writes_an_event,
    a_call_that_was_not_connected_writes_an_event,
    an_ended_call_writes_an_event,
    a_recording_writes_an_event,
    an_event_has_every_field,
    a_later_end_writes_another_event,
    an_answer_writes_one_event,
    no_event_is_written_twice,
    a_given_up_call_writes_its_end,
    the_end_of_a_call_has_its_reason,
    what_is_published_is_read,
    events_are_read_after_any_sequence,
    events_are_the_tenants_own,
    no_event_is_passed_over,
    a_waiting_reader_is_answered,
    a_wait_ends,
    the_newest_sequence_is_known,
    skipped_numbers_are_not_given,
    events_survive_a_crash,
    a_lost_feed_is_unavailable,
}

/// After a crash, published events are read as before, and written events can be published after
/// them.
pub async fn events_survive_a_crash(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let published = booked(harness, &tenant).await;
    assert_eq!(publish(harness).await, 1);
    let before = read(harness, &tenant).await;
    let written = booked(harness, &tenant).await;
    harness.crash().await;
    // A connection from before the crash may fail first.
    let after = eventually("the feed recovers", async || {
        harness.feed().read(&query(&tenant, domain::EventSequence::START)).await.ok()
    });
    assert_eq!(after.await, before);
    assert_eq!(publish(harness).await, 1);
    let events = read(harness, &tenant).await;
    let calls: Vec<_> = events.iter().map(|event| &event.identity.call_id).collect();
    assert_eq!(calls, [&published.identity.call_id, &written.identity.call_id]);
    assert!(events[0].sequence < events[1].sequence);
}

/// Without its store the port returns `PortUnavailable`, within 5 s however long a reader may wait,
/// and without quoting a number.
pub async fn a_lost_feed_is_unavailable(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    publish(harness).await;
    booked(harness, &tenant).await;
    let feed = harness.feed();
    let newest = feed.newest(&tenant.organization.id).await.expect("store is up");
    let (all, new) = (query(&tenant, domain::EventSequence::START), query(&tenant, newest));
    let waiting = FeedQuery { wait: LONG, ..new };
    harness.lose().await;
    let private =
        [booking.identity.from.as_e164(), booking.identity.to.as_e164(), tenant.organization.id.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, feed.publish(10), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, feed.read(&all), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, feed.read(&waiting), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, feed.newest(&tenant.organization.id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, feed.skip(1), &private).await;
}

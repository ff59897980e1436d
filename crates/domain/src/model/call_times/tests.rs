use proptest::prelude::*;

use super::*;
use crate::{CallFailure, NotConnectedReason};

const BOOKED: Timestamp = Timestamp::from_unix_millis(1_772_442_600_900);

fn at(millis_after_booking: i64) -> Timestamp {
    Timestamp::from_unix_millis(BOOKED.unix_millis() + millis_after_booking)
}

fn talked(change: impl FnOnce(&mut ConversationRecord)) -> CallTimes {
    let mut conversation = ConversationRecord::new(CallStatus::Completed);
    change(&mut conversation);
    let progress = CallProgress {
        status: Some(CallStatus::Completed),
        conversation: Some(conversation),
        ..CallProgress::default()
    };
    CallTimes::of(BOOKED, &progress, None)
}

/// The phone rang for 27 s, and the callee talked for 6 s.
#[test]
fn the_duration_counts_from_the_answer() {
    let times = talked(|it| {
        it.started_at = Some(at(-900));
        it.answered_at = Some(at(27_100));
        it.duration_secs = Some(6);
    });
    assert_eq!((times.answered_at, times.ended_at), (Some(at(27_100)), Some(at(33_100))));
    let unanswered = talked(|it| {
        it.started_at = Some(at(2_000));
        it.duration_secs = Some(6);
    });
    assert_eq!((unanswered.answered_at, unanswered.ended_at), (None, Some(at(8_000))));
}

/// The provider reports whole seconds: 900 ms before the booking, which has milliseconds.
#[test]
fn an_answer_within_the_second_of_the_booking_is_not_before_it() {
    let times = talked(|it| {
        it.answered_at = Some(at(-900));
        it.duration_secs = Some(1);
    });
    assert_eq!((times.answered_at, times.ended_at), (Some(BOOKED), Some(at(1_000))));
}

#[test]
fn a_reported_end_keeps_its_milliseconds() {
    let times = talked(|it| {
        it.started_at = Some(at(5_250));
        it.ended_at = Some(at(47_999));
        it.duration_secs = Some(42);
    });
    assert_eq!(times.ended_at, Some(at(47_999)));
}

#[test]
fn a_failure_is_not_before_the_booking() {
    let failure = CallFailure::new(NotConnectedReason::Busy, at(-900));
    let progress =
        CallProgress { status: Some(CallStatus::Busy), failure: Some(failure), ..CallProgress::default() };
    assert_eq!(CallTimes::of(BOOKED, &progress, None).ended_at, Some(BOOKED));
}

fn any_time() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of((-100_000i64..100_000).prop_map(at))
}

fn any_progress() -> impl Strategy<Value = CallProgress> {
    let statuses = || prop::sample::select(CallStatus::ALL.to_vec());
    let times = (any_time(), any_time(), any_time(), any_time());
    (statuses(), statuses(), times, prop::option::of(0u32..100)).prop_map(
        |(status, of_conversation, (started_at, answered_at, ended_at, failed_at), duration_secs)| {
            let conversation = ConversationRecord {
                duration_secs,
                started_at,
                answered_at,
                ended_at,
                ..ConversationRecord::new(of_conversation)
            };
            let failure = failed_at.map(|at| CallFailure::new(NotConnectedReason::Failed, at));
            let (status, conversation) = (Some(status), Some(conversation));
            CallProgress { status, failure, conversation, ..CallProgress::default() }
        },
    )
}

proptest! {
    /// Whatever the provider's clock says: the start, the answer and the end are in this order, and a
    /// conversation of which the answer is known ends its duration after it.
    #[test]
    fn the_times_of_a_call_are_in_their_order(progress in any_progress()) {
        let times = CallTimes::of(BOOKED, &progress, None);
        prop_assert_eq!(times.started_at, BOOKED);
        let answered_at = times.answered_at.unwrap_or(BOOKED);
        prop_assert!(answered_at >= BOOKED);
        let Some(ended_at) = times.ended_at else { return Ok(()) };
        prop_assert!(ended_at >= answered_at);
        prop_assert!(progress.status.is_some_and(CallStatus::is_final));
        let conversation = progress.conversation.as_ref().expect("every call here has one");
        let lasted = Duration::from_secs(conversation.duration_secs.unwrap_or_default().into());
        if progress.status == Some(CallStatus::Completed) {
            prop_assert!(ended_at >= answered_at.after(lasted));
            if conversation.ended_at.is_none() && times.answered_at.is_some() {
                prop_assert_eq!(ended_at, answered_at.after(lasted));
            }
        }
    }
}

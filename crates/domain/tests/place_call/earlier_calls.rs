//! A call whose outcome is unknown may have been dialled late. The next request of its intent asks
//! the provider about it before it dials.

use std::time::Duration;

use domain::ports::{Clock as _, HoldResult, ProviderLookup, UndecidedCall};
use domain::{
    CallFailure, CallReference, CallStatus, CallUpdate, ConversationId, ConversationRecord,
    NotConnectedReason, PlaceCallError, PlacedCall, ProviderReference, Timestamp, UpdateContent,
};
use testkit::clock::ManualClock;

use crate::world::{World, earlier, reference, unavailable};

const A_MINUTE: Duration = Duration::from_secs(60);
const LOCK_TTL: Duration = Duration::from_secs(30);
const ASKED: [&str; 4] = ["lock: acquire", "ledger: book", "ledger: undecided", "records: find"];
const DIALLED: [&str; 4] = ["ledger: book", "dial", "ledger: settle placed", "lock: settle"];

fn call(status: CallStatus, expired_for: Duration) -> UndecidedCall {
    let lookup = ProviderLookup {
        call_id: earlier().call_id,
        conversation_id: None,
        provider_agent_id: None,
        booked_at: ManualClock::new().now(),
    };
    UndecidedCall { lookup, carrier_call_id: None, status, expired_for }
}

fn recorded(status: CallStatus) -> CallUpdate {
    let record = ConversationRecord::new(status);
    CallUpdate {
        conversation_id: Some(ConversationId::parse("conv_late").expect("an id")),
        carrier_call_id: None,
        content: UpdateContent::Conversation(record),
    }
}

fn failed(reason: NotConnectedReason) -> CallUpdate {
    let failure = CallFailure::new(reason, Timestamp::from_unix_millis(0));
    CallUpdate { content: UpdateContent::Failure(failure), ..CallUpdate::unresolved() }
}

/// A world in which the reservation of an undecided call expired so long ago.
fn undecided(expired_for: Duration) -> World {
    World {
        booked: Ok(HoldResult::InFlight { remaining: Duration::from_millis(1) }),
        undecided: Ok(Some(call(CallStatus::Unknown, expired_for))),
        record: Some(Ok(None)),
        ..World::working()
    }
}

fn placed() -> Result<PlacedCall, PlaceCallError> {
    Ok(PlacedCall { reference: reference(), deduplicated: false, replayed: false })
}

#[tokio::test]
async fn a_call_that_the_provider_does_not_know_lets_the_request_pass() {
    let run = undecided(A_MINUTE * 3).call_the_contact().await;
    assert_eq!(run.answer, placed());
    assert_eq!(run.steps(), [&ASKED[..], &DIALLED[..]].concat());
}

#[tokio::test]
async fn a_call_that_was_placed_late_answers_the_request() {
    for status in [CallStatus::InProgress, CallStatus::Completed] {
        let world = World { record: Some(Ok(Some(recorded(status)))), ..undecided(A_MINUTE * 3) };
        let run = world.call_the_contact().await;
        let provider = ProviderReference {
            conversation_id: Some(ConversationId::parse("conv_late").expect("an id")),
            carrier_call_id: None,
        };
        let reference = CallReference::new(earlier().call_id, provider);
        assert_eq!(run.answer, Ok(PlacedCall { reference, deduplicated: true, replayed: false }));
        assert_eq!(run.steps(), [&ASKED[..], &["update: merge", "lock: release"]].concat());
    }
}

#[tokio::test]
async fn a_call_that_may_be_ringing_refuses_the_request() {
    for status in [CallStatus::Initiated, CallStatus::Ringing] {
        let world = World { record: Some(Ok(Some(recorded(status)))), ..undecided(A_MINUTE * 3) };
        let run = world.call_the_contact().await;
        assert_eq!(run.answer, Err(PlaceCallError::InFlight { retry_after: LOCK_TTL }));
        assert_eq!(run.dials(), 0);
    }
}

#[tokio::test]
async fn a_call_that_reached_no_person_or_is_old_lets_the_request_pass() {
    let unreached =
        [NotConnectedReason::Busy, NotConnectedReason::NoAnswer, NotConnectedReason::Failed].map(failed);
    let old = [CallStatus::Ringing, CallStatus::Unknown, CallStatus::Completed].map(recorded);
    let cases = unreached.map(|update| (update, A_MINUTE * 3)).into_iter();
    for (update, expired_for) in cases.chain(old.map(|update| (update, A_MINUTE * 60))) {
        let world = World { record: Some(Ok(Some(update.clone()))), ..undecided(expired_for) };
        let run = world.call_the_contact().await;
        assert_eq!(run.answer, placed(), "{update:?}");
        assert_eq!(run.steps(), [&ASKED[..], &["update: merge"], &DIALLED[..]].concat());
    }
    let talking = Some(Ok(Some(recorded(CallStatus::InProgress))));
    let run = World { record: talking, ..undecided(A_MINUTE * 600) }.call_the_contact().await;
    assert_eq!(run.dials(), 0, "the person is still talking");
}

/// What a webhook or reconciliation has reported needs no question, and no answer overrides it.
#[tokio::test]
async fn a_call_that_is_known_to_be_answered_answers_the_request() {
    for status in [CallStatus::InProgress, CallStatus::Completed] {
        let world = World {
            undecided: Ok(Some(call(status, A_MINUTE * 3))),
            record: Some(Err(unavailable())),
            ..undecided(A_MINUTE)
        };
        let run = world.call_the_contact().await;
        let reference = CallReference::new(earlier().call_id, ProviderReference::default());
        assert_eq!(run.answer, Ok(PlacedCall { reference, deduplicated: true, replayed: false }));
        let steps = ["lock: acquire", "ledger: book", "ledger: undecided", "lock: release"];
        assert_eq!(run.steps(), steps);
    }
}

/// The provider is asked again by the next requests. A client may not be refused for as long as its
/// records fail.
#[tokio::test]
async fn a_provider_that_does_not_answer_blocks_its_intent_for_ten_minutes() {
    for (expired_for, dials) in [(A_MINUTE * 9, 0), (A_MINUTE * 10, 1)] {
        let silent = World { record_takes: A_MINUTE, ..undecided(expired_for) };
        let broken = World { record: Some(Err(unavailable())), ..undecided(expired_for) };
        for world in [silent, broken] {
            let run = world.call_the_contact().await;
            assert_eq!(run.dials(), dials, "{:?}", run.answer);
            let in_flight = Err(PlaceCallError::InFlight { retry_after: LOCK_TTL });
            assert_eq!(run.answer, if dials == 0 { in_flight } else { placed() });
        }
    }
}

/// The question takes longer than the time before the dial, which goes on after it.
#[tokio::test]
async fn the_question_has_a_time_limit_of_its_own() {
    let slow = World { record_takes: Duration::from_secs(4), ..undecided(A_MINUTE * 3) };
    assert_eq!(slow.call_the_contact().await.answer, placed());
}

#[tokio::test]
async fn a_report_that_cannot_be_recorded_counts_nevertheless() {
    let record = Some(Ok(Some(recorded(CallStatus::Ringing))));
    let world = World { record, merged: Err(unavailable()), ..undecided(A_MINUTE * 3) };
    let run = world.call_the_contact().await;
    assert_eq!(run.answer, Err(PlaceCallError::InFlight { retry_after: LOCK_TTL }));
}

#[tokio::test]
async fn a_running_reservation_is_answered_without_a_question() {
    for undecided_call in [Ok(None), Err(unavailable())] {
        let remaining = Duration::from_secs(17);
        let booked = Ok(HoldResult::InFlight { remaining });
        let world = World { booked, undecided: undecided_call, ..undecided(A_MINUTE) };
        let run = world.call_the_contact().await;
        assert_eq!(run.answer, Err(PlaceCallError::InFlight { retry_after: remaining }));
        let steps = ["lock: acquire", "ledger: book", "ledger: undecided", "lock: release"];
        assert_eq!(run.steps(), steps);
    }
}

/// Without records there is nothing to ask, and no statement is added.
#[tokio::test]
async fn a_provider_without_records_is_not_asked() {
    let run = World { record: None, ..World::working() }.call_the_contact().await;
    assert_eq!((&run.answer, &run.steps()[..2]), (&placed(), &["lock: acquire", "ledger: book"][..]));
    assert!(!run.steps().contains(&"ledger: undecided"));
}

#[tokio::test]
async fn a_booking_after_the_question_can_be_refused_or_fail() {
    let remaining = Duration::from_secs(20);
    let world =
        World { booked_after_asking: Ok(HoldResult::InFlight { remaining }), ..undecided(A_MINUTE * 3) };
    let run = world.call_the_contact().await;
    assert_eq!(run.answer, Err(PlaceCallError::InFlight { retry_after: remaining }));
    let world = World { booked_after_asking: Err(unavailable()), ..undecided(A_MINUTE * 3) };
    let run = world.call_the_contact().await;
    assert_eq!(run.answer, Err(PlaceCallError::ServiceUnavailable(unavailable())));
    let withdrawn = ["ledger: book", "ledger: settle not-dialled", "lock: release"];
    assert_eq!(run.steps(), [&ASKED[..], &withdrawn[..]].concat());
}

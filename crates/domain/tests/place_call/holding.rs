//! A process refuses an intent that it is dialling or holding, even if the lock and the ledger let
//! the request pass, as they do after their clock was set forward.

use std::time::Duration;

use domain::ports::{FoundBy, HoldResult};
use domain::{
    AnswerTime, DialOutcome, NotConnectedReason, NotDialledReason, PlaceCallError, PlacedCall, UnknownCause,
};

use crate::world::{World, call_id, provider_reference, reference, unavailable};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Until the phone can no longer ring, plus the TTL of the lock.
const RESERVATION: u64 = 120;
const LOCK_TTL: u64 = 30;

#[tokio::test]
async fn an_intent_is_not_dialled_again_while_its_phone_rings() {
    let world = World { rings_for: secs(40), ..World::working() };
    let (answers, dials) = world.call_the_contact_after(&[secs(0), secs(10), secs(39)]).await;
    // The client comes back while the result of an answer at this moment is held.
    let in_flight = || Err(PlaceCallError::InFlight { retry_after: secs(LOCK_TTL) });
    let placed = Ok(PlacedCall { reference: reference(), deduplicated: false, replayed: false });
    assert_eq!((answers, dials), (vec![placed, in_flight(), in_flight()], 1));
}

#[tokio::test]
async fn a_result_answers_duplicates_for_as_long_as_the_lock_holds_it() {
    let reason = NotConnectedReason::Busy;
    for (outcome, answer) in [
        (
            DialOutcome::Placed(provider_reference()),
            Ok(PlacedCall { reference: reference(), deduplicated: true, replayed: false }),
        ),
        (
            DialOutcome::NotConnected { reference: provider_reference(), reason, code: None },
            Err(PlaceCallError::NotConnected { reference: reference(), reason }),
        ),
    ] {
        let world = World { outcome, ..World::working() };
        let times = [secs(0), secs(LOCK_TTL - 1), secs(LOCK_TTL)];
        let (answers, dials) = world.call_the_contact_after(&times).await;
        assert_eq!((&answers[1], dials), (&answer, 2), "the third request dials again");
    }
}

#[tokio::test]
async fn a_queued_dial_is_held_until_its_phone_can_no_longer_ring() {
    let world = World { answers: AnswerTime::BeforeRinging, ..World::working() };
    let (answers, dials) = world.call_the_contact_after(&[secs(0), secs(60 + LOCK_TTL - 1)]).await;
    assert_eq!(dials, 1);
    assert_eq!(answers[1], Ok(PlacedCall { reference: reference(), deduplicated: true, replayed: false }));
}

#[tokio::test]
async fn an_unknown_outcome_holds_its_intent_to_the_end_of_the_reservation() {
    let outcome = DialOutcome::Unknown(UnknownCause::ConnectionLost);
    let world = World { outcome, ..World::working() };
    let times = [secs(0), secs(RESERVATION - 1), secs(RESERVATION)];
    let (answers, dials) = world.call_the_contact_after(&times).await;
    assert_eq!((&answers[1], dials), (&Err(PlaceCallError::InFlight { retry_after: secs(1) }), 2));
}

/// Both the process and the ledger hold the intent of such a call for longer than the lock does. A lock
/// that was lost is something else.
#[tokio::test]
async fn a_duplicate_of_an_unknown_outcome_is_no_lost_lock() {
    let outcome = DialOutcome::Unknown(UnknownCause::ConnectionLost);
    let times = [secs(0), secs(LOCK_TTL + 1)];
    let world = World { outcome, ..World::working() };
    assert_eq!(world.duplicates_after(&times).await, [FoundBy::Undecided], "by the process");
    let world = World { rings_for: secs(40), ..World::working() };
    assert_eq!(world.duplicates_after(&times).await, [FoundBy::InFlight]);
    let remaining = secs(7);
    for (held, found_by) in [
        (HoldResult::Undecided { remaining }, FoundBy::Undecided),
        (HoldResult::InFlight { remaining }, FoundBy::Ledger),
    ] {
        let run = World { booked: Ok(held), ..World::working() }.call_the_contact().await;
        assert_eq!(run.answer, Err(PlaceCallError::InFlight { retry_after: remaining }));
        assert_eq!((run.found_by, run.dialled.len()), (vec![found_by], 0));
    }
}

#[tokio::test]
async fn an_intent_that_was_not_dialled_is_free_immediately() {
    let unavailable_provider = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    let refused = Err(PlaceCallError::ProviderUnavailable { call_id: call_id() });
    let world = World { outcome: unavailable_provider, ..World::working() };
    let (answers, dials) = world.call_the_contact_after(&[secs(0), secs(1)]).await;
    assert_eq!((answers, dials), (vec![refused.clone(), refused], 2));

    let world = World { booked: Err(unavailable()), ..World::working() };
    let (answers, _) = world.call_the_contact_after(&[secs(0), secs(1)]).await;
    let failed = Err(PlaceCallError::ServiceUnavailable(unavailable()));
    assert_eq!(answers, [failed.clone(), failed]);

    let world = World { pauses_for: secs(LOCK_TTL), ..World::working() };
    let (answers, dials) = world.call_the_contact_after(&[secs(0), secs(LOCK_TTL + 1)]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(PlaceCallError::ServiceUnavailable(_)))));
    assert_eq!(dials, 0);
}

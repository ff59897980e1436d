use std::time::Duration;

use domain::ports::{Ownership, SettleResult};
use domain::{
    AnswerTime, DialOutcome, PlaceCallError, PlacedCall, ProviderReference, RawPlaceCall, UnknownCause,
    VariableValue,
};

use crate::world::{World, call_id, contact, reference, unavailable};

#[tokio::test]
async fn a_call_is_locked_booked_dialled_and_settled_in_this_order() {
    let run = World::working().call_the_contact().await;
    assert_eq!(run.answer, Ok(PlacedCall { reference: reference(), deduplicated: false, replayed: false }));
    assert_eq!(
        run.steps(),
        ["lock: acquire", "ledger: book", "dial", "ledger: settle placed", "lock: settle"]
    );
}

#[tokio::test]
async fn the_provider_gets_everything_it_needs() {
    let raw = RawPlaceCall {
        phone_number: Some("14165550110"),
        call_reason: Some("Follow up on the quote"),
        dynamic_variables: &[("price".to_owned(), VariableValue::Decimal(41.5))],
        ..RawPlaceCall::default()
    };
    let run = World::working().call(raw).await;
    let request = &run.dialled[0];
    assert_eq!(request.call_id, call_id());
    assert_eq!(request.provider_agent_id.as_str(), "agent_1");
    assert_eq!(request.provider_number_id.as_str(), "phnum_1");
    assert_eq!(request.to.as_e164(), "+14165550110");
    assert_eq!(request.callee_name.as_ref().map(|name| name.as_str()), Some("Ada Lovelace"));
    assert_eq!(request.organization_name.as_str(), "Analytical Engines");
    assert_eq!(request.reason.as_ref().map(|reason| reason.as_str()), Some("Follow up on the quote"));
    let variables: Vec<_> = request.variables.iter().collect();
    assert_eq!(variables, [("price", &VariableValue::Decimal(41.5))]);
    assert_eq!(request.ringing_timeout, Duration::from_secs(60));
    assert_eq!(request.answer_within, Duration::from_secs(90));
}

#[tokio::test]
async fn the_lock_is_renewed_while_the_phone_rings() {
    let world = World { rings_for: Duration::from_secs(45), ..World::working() };
    let run = world.call_the_contact().await;
    let renewals = run.steps().iter().filter(|step| **step == "lock: renew").count();
    assert_eq!(renewals, 4, "at 10, 20, 30 and 40 seconds");
    assert_eq!(run.dials(), 1);
    assert_eq!(run.steps().last(), Some(&"lock: settle"));
}

/// The TTL runs from the moment at which the lock was taken. If the first renewal were due 10 s after
/// the dial, a short lock could end before it.
#[tokio::test]
async fn the_first_renewal_is_due_after_the_lock_was_taken_and_not_after_the_dial() {
    let (pauses_for, rings_for) = (Duration::from_secs(1), Duration::from_millis(9500));
    let run = World { pauses_for, rings_for, ..World::working() }.call_the_contact().await;
    let renewals = run.steps().iter().filter(|step| **step == "lock: renew").count();
    assert_eq!(renewals, 1, "10 s after the lock was taken: {:?}", run.steps());
}

#[tokio::test]
async fn a_lock_that_cannot_be_renewed_does_not_end_the_call() {
    for renewed in [Err(unavailable()), Ok(Ownership::Lost)] {
        let lost = SettleResult { ownership: Ownership::Lost, context_stored: true };
        let world =
            World { rings_for: Duration::from_secs(45), renewed, lock_settled: Ok(lost), ..World::working() };
        let run = world.call_the_contact().await;
        assert!(run.answer.is_ok());
        assert_eq!(run.dials(), 1);
        assert!(
            run.steps().contains(&"ledger: settle placed"),
            "the reservation is settled by its own token"
        );
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_unknown_after_the_timeout_and_keeps_lock_and_reservation() {
    let world = World { rings_for: Duration::from_secs(100_000), ..World::working() };
    let run = world.call_the_contact().await;
    let cause = UnknownCause::TimedOut;
    assert_eq!(run.answer, Err(PlaceCallError::OutcomeUnknown { call_id: call_id(), cause }));
    assert_eq!(run.dials(), 1);
    assert!(run.steps().contains(&"ledger: settle unknown"));
    assert!(!run.steps().contains(&"lock: release"));
}

/// The result of a provider that responds after ringing is held for the time of the lock. The
/// result of one that responds before ringing is held for the ringing time too: a second call would
/// find the phone still ringing.
#[tokio::test]
async fn a_result_is_held_until_the_phone_can_no_longer_ring() {
    for (answers, held, answer_within) in
        [(AnswerTime::AfterRinging, 30, 90), (AnswerTime::BeforeRinging, 90, 30)]
    {
        let run = World { answers, ..World::working() }.call_the_contact().await;
        let held = Duration::from_secs(held);
        assert_eq!(run.holds, [("ledger", held), ("lock", held)], "{answers:?}");
        assert_eq!(run.dialled[0].answer_within, Duration::from_secs(answer_within), "{answers:?}");
    }
}

/// A call whose response arrives later than the margin could ring longer than its reservation
/// lasts.
#[tokio::test]
async fn a_provider_that_answers_before_the_ring_has_the_margin_to_answer() {
    for (takes, known) in [(29, true), (31, false)] {
        let answers = AnswerTime::BeforeRinging;
        let world = World { answers, rings_for: Duration::from_secs(takes), ..World::working() };
        assert_eq!(world.call_the_contact().await.answer.is_ok(), known, "after {takes} s");
    }
}

#[tokio::test]
async fn a_call_without_ids_is_placed_too() {
    let world = World { outcome: DialOutcome::Placed(ProviderReference::default()), ..World::working() };
    let run = world.call_the_contact().await;
    let placed = run.answer.expect("placed");
    assert_eq!((placed.reference.conversation_id, placed.reference.carrier_call_id), (None, None));
}

#[tokio::test]
async fn a_context_is_stored_in_the_cache_where_the_lock_does_not_store_it() {
    let apart = SettleResult { ownership: Ownership::Held, context_stored: false };
    let world = World { lock_settled: Ok(apart), ..World::working() };
    let run = world.call_the_contact().await;
    assert_eq!(run.steps().last(), Some(&"context: store"));
}

#[tokio::test]
async fn a_nameless_contact_is_dialled_without_a_name() {
    let mut stranger = contact();
    (stranger.first_name, stranger.last_name) = (None, None);
    let run = World { contact: Some(stranger), ..World::working() }.call_the_contact().await;
    assert_eq!(run.dialled[0].callee_name, None);
}

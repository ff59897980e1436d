//! The suite of [`CallLedger`](domain::ports::CallLedger).

pub(crate) mod booking;
mod concurrent;
pub(crate) mod conditions;
mod counting;
mod removing;
pub(crate) mod undecided;

use std::time::Duration;

use domain::ports::HoldResult;
use domain::{
    Booking, CallIdentity, DialOutcome, DynamicVariables, NotDialledReason, ProviderCode, UnknownCause,
};

use self::booking::{
    book, calls, dialling, duplicate, in_flight, only_call, result, results, settle, settle_under, settled,
    settlement, tenant, undecided,
};
pub use self::concurrent::operations_at_the_same_time_do_not_affect_each_other;
use self::conditions::decided;
pub use self::conditions::{
    a_refused_booking_writes_nothing, a_suppressed_callee_is_refused_by_the_booking,
    an_attempt_that_was_not_dialled_is_taken_back, attempts_are_capped,
    attempts_are_remembered_for_the_longest_time, one_callee_gets_no_more_attempts_than_the_cap,
    only_the_newest_attempts_are_kept,
};
pub use self::counting::calls_since_a_time_are_counted;
pub use self::removing::old_reservations_are_removed;
pub use self::undecided::{
    an_undecided_call_blocks_a_booking_that_must_ask_first, the_undecided_call_of_a_key_is_found,
};
use crate::eventually;
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, call_id, provider_reference, token};
use crate::harness::CallLedgerHarness;

suite! {
    $ call_ledger_suite of call_ledger:
    a_booked_call_is_in_the_ledger,
    a_blocked_booking_writes_nothing,
    a_booking_that_names_unknown_records_is_refused,
    one_of_many_bookings_of_one_key_is_recorded,
    a_call_in_flight_blocks_its_key,
    an_unknown_outcome_blocks_its_key_to_the_end,
    a_settled_call_answers_duplicates,
    a_settled_call_frees_its_key_after_its_time,
    an_expired_reservation_is_taken_over,
    an_undecided_call_blocks_a_booking_that_must_ask_first,
    a_suppressed_callee_is_refused_by_the_booking,
    attempts_are_capped,
    one_callee_gets_no_more_attempts_than_the_cap,
    a_refused_booking_writes_nothing,
    an_attempt_that_was_not_dialled_is_taken_back,
    attempts_are_remembered_for_the_longest_time,
    only_the_newest_attempts_are_kept,
    the_undecided_call_of_a_key_is_found,
    a_call_that_was_not_dialled_frees_its_key,
    only_its_own_token_settles_a_reservation,
    a_settled_call_stays_settled,
    reservations_do_not_affect_each_other,
    operations_at_the_same_time_do_not_affect_each_other,
    old_reservations_are_removed,
    calls_since_a_time_are_counted,
    the_ledger_survives_a_crash,
    a_lost_ledger_is_unavailable,
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(120);
/// A reservation that expires during a test.
const RESERVATION: Duration = Duration::from_secs(12);
/// A hold on a result that expires before such a reservation.
const HOLD: Duration = Duration::from_secs(4);
const A_SECOND: Duration = Duration::from_secs(1);

/// A booked call is in the ledger as dialling, with every field, with the optional ones or without,
/// and with what the decision says.
pub async fn a_booked_call_is_in_the_ledger(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let bare = Booking {
        reason: None,
        variables: DynamicVariables::default(),
        metadata: None,
        ..tenant.booking(LONG)
    };
    let decided = Booking { conditions: decided(), ..tenant.booking(LONG) };
    for booking in [tenant.booking(LONG), bare, decided] {
        assert_eq!(book(harness, &booking).await, HoldResult::Granted);
        let written = only_call(harness, &booking).await;
        assert!(written == dialling(&booking), "booked {booking:?}, in the ledger is {written:?}");
    }
}

/// A blocked booking leaves no call. A booking whose call cannot be written, because its id is in
/// use, leaves no reservation.
pub async fn a_blocked_booking_writes_nothing(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let first = tenant.booking(LONG);
    assert_eq!(book(harness, &first).await, HoldResult::Granted);
    in_flight(book(harness, &duplicate(&first)).await);
    assert_eq!(calls(harness, &tenant).await, [dialling(&first)]);

    let same_id = Booking {
        identity: CallIdentity { call_id: first.identity.call_id.clone(), ..tenant.booking(LONG).identity },
        ..tenant.booking(LONG)
    };
    let answer = harness.ledger().book(&same_id).await;
    assert!(!matches!(answer, Ok(HoldResult::Granted)), "one call id was recorded for two calls");
    let free = Booking {
        identity: CallIdentity { call_id: call_id(), ..duplicate(&same_id).identity },
        ..duplicate(&same_id)
    };
    assert_eq!(book(harness, &free).await, HoldResult::Granted, "a key was reserved without a call");
    assert_eq!(calls(harness, &tenant).await.len(), 2);
}

/// A booking that names a user, a contact or an agent of another organization, or one that is not
/// stored, is refused. It leaves neither a call nor a reservation.
pub async fn a_booking_that_names_unknown_records_is_refused(harness: &impl CallLedgerHarness) {
    let (tenant, other) = (self::tenant(harness).await, self::tenant(harness).await);
    let (mine, unknown) = (tenant.booking(LONG), Tenant::new().booking(LONG).identity);
    for theirs in [other.booking(LONG).identity, unknown] {
        let CallIdentity { user_id, contact_id, agent_id, .. } = theirs;
        for identity in [
            CallIdentity { user_id, ..mine.identity.clone() },
            CallIdentity { contact_id, ..mine.identity.clone() },
            CallIdentity { agent_id, ..mine.identity.clone() },
        ] {
            let answer = harness.ledger().book(&Booking { identity, ..mine.clone() }).await;
            assert!(answer.is_err(), "a call with unknown parties: {answer:?}");
            assert_eq!(calls(harness, &tenant).await, []);
        }
    }
    assert_eq!(book(harness, &mine).await, HoldResult::Granted, "a key was reserved without a call");
}

/// Of fifty concurrent bookings of one key exactly one is recorded. The others are in flight and
/// not in the ledger.
pub async fn one_of_many_bookings_of_one_key_is_recorded(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let first = tenant.booking(LONG);
    let bookings: Vec<Booking> = (0..CROWD).map(|_| duplicate(&first)).collect();
    let crowd = bookings.iter().cloned().map(|booking| {
        let ledger = harness.ledger();
        async move { ledger.book(&booking).await.expect("store is up") }
    });
    let answers = all_at_once(crowd).await;
    let recorded: Vec<&Booking> = bookings
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| **answer == HoldResult::Granted)
        .map(|(booking, _)| booking)
        .collect();
    assert_eq!(recorded.len(), 1, "bookings that may dial");
    let blocked = answers.iter().filter(|answer| matches!(answer, HoldResult::InFlight { .. })).count();
    assert_eq!(blocked, CROWD - 1, "bookings that are in flight");
    assert_eq!(calls(harness, &tenant).await, [dialling(recorded[0])]);
}

/// A call that is dialling blocks its key, with the remaining time.
pub async fn a_call_in_flight_blocks_its_key(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let booking = tenant.booking(LONG);
    assert_eq!(book(harness, &booking).await, HoldResult::Granted);
    let duplicate = Booking { reserve_for: LONG * 9, ..duplicate(&booking) };
    let remaining = in_flight(book(harness, &duplicate).await);
    assert!(remaining <= LONG, "{remaining:?} are left of {LONG:?}");
    assert!(remaining > LONG / 2, "{remaining:?} are left of {LONG:?} right after booking");
    harness.pass(HOLD).await;
    let remaining = in_flight(book(harness, &duplicate).await);
    assert!(remaining <= LONG - HOLD, "{remaining:?} are left of {LONG:?} after {HOLD:?}");
}

/// An unknown outcome neither shortens nor extends the reservation: the phone may still ring.
pub async fn an_unknown_outcome_blocks_its_key_to_the_end(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let causes = [UnknownCause::TimedOut, UnknownCause::ConnectionLost, UnknownCause::UnclearAnswer];
    let bookings = causes.map(|_| tenant.booking(RESERVATION));
    for (booking, cause) in bookings.iter().zip(causes) {
        book(harness, booking).await;
        settle(harness, booking, &DialOutcome::Unknown(cause), A_SECOND).await;
        assert_eq!(only_call(harness, booking).await.state, "unknown");
    }
    harness.pass(HOLD).await;
    for booking in &bookings {
        let remaining = undecided(book(harness, &duplicate(booking)).await);
        assert!(remaining <= RESERVATION - HOLD, "{remaining:?} are left of {RESERVATION:?} after {HOLD:?}");
    }
    harness.pass(RESERVATION - HOLD + A_SECOND).await;
    for booking in &bookings {
        assert_eq!(book(harness, &duplicate(booking)).await, HoldResult::Granted);
    }
}

/// A duplicate of a settled call gets its result in full: each kind of result, with and without the
/// provider's ids.
pub async fn a_settled_call_answers_duplicates(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    for outcome in results() {
        let booking = tenant.booking(LONG);
        book(harness, &booking).await;
        settle(harness, &booking, &outcome, LONG).await;
        let answer = book(harness, &duplicate(&booking)).await;
        assert_eq!(answer, HoldResult::Settled(result(&booking, &outcome)));
        let written = only_call(harness, &booking).await;
        assert!(written == settled(&booking, &outcome), "settled {outcome:?}, in the ledger is {written:?}");
    }
}

/// A result is held for its own time, from the settlement, which may end before or after the
/// reservation.
pub async fn a_settled_call_frees_its_key_after_its_time(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let (brief, lasting) = (tenant.booking(LONG), tenant.booking(HOLD));
    let outcome = DialOutcome::Placed(provider_reference());
    for (booking, hold_for) in [(&brief, HOLD), (&lasting, LONG)] {
        book(harness, booking).await;
        settle(harness, booking, &outcome, hold_for).await;
    }
    harness.pass(HOLD + A_SECOND).await;
    assert_eq!(book(harness, &duplicate(&brief)).await, HoldResult::Granted);
    let answer = book(harness, &duplicate(&lasting)).await;
    assert_eq!(answer, HoldResult::Settled(result(&lasting, &outcome)));
}

/// The next booking takes over an expired reservation, with its own time. The earlier call stays in
/// the ledger.
pub async fn an_expired_reservation_is_taken_over(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let first = tenant.booking(HOLD);
    let second = Booking { reserve_for: LONG, ..duplicate(&first) };
    book(harness, &first).await;
    harness.pass(HOLD + A_SECOND).await;
    assert_eq!(book(harness, &second).await, HoldResult::Granted);
    assert!(
        in_flight(book(harness, &duplicate(&first)).await) > HOLD,
        "the time is still that of the first booking"
    );
    assert_eq!(only_call(harness, &first).await, dialling(&first));
    assert_eq!(only_call(harness, &second).await, dialling(&second));
}

/// A call that was not dialled frees its key immediately and is in the ledger. Settling a call that
/// was never written is no error: a client of the ledger does that if it did not get the result of
/// its booking.
pub async fn a_call_that_was_not_dialled_frees_its_key(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let rejected = NotDialledReason::Rejected(ProviderCode::from_untrusted("agent_not_found"));
    let for_now = NotDialledReason::RejectedForNow {
        code: ProviderCode::from_untrusted("rate_limit_exceeded"),
        retry_after: Duration::from_secs(7),
    };
    for reason in [NotDialledReason::Unavailable, NotDialledReason::Withdrawn, rejected, for_now] {
        let (booking, outcome) = (tenant.booking(LONG), DialOutcome::NotDialled(reason));
        settle(harness, &booking, &outcome, LONG).await;
        assert_eq!(book(harness, &booking).await, HoldResult::Granted);
        settle(harness, &booking, &outcome, LONG).await;
        assert_eq!(only_call(harness, &booking).await.state, "not-dialled");
        assert_eq!(book(harness, &duplicate(&booking)).await, HoldResult::Granted);
    }
}

/// A settlement with another token settles the call and does not free or shorten the reservation.
pub async fn only_its_own_token_settles_a_reservation(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let outcomes =
        [DialOutcome::Placed(provider_reference()), DialOutcome::NotDialled(NotDialledReason::Unavailable)];
    let mut reserved = Vec::new();
    for outcome in &outcomes {
        // A reservation that the call still has, and a new token.
        let holder = tenant.booking(RESERVATION);
        book(harness, &holder).await;
        settle_under(harness, &holder, &token(), outcome, A_SECOND).await;
        assert_eq!(only_call(harness, &holder).await.state, outcome.as_str());
        reserved.push(holder);

        // A reservation that a later call has taken over, and the token of the earlier call.
        let late = tenant.booking(A_SECOND);
        book(harness, &late).await;
        harness.pass(A_SECOND * 2).await;
        let next = Booking { reserve_for: RESERVATION, ..duplicate(&late) };
        assert_eq!(book(harness, &next).await, HoldResult::Granted);
        settle(harness, &late, outcome, A_SECOND).await;
        assert_eq!(only_call(harness, &late).await.state, outcome.as_str());
        in_flight(book(harness, &duplicate(&next)).await);
        reserved.push(next);
    }
    harness.pass(A_SECOND * 2).await;
    for booking in reserved {
        let answer = book(harness, &duplicate(&booking)).await;
        assert_ne!(answer, HoldResult::Granted, "another token freed a reservation");
    }
}

/// The first settlement of a call stays. Later ones change nothing and are no error.
pub async fn a_settled_call_stays_settled(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let unknown = DialOutcome::Unknown(UnknownCause::TimedOut);
    let undialled = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    for first in results() {
        let booking = tenant.booking(LONG);
        book(harness, &booking).await;
        settle(harness, &booking, &first, LONG).await;
        let other = DialOutcome::Placed(provider_reference());
        for later in [&first, &unknown, &undialled, &other] {
            settle(harness, &booking, later, LONG).await;
            let written = only_call(harness, &booking).await;
            assert!(written == settled(&booking, &first), "{later:?} after {first:?} gives {written:?}");
            let answer = book(harness, &duplicate(&booking)).await;
            assert_eq!(answer, HoldResult::Settled(result(&booking, &first)));
        }
    }
    let booking = tenant.booking(LONG);
    book(harness, &booking).await;
    settle(harness, &booking, &unknown, LONG).await;
    settle(harness, &booking, &undialled, LONG).await;
    assert_eq!(only_call(harness, &booking).await.state, "unknown");
    undecided(book(harness, &duplicate(&booking)).await);
}

/// No operation on one reservation changes another one.
pub async fn reservations_do_not_affect_each_other(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let outcomes = [
        DialOutcome::Placed(provider_reference()),
        DialOutcome::NotDialled(NotDialledReason::Unavailable),
        DialOutcome::Unknown(UnknownCause::TimedOut),
    ];
    let idle = tenant.booking(LONG);
    assert_eq!(book(harness, &idle).await, HoldResult::Granted);
    for outcome in outcomes {
        // The same token for both: the reservations differ in their keys.
        let busy = Booking { token: idle.token.clone(), ..tenant.booking(LONG) };
        assert_eq!(book(harness, &busy).await, HoldResult::Granted, "another key is free");
        settle(harness, &busy, &outcome, A_SECOND).await;
        in_flight(book(harness, &duplicate(&idle)).await);
        assert_eq!(only_call(harness, &idle).await, dialling(&idle));
    }
}

/// After a crash, booked and settled calls are in the ledger and block their keys as before.
pub async fn the_ledger_survives_a_crash(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let (dialled, done) = (tenant.booking(LONG), tenant.booking(LONG));
    let outcome = DialOutcome::Placed(provider_reference());
    book(harness, &dialled).await;
    book(harness, &done).await;
    settle(harness, &done, &outcome, LONG).await;
    harness.crash().await;
    // A connection from before the crash may fail first.
    let answer =
        eventually("the ledger recovers", async || harness.ledger().book(&duplicate(&dialled)).await.ok());
    in_flight(answer.await);
    let answer = book(harness, &duplicate(&done)).await;
    assert_eq!(answer, HoldResult::Settled(result(&done, &outcome)));
    assert_eq!(only_call(harness, &dialled).await, dialling(&dialled));
    assert_eq!(only_call(harness, &done).await, settled(&done, &outcome));
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number,
/// the reason, the key or the token.
pub async fn a_lost_ledger_is_unavailable(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let (ledger, booking) = (harness.ledger(), tenant.booking(LONG));
    let outcome = DialOutcome::Placed(provider_reference());
    book(harness, &booking).await;
    harness.lose().await;
    let (from, to) = (booking.identity.from.as_e164(), booking.identity.to.as_e164());
    let reason = booking.reason.as_ref().map_or("", |reason| reason.as_str());
    let private = [from, to, reason, booking.key.as_str(), booking.token.as_str()];
    let settlement = settlement(&booking, &booking.token, &outcome, LONG);
    unavailable_within(LOST_DATABASE_BOUND, ledger.book(&booking), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, ledger.settle(&settlement), &private).await;
}

//! The promises of [`CallLedger`](domain::ports::CallLedger).

pub(crate) mod booking;

use std::time::Duration;

use domain::ports::HoldResult;
use domain::{Booking, CallIdentity, DialOutcome, NotDialledReason, ProviderCode, UnknownCause};

use self::booking::{
    book, calls, dialling, duplicate, in_flight, only_call, result, results, settle, settle_under, settled,
    settlement, tenant,
};
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{call_id, provider_reference, token};
use crate::harness::CallLedgerHarness;

suite! {
    $ call_ledger_suite of call_ledger:
    a_booked_call_is_in_the_ledger,
    a_blocked_booking_writes_nothing,
    one_of_many_bookings_of_one_key_is_recorded,
    a_call_in_flight_blocks_its_key,
    an_unknown_outcome_blocks_its_key_to_the_end,
    a_settled_call_answers_duplicates,
    a_settled_call_frees_its_key_after_its_time,
    an_expired_reservation_is_taken_over,
    a_call_that_was_not_dialled_frees_its_key,
    only_its_own_token_settles_a_reservation,
    a_settled_call_stays_settled,
    reservations_do_not_affect_each_other,
    the_ledger_survives_a_crash,
    a_lost_ledger_is_unavailable,
}

/// A time that no test outlives.
const LONG: Duration = Duration::from_secs(120);
/// How long a guard blocks that is to run out.
const RESERVATION: Duration = Duration::from_secs(12);
/// How long a result is held that is to run out before such a guard.
const HOLD: Duration = Duration::from_secs(4);
const A_SECOND: Duration = Duration::from_secs(1);

/// A booked call is in the books as dialling, with every field, with a reason or without.
pub async fn a_booked_call_is_in_the_ledger(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let reasonless = Booking { reason: None, ..tenant.booking(LONG) };
    for booking in [tenant.booking(LONG), reasonless] {
        assert_eq!(book(harness, &booking).await, HoldResult::Granted);
        let written = only_call(harness, &booking).await;
        assert!(written == dialling(&booking), "booked {booking:?}, in the books is {written:?}");
    }
}

/// A booking that is blocked leaves no call; one whose call cannot be written, its id being taken, leaves no guard.
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
    assert_eq!(book(harness, &free).await, HoldResult::Granted, "a guard was taken without its call");
    assert_eq!(calls(harness, &tenant).await.len(), 2);
}

/// Of fifty bookings of one key at once exactly one is recorded; the others are in flight and not in the books.
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
    assert_eq!(recorded.len(), 1, "bookings that were told to dial");
    let blocked = answers.iter().filter(|answer| matches!(answer, HoldResult::InFlight { .. })).count();
    assert_eq!(blocked, CROWD - 1, "bookings that were told to wait");
    assert_eq!(calls(harness, &tenant).await, [dialling(recorded[0])]);
}

/// A call that is dialling blocks its key, saying how long yet.
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

/// An unknown outcome leaves the guard at its full time, neither shorter nor longer: the phone may be ringing.
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
        let remaining = in_flight(book(harness, &duplicate(booking)).await);
        assert!(remaining <= RESERVATION - HOLD, "{remaining:?} are left of {RESERVATION:?} after {HOLD:?}");
    }
    harness.pass(RESERVATION - HOLD + A_SECOND).await;
    for booking in &bookings {
        assert_eq!(book(harness, &duplicate(booking)).await, HoldResult::Granted);
    }
}

/// A duplicate of a settled call gets its result whole: each kind of it, with and without the provider's ids.
pub async fn a_settled_call_answers_duplicates(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    for outcome in results() {
        let booking = tenant.booking(LONG);
        book(harness, &booking).await;
        settle(harness, &booking, &outcome, LONG).await;
        let answer = book(harness, &duplicate(&booking)).await;
        assert_eq!(answer, HoldResult::Settled(result(&booking, &outcome)));
        let written = only_call(harness, &booking).await;
        assert!(written == settled(&booking, &outcome), "settled {outcome:?}, in the books is {written:?}");
    }
}

/// A result is held for its own time, counted from the settlement, be that before the guard's end or after it.
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

/// A guard that ran out is the next booking's, with that one's time; the call that had it stays in the books.
pub async fn an_expired_reservation_is_taken_over(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let first = tenant.booking(HOLD);
    let second = Booking { reserve_for: LONG, ..duplicate(&first) };
    book(harness, &first).await;
    harness.pass(HOLD + A_SECOND).await;
    assert_eq!(book(harness, &second).await, HoldResult::Granted);
    assert!(in_flight(book(harness, &duplicate(&first)).await) > HOLD, "the time is still the first one's");
    assert_eq!(only_call(harness, &first).await, dialling(&first));
    assert_eq!(only_call(harness, &second).await, dialling(&second));
}

/// A call that was not dialled frees its key at once, and is in the books all the same. Settling one that was never written
/// is no error, since whoever lost the answer to a booking does that.
pub async fn a_call_that_was_not_dialled_frees_its_key(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let rejected = NotDialledReason::Rejected(ProviderCode::from_untrusted("agent_not_found"));
    for reason in [NotDialledReason::Unavailable, rejected] {
        let (booking, outcome) = (tenant.booking(LONG), DialOutcome::NotDialled(reason));
        settle(harness, &booking, &outcome, LONG).await;
        assert_eq!(book(harness, &booking).await, HoldResult::Granted);
        settle(harness, &booking, &outcome, LONG).await;
        assert_eq!(only_call(harness, &booking).await.state, "not-dialled");
        assert_eq!(book(harness, &duplicate(&booking)).await, HoldResult::Granted);
    }
}

/// A settlement under another token than the guard's settles the call and leaves the guard: it neither frees nor shortens it.
pub async fn only_its_own_token_settles_a_reservation(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let outcomes =
        [DialOutcome::Placed(provider_reference()), DialOutcome::NotDialled(NotDialledReason::Unavailable)];
    let mut guarded = Vec::new();
    for outcome in &outcomes {
        // The guard of a call that still has it, under a token that was made up.
        let holder = tenant.booking(RESERVATION);
        book(harness, &holder).await;
        settle_under(harness, &holder, &token(), outcome, A_SECOND).await;
        assert_eq!(only_call(harness, &holder).await.state, outcome.as_str());
        guarded.push(holder);

        // The guard of a call that has taken it over, under the token that it was first taken with.
        let late = tenant.booking(A_SECOND);
        book(harness, &late).await;
        harness.pass(A_SECOND * 2).await;
        let next = Booking { reserve_for: RESERVATION, ..duplicate(&late) };
        assert_eq!(book(harness, &next).await, HoldResult::Granted);
        settle(harness, &late, outcome, A_SECOND).await;
        assert_eq!(only_call(harness, &late).await.state, outcome.as_str());
        in_flight(book(harness, &duplicate(&next)).await);
        guarded.push(next);
    }
    harness.pass(A_SECOND * 2).await;
    for booking in guarded {
        let answer = book(harness, &duplicate(&booking)).await;
        assert_ne!(answer, HoldResult::Granted, "a guard gave way to a token that was not its own");
    }
}

/// The first settlement of a call stands, whatever comes after it, and what comes after it is no error.
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
            assert!(written == settled(&booking, &first), "{later:?} after {first:?} came to {written:?}");
            let answer = book(harness, &duplicate(&booking)).await;
            assert_eq!(answer, HoldResult::Settled(result(&booking, &first)));
        }
    }
    let booking = tenant.booking(LONG);
    book(harness, &booking).await;
    settle(harness, &booking, &unknown, LONG).await;
    settle(harness, &booking, &undialled, LONG).await;
    assert_eq!(only_call(harness, &booking).await.state, "unknown");
    in_flight(book(harness, &duplicate(&booking)).await);
}

/// Whatever is done to one guard leaves another one as it is.
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
        // One token for both, as if it had leaked: the key is what tells the guards apart.
        let busy = Booking { token: idle.token.clone(), ..tenant.booking(LONG) };
        assert_eq!(book(harness, &busy).await, HoldResult::Granted, "another key is free");
        settle(harness, &busy, &outcome, A_SECOND).await;
        in_flight(book(harness, &duplicate(&idle)).await);
        assert_eq!(only_call(harness, &idle).await, dialling(&idle));
    }
}

/// What was booked and settled is there when the store comes back from a crash, and blocks as before.
pub async fn the_ledger_survives_a_crash(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let (dialled, done) = (tenant.booking(LONG), tenant.booking(LONG));
    let outcome = DialOutcome::Placed(provider_reference());
    book(harness, &dialled).await;
    book(harness, &done).await;
    settle(harness, &done, &outcome, LONG).await;
    harness.crash().await;
    let recovering = async {
        // A connection from before the crash may have to be found dead first.
        loop {
            match harness.ledger().book(&duplicate(&dialled)).await {
                Ok(answer) => break answer,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), recovering).await;
    in_flight(answer.expect("the ledger comes back by itself"));
    let answer = book(harness, &duplicate(&done)).await;
    assert_eq!(answer, HoldResult::Settled(result(&done, &outcome)));
    assert_eq!(only_call(harness, &dialled).await, dialling(&dialled));
    assert_eq!(only_call(harness, &done).await, settled(&done, &outcome));
}

/// Without its store the port says so, within 5 s and without quoting a number, the reason, the key or the token.
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

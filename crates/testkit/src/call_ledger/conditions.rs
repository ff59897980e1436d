//! What a booking checks once more, and counts.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::HoldResult;
use domain::{
    AttemptCount, Booking, BookingConditions, CallIdentity, CallPurpose, CallSubject, Cap, Decision,
    DialOutcome, NotDialledReason, PhoneNumber, Refusal, RefusalCode, RuleId, Suppression, UnknownCause,
};

use super::LONG;
use super::booking::{book, calls, dialling, duplicate, in_flight, settle, tenant};
use crate::expect::all_at_once;
use crate::fixtures::{Tenant, moment, phone_number, provider_reference, subject, suppression};
use crate::harness::CallLedgerHarness;

const DAY: Duration = Duration::from_hours(24);
const MILLISECOND: Duration = Duration::from_millis(1);
/// As many bookings at the same time as a cap must withstand.
const CROWD: u32 = 64;

pub(super) fn decided() -> BookingConditions {
    let warning = Refusal {
        code: RefusalCode::ConsentMissing,
        rule_id: RuleId("us-tcpa".into()),
        source: "47 CFR 64.1200(a)".into(),
        detail: "no consent is on record".into(),
        opens_at: None,
    };
    BookingConditions {
        purpose: CallPurpose::Debt,
        subject: Some(subject()),
        decision: Some(Arc::new(Decision { warnings: vec![warning], ..Decision::default() })),
        refuse_suppressed: true,
        attempt: Some(within_a_day(3)),
    }
}

pub(crate) fn within_a_day(attempts: u32) -> AttemptCount {
    AttemptCount { caps: vec![cap(attempts, DAY)], remember_for: DAY }
}

const fn cap(attempts: u32, within: Duration) -> Cap {
    Cap { attempts, within, unless_consent: false }
}

/// A booking of this callee that counts its attempt for this subject.
pub(crate) fn counted(
    tenant: &Tenant,
    to: &PhoneNumber,
    subject: Option<&CallSubject>,
    attempt: AttemptCount,
) -> Booking {
    let booking = tenant.booking(LONG);
    let identity = CallIdentity { to: to.clone(), ..booking.identity };
    let conditions = BookingConditions {
        subject: subject.cloned(),
        attempt: Some(attempt),
        ..BookingConditions::default()
    };
    Booking { identity, conditions, ..booking }
}

pub(crate) const BEYOND_THE_CAP: HoldResult = HoldResult::Refused(RefusalCode::AttemptCap);

/// A callee whose number or contact is suppressed is refused, by a suppression of the organization or
/// by one of no organization. A suppression that has expired by the time of the booking, one of
/// another organization, and any for a booking that does not ask, refuse nothing.
pub async fn a_suppressed_callee_is_refused_by_the_booking(harness: &impl CallLedgerHarness) {
    let (tenant, other) = (tenant(harness).await, tenant(harness).await);
    let refusing = || {
        let conditions = BookingConditions { refuse_suppressed: true, ..BookingConditions::default() };
        let booking = tenant.booking(LONG);
        Booking { identity: CallIdentity { to: phone_number(), ..booking.identity }, conditions, ..booking }
    };
    let suppress = |suppression: Suppression| async move {
        harness.suppressions().add_suppression(&suppression).await.expect("store is up");
    };
    let ours = Some(&tenant.organization.id);
    let of_callee = |booking: &Booking, organization_id, expires_at| {
        let phone_number = Some(booking.identity.to.clone());
        Suppression { phone_number, expires_at, ..suppression(organization_id) }
    };
    for (organization_id, expires_at) in
        [(ours, None), (ours, Some(moment().after(MILLISECOND))), (None, None)]
    {
        let booking = refusing();
        suppress(of_callee(&booking, organization_id, expires_at)).await;
        assert_eq!(book(harness, &booking).await, HoldResult::Refused(RefusalCode::CalleeOptedOut));
        let unasked = Booking { conditions: BookingConditions::default(), ..booking.clone() };
        assert_eq!(book(harness, &unasked).await, HoldResult::Granted, "refused without being asked to");
    }
    for (organization_id, expires_at) in [(ours, Some(moment())), (Some(&other.organization.id), None)] {
        let booking = refusing();
        suppress(of_callee(&booking, organization_id, expires_at)).await;
        assert_eq!(book(harness, &booking).await, HoldResult::Granted, "refused by what does not count");
    }
    let booked = calls(harness, &tenant).await.len();
    let contact_id = Some(tenant.contact_id());
    suppress(Suppression { phone_number: None, contact_id, ..suppression(ours) }).await;
    let counting = Booking {
        conditions: BookingConditions { refuse_suppressed: true, ..decided() },
        ..tenant.booking(LONG)
    };
    for booking in [refusing(), counting] {
        assert_eq!(book(harness, &booking).await, HoldResult::Refused(RefusalCode::CalleeOptedOut));
    }
    assert_eq!(calls(harness, &tenant).await.len(), booked, "a refused call was written");
}

/// Attempts are counted for the organization, the callee's number and the subject. Each of several
/// caps must hold. An attempt counts while it is younger than the cap's time. A cap of none refuses the
/// first one.
pub async fn attempts_are_capped(harness: &impl CallLedgerHarness) {
    let (tenant, other) = (tenant(harness).await, tenant(harness).await);
    let (callee, about) = (phone_number(), subject());
    let booking = |attempt| counted(&tenant, &callee, Some(&about), attempt);
    for n in 0..3 {
        assert_eq!(book(harness, &booking(within_a_day(3))).await, HoldResult::Granted, "attempt {n}");
    }
    assert_eq!(book(harness, &booking(within_a_day(3))).await, BEYOND_THE_CAP);
    assert_eq!(calls(harness, &tenant).await.len(), 3, "a refused call was written");
    let two_caps =
        |hourly| AttemptCount { caps: vec![cap(hourly, DAY / 24), cap(5, DAY)], remember_for: DAY };
    assert_eq!(book(harness, &booking(two_caps(3))).await, BEYOND_THE_CAP, "only the last cap counts");
    assert_eq!(book(harness, &booking(two_caps(4))).await, HoldResult::Granted);

    let unrelated = [
        counted(&tenant, &callee, None, within_a_day(1)),
        counted(&tenant, &callee, Some(&subject()), within_a_day(1)),
        counted(&tenant, &phone_number(), Some(&about), within_a_day(1)),
        counted(&other, &callee, Some(&about), within_a_day(1)),
    ];
    for booking in unrelated {
        assert_eq!(book(harness, &booking).await, HoldResult::Granted, "counted an unrelated attempt");
        let next = Booking { identity: booking.identity.clone(), ..duplicate(&tenant.booking(LONG)) };
        let next = Booking { conditions: booking.conditions.clone(), ..with_new_call(next) };
        assert_eq!(book(harness, &next).await, BEYOND_THE_CAP);
    }

    let later = |time| Booking { booked_at: moment().after(time), ..booking(within_a_day(1)) };
    assert_eq!(book(harness, &later(DAY - MILLISECOND)).await, BEYOND_THE_CAP);
    assert_eq!(book(harness, &later(DAY)).await, HoldResult::Granted, "an attempt counts for too long");
    let none = counted(&tenant, &phone_number(), None, within_a_day(0));
    assert_eq!(book(harness, &none).await, BEYOND_THE_CAP);
}

/// The same booking with an id of its own.
fn with_new_call(booking: Booking) -> Booking {
    let call_id = crate::fixtures::call_id();
    Booking { identity: CallIdentity { call_id, ..booking.identity.clone() }, ..booking }
}

/// Of many bookings of one callee and subject at the same time, as many as the cap allows are granted.
/// Bookings of other callees in between are not affected.
pub async fn one_callee_gets_no_more_attempts_than_the_cap(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let (callee, about) = (phone_number(), subject());
    let crowd = (0..CROWD).flat_map(|n| {
        let free = match n % 2 {
            0 => tenant.booking(LONG),
            _ => counted(&tenant, &phone_number(), Some(&about), within_a_day(3)),
        };
        [counted(&tenant, &callee, Some(&about), within_a_day(3)), free]
    });
    let crowd = crowd.map(|booking| {
        let ledger = harness.ledger();
        async move { (booking.identity.to.clone(), ledger.book(&booking).await) }
    });
    let (mut granted, mut refused) = (0, 0);
    for (to, answer) in all_at_once(crowd).await {
        match answer.expect("store is up") {
            answer if to != callee => assert_eq!(answer, HoldResult::Granted, "another callee"),
            HoldResult::Granted => granted += 1,
            answer => {
                assert_eq!(answer, BEYOND_THE_CAP);
                refused += 1;
            }
        }
    }
    assert_eq!((granted, refused), (3, CROWD - 3), "granted and refused under a cap of 3");
    let written = calls(harness, &tenant).await;
    assert_eq!(written.iter().filter(|call| call.to == callee).count(), 3);
    assert_eq!(written.len(), CROWD as usize + 3);
}

/// A booking that a cap refuses leaves neither a call nor a reservation. A booking that its key blocks
/// counts no attempt, and so does one that names unknown records.
pub async fn a_refused_booking_writes_nothing(harness: &impl CallLedgerHarness) {
    let (tenant, stranger) = (tenant(harness).await, Tenant::new().booking(LONG).identity);
    let callee = phone_number();
    let booking = || counted(&tenant, &callee, None, within_a_day(2));
    let first = booking();
    assert_eq!(book(harness, &first).await, HoldResult::Granted);
    for _ in 0..3 {
        let blocked = Booking { conditions: booking().conditions, ..duplicate(&first) };
        in_flight(book(harness, &blocked).await);
        let identity = CallIdentity { contact_id: stranger.contact_id.clone(), ..booking().identity };
        let unknown = Booking { identity, ..booking() };
        assert!(harness.ledger().book(&unknown).await.is_err(), "a call with an unknown contact");
    }
    assert_eq!(book(harness, &booking()).await, HoldResult::Granted, "what was not booked was counted");
    let refused = booking();
    assert_eq!(book(harness, &refused).await, BEYOND_THE_CAP);
    assert_eq!(calls(harness, &tenant).await.len(), 2);
    let unlimited = Booking { conditions: BookingConditions::default(), ..duplicate(&refused) };
    assert_eq!(book(harness, &unlimited).await, HoldResult::Granted, "a key was reserved without a call");
    // An expired reservation of another call is not taken over either.
    let brief = Booking { reserve_for: Duration::from_millis(1), ..tenant.booking(LONG) };
    assert_eq!(book(harness, &brief).await, HoldResult::Granted);
    harness.pass(Duration::from_secs(1)).await;
    let refused = Booking { key: brief.key.clone(), ..booking() };
    assert_eq!(book(harness, &refused).await, BEYOND_THE_CAP);
    let placed = DialOutcome::Placed(provider_reference());
    settle(harness, &brief, &placed, LONG).await;
    let answer = book(harness, &duplicate(&brief)).await;
    assert!(matches!(answer, HoldResult::Settled(_)), "the reservation is another's: {answer:?}");
}

/// A call that was not dialled gives its attempt back, once. Any other outcome keeps it, and the
/// attempts of other calls stay.
pub async fn an_attempt_that_was_not_dialled_is_taken_back(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let not_dialled = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    for about in [None, Some(subject())] {
        let callee = phone_number();
        let booking = || counted(&tenant, &callee, about.as_ref(), within_a_day(2));
        let (kept, given_back) = (booking(), booking());
        for booking in [&kept, &given_back] {
            assert_eq!(book(harness, booking).await, HoldResult::Granted);
        }
        assert_eq!(book(harness, &booking()).await, BEYOND_THE_CAP);
        for _ in 0..2 {
            settle(harness, &given_back, &not_dialled, LONG).await;
        }
        let next = booking();
        assert_eq!(book(harness, &next).await, HoldResult::Granted, "an attempt without a dial counts");
        settle(harness, &given_back, &not_dialled, LONG).await;
        assert_eq!(book(harness, &booking()).await, BEYOND_THE_CAP, "another attempt was taken back");
        settle(harness, &next, &DialOutcome::Unknown(UnknownCause::TimedOut), LONG).await;
        settle(harness, &kept, &DialOutcome::Placed(provider_reference()), LONG).await;
        // Both were dialled, or may have been.
        for booking in [&next, &kept] {
            settle(harness, booking, &not_dialled, LONG).await;
        }
        assert_eq!(book(harness, &booking()).await, BEYOND_THE_CAP, "a dialled attempt was taken back");
    }
    // A call that counted nothing, and calls of one callee that are settled at the same time.
    let uncounted = tenant.booking(LONG);
    assert_eq!(book(harness, &uncounted).await, HoldResult::Granted);
    settle(harness, &uncounted, &not_dialled, LONG).await;
    let callee = phone_number();
    let bookings: Vec<Booking> = (0..8).map(|_| counted(&tenant, &callee, None, within_a_day(9))).collect();
    for booking in &bookings {
        assert_eq!(book(harness, booking).await, HoldResult::Granted);
        assert!(calls(harness, &tenant).await.contains(&dialling(booking)));
    }
    let crowd = bookings.iter().map(|booking| settle(harness, booking, &not_dialled, LONG));
    futures_util::future::join_all(crowd).await;
    let only = counted(&tenant, &callee, None, within_a_day(1));
    assert_eq!(book(harness, &only).await, HoldResult::Granted, "some attempts were not taken back");
}

/// The newest attempts are kept, and no others, however long they are remembered: without a cap that
/// refuses, their number has no other bound.
pub async fn only_the_newest_attempts_are_kept(harness: &impl CallLedgerHarness) {
    const NEWER: u32 = 3;
    let tenant = tenant(harness).await;
    let callee = phone_number();
    let booking = |second, caps: Vec<Cap>| {
        let booking = counted(&tenant, &callee, None, AttemptCount { caps, remember_for: DAY });
        Booking { booked_at: moment().after(Duration::from_secs(1) * second), ..booking }
    };
    let many: Vec<Booking> =
        (0..AttemptCount::KEPT + NEWER).map(|second| booking(second, Vec::new())).collect();
    let (older, newer) = many.split_at(AttemptCount::KEPT as usize);
    for some in older.chunks(50).chain([newer]) {
        let booked = futures_util::future::join_all(some.iter().map(|booking| book(harness, booking))).await;
        assert!(booked.iter().all(|result| *result == HoldResult::Granted), "{booked:?}");
    }
    let now = AttemptCount::KEPT + NEWER;
    let of_the_newest = cap(NEWER, Duration::from_millis(500) + Duration::from_secs(u64::from(NEWER)));
    for (cap, why) in
        [(cap(AttemptCount::KEPT, DAY), "too few are kept"), (of_the_newest, "the oldest are kept")]
    {
        assert_eq!(book(harness, &booking(now, vec![cap])).await, BEYOND_THE_CAP, "{why}");
    }
    let one_more = booking(now, vec![cap(AttemptCount::KEPT + 1, DAY)]);
    assert_eq!(book(harness, &one_more).await, HoldResult::Granted, "more are kept");
}

/// An attempt is kept for the longest time that a booking since has asked for, although a later booking
/// asks for less.
pub async fn attempts_are_remembered_for_the_longest_time(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let callee = phone_number();
    let booking = |days, attempt| {
        let booking = counted(&tenant, &callee, None, attempt);
        Booking { booked_at: moment().after(DAY * days), ..booking }
    };
    let within_a_week = |attempts| AttemptCount { caps: vec![cap(attempts, DAY * 7)], remember_for: DAY * 7 };
    assert_eq!(book(harness, &booking(0, within_a_week(2))).await, HoldResult::Granted);
    assert_eq!(book(harness, &booking(3, within_a_day(1))).await, HoldResult::Granted);
    assert_eq!(
        book(harness, &booking(5, within_a_week(2))).await,
        BEYOND_THE_CAP,
        "an attempt was forgotten"
    );
    assert_eq!(book(harness, &booking(7, within_a_week(2))).await, HoldResult::Granted);
}

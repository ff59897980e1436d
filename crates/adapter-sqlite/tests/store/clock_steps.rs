//! The wall clock of the host is set while a call is in flight.
//!
//! A test cannot set the clock. It moves every time in the file that was read from the wall clock in
//! the opposite direction, which is the same to the store as a step of the clock.

use std::path::Path;
use std::time::Duration;

use domain::ports::{
    CallLedger, DayLimit, DayScope, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership,
};
use domain::{
    Booking, CallReference, Interval, Pace, PaceScope, ProviderReference, RefusalCode, SettledCall, Slot,
};
use sqlx::AssertSqlSafe;
use testkit::eventually;
use testkit::fixtures::{self, Tenant, key, token};

use super::{connect, import, migrated};

const LONG: Duration = Duration::from_secs(60);
const BRIEF: Duration = Duration::from_millis(300);
const TWO_HOURS: i64 = 2 * 60 * 60 * 1000;
/// More than the number of locks between two sweeps.
const LOCKS_WITH_A_SWEEP: usize = 40;

/// Sets the wall clock forward by this many milliseconds.
async fn step(path: &Path, millis: i64) {
    let mut connection = connect(path).await;
    let times = [("call_locks", "expires_at"), ("dial_guards", "blocked_until"), ("call_slots", "taken_at")];
    for (table, end) in times {
        let step =
            format!("update {table} set {end} = {end} - {millis}, boot_offset = boot_offset - {millis}");
        sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut connection).await.expect("the columns exist");
    }
}

async fn in_sql(path: &Path, statement: &'static str) {
    sqlx::raw_sql(statement).execute(&mut connect(path).await).await.expect("a valid statement");
}

fn duplicate(booking: &Booking, tenant: &Tenant) -> Booking {
    Booking { key: booking.key.clone(), ..tenant.booking(LONG) }
}

fn is_in_flight(result: &HoldResult) -> bool {
    matches!(result, HoldResult::InFlight { remaining } if *remaining > LONG / 2 && *remaining <= LONG)
}

#[tokio::test]
async fn a_forward_step_of_the_wall_clock_frees_no_intent() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let booking = tenant.booking(LONG);
    assert_eq!(
        store.acquire(&LockRequest::new(&booking.key, &booking.token, LONG)).await,
        Ok(HoldResult::Granted)
    );
    assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
    step(&path, TWO_HOURS).await;

    for _ in 0..LOCKS_WITH_A_SWEEP {
        assert_eq!(store.acquire(&LockRequest::new(&key(), &token(), LONG)).await, Ok(HoldResult::Granted));
    }
    assert_eq!(store.remove_expired(Duration::ZERO, 100).await, Ok(0));
    let duplicate = duplicate(&booking, &tenant);
    let locked = store
        .acquire(&LockRequest::new(&booking.key, &duplicate.token, LONG))
        .await
        .expect("the store is available");
    assert!(is_in_flight(&locked), "{locked:?}");
    let booked = store.book(&duplicate).await.expect("the store is available");
    assert!(is_in_flight(&booked), "{booked:?}");
    assert_eq!(store.undecided(&booking.key).await, Ok(None), "its reservation has not expired");

    assert_eq!(store.renew(&booking.key, &booking.token, LONG).await, Ok(Ownership::Held));
    let reference = CallReference::new(booking.identity.call_id.clone(), ProviderReference::default());
    let call = SettledCall::Placed(reference);
    let settlement = LockSettlement {
        key: &booking.key,
        token: &booking.token,
        call: &call,
        hold_for: LONG,
        context: None,
    };
    let settled = IdempotencyLock::settle(&store, &settlement).await.expect("the store is available");
    assert_eq!(settled.ownership, Ownership::Held);
    assert_eq!(
        store.acquire(&LockRequest::new(&booking.key, &duplicate.token, LONG)).await,
        Ok(HoldResult::Settled(call)),
        "the result is held from now on, by the clock as it was set"
    );
}

#[tokio::test]
async fn a_backward_step_of_the_wall_clock_holds_no_intent_for_longer() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let booking = tenant.booking(BRIEF);
    assert_eq!(
        store.acquire(&LockRequest::new(&booking.key, &booking.token, BRIEF)).await,
        Ok(HoldResult::Granted)
    );
    assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
    step(&path, -TWO_HOURS).await;

    let next = duplicate(&booking, &tenant);
    eventually("the lock expires", async || {
        let acquired = store
            .acquire(&LockRequest::new(&next.key, &next.token, LONG))
            .await
            .expect("the store is available");
        (acquired == HoldResult::Granted).then_some(())
    })
    .await;
    eventually("the reservation expires", async || {
        let booked = store.book(&next).await.expect("the store is available");
        (booked == HoldResult::Granted).then_some(())
    })
    .await;
}

/// Calls do not start faster because the wall clock was set, and do not wait for longer.
#[tokio::test]
async fn a_step_of_the_wall_clock_changes_no_slot() {
    let (store, path, _folder) = migrated().await;
    let pace = Pace { scope: PaceScope::Trunk(fixtures::trunk_id()), interval: LONG / 4 };
    let paces = std::slice::from_ref(&pace);
    let mut most = Duration::ZERO;
    for millis in [0, TWO_HOURS, -2 * TWO_HOURS] {
        step(&path, millis).await;
        match store.next_slot(paces, Slot::FARTHEST).await {
            Ok(Slot::In(wait)) => assert!(wait <= most && wait + LONG / 8 >= most, "{wait:?} of {most:?}"),
            other => panic!("{other:?} after a step of {millis} ms"),
        }
        most += pace.interval;
    }
    // The gap before a slot that is far ahead.
    let (other, slow) =
        (PaceScope::Trunk(fixtures::trunk_id()), PaceScope::Number(fixtures::provider_number_id()));
    let other = Pace { scope: other, interval: LONG / 12 };
    let both = [other.clone(), Pace { scope: slow, interval: LONG / 2 }];
    for paces in [&both[..], &both[..], &both[..1], &both[..1], &both[..1]] {
        step(&path, TWO_HOURS).await;
        assert!(matches!(store.next_slot(paces, LONG / 2).await, Ok(Slot::In(_))));
    }
    let ahead = store.next_slot(&both[..1], LONG / 2).await;
    let is_next = |wait: Duration| wait > LONG / 4 && wait <= LONG / 3;
    assert!(matches!(ahead, Ok(Slot::In(wait)) if is_next(wait)), "{ahead:?} behind three slots");

    // The wall clock judges a slot of another boot, and one that it has far ahead does not count.
    in_sql(&path, "update call_slots set boot_id = 'another', taken_at = taken_at + 3600000").await;
    assert_eq!(store.next_slot(paces, Duration::ZERO).await, Ok(Slot::In(Duration::ZERO)));
}

/// A power failure may have lost what was counted last.
#[tokio::test]
async fn a_count_of_another_boot_is_asked_for_again() {
    let (store, path, _folder) = migrated().await;
    let from = fixtures::moment();
    let limit = DayLimit {
        scope: DayScope::User(fixtures::user_id()),
        day: Interval { from, until: from.after(LONG) },
        revision: 1,
        limit: 9,
        counted: Some(3),
        keep_for: LONG,
    };
    let asking = DayLimit { counted: None, ..limit.clone() };
    let acquire = async |limit: &DayLimit| {
        let (key, token, limits) = (key(), token(), std::slice::from_ref(limit));
        let request = LockRequest { limits, ..LockRequest::new(&key, &token, LONG) };
        store.acquire(&request).await.expect("the store is available")
    };
    assert_eq!(acquire(&limit).await, HoldResult::Granted);
    assert_eq!(acquire(&asking).await, HoldResult::Granted);
    in_sql(&path, "update call_day_counts set boot_id = 'another'").await;
    assert_eq!(acquire(&asking).await, HoldResult::Uncounted(vec![limit.scope.clone()]));
    assert_eq!(acquire(&DayLimit { counted: Some(8), ..limit.clone() }).await, HoldResult::Granted);
    let refused = HoldResult::Refused(RefusalCode::UserCallLimit);
    assert_eq!(acquire(&asking).await, refused);
}

/// The time since boot starts again with each boot, and the previous release writes no boot: the
/// wall clock is all that there is.
#[tokio::test]
async fn a_row_of_another_boot_or_release_is_judged_by_the_wall_clock() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    for (change_locks, change_reservations) in [
        ("update call_locks set boot_id = 'another'", "update dial_guards set boot_id = 'another'"),
        (
            "update call_locks set boot_id = null, boot_offset = null",
            "update dial_guards set boot_id = null, boot_offset = null",
        ),
    ] {
        let booking = tenant.booking(LONG);
        assert_eq!(
            store.acquire(&LockRequest::new(&booking.key, &booking.token, LONG)).await,
            Ok(HoldResult::Granted)
        );
        assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
        in_sql(&path, change_locks).await;
        in_sql(&path, change_reservations).await;
        let next = duplicate(&booking, &tenant);
        let locked = store
            .acquire(&LockRequest::new(&next.key, &next.token, LONG))
            .await
            .expect("the store is available");
        assert!(is_in_flight(&locked), "{locked:?}");
        let booked = store.book(&next).await.expect("the store is available");
        assert!(is_in_flight(&booked), "{booked:?}");

        step(&path, TWO_HOURS).await;
        assert_eq!(
            store.acquire(&LockRequest::new(&next.key, &next.token, LONG)).await,
            Ok(HoldResult::Granted)
        );
        assert_eq!(store.book(&next).await, Ok(HoldResult::Granted));
    }
}

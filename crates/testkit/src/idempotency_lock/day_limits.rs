//! Counting the calls of a day.

use std::slice;
use std::time::Duration;

use domain::ports::{DayLimit, DayScope, HoldResult, LockRequest, Ownership};
use domain::{IntentKey, Interval, OwnerToken, RefusalCode, SettledCall, Timestamp};

use super::{LEASE, LONG, in_flight, release, settle};
use crate::expect::{CROWD, all_at_once};
use crate::fixtures::{call_reference, key, moment, organization_id, token, user_id};
use crate::harness::IdempotencyLockHarness;

/// Longer than any test.
const DAY: Duration = Duration::from_hours(24);

/// Each granted request uses up one call of each of its limits. A request without limits uses none.
pub async fn granted_requests_are_counted(harness: &impl IdempotencyLockHarness) {
    let limits = [of_user(2), of_organization(3)];
    for _ in 0..2 {
        assert_eq!(acquire(harness, &limits).await, HoldResult::Granted);
        assert_eq!(acquire(harness, &[]).await, HoldResult::Granted);
    }
    assert_eq!(acquire(harness, &limits).await, USER_REFUSED);
    let [_, organization] = limits;
    assert_eq!(acquire(harness, slice::from_ref(&organization)).await, HoldResult::Granted);
    assert_eq!(acquire(harness, &[organization]).await, ORGANIZATION_REFUSED);
}

/// A duplicate and a refused request use up no call, of none of their limits.
pub async fn requests_that_are_not_granted_are_not_counted(harness: &impl IdempotencyLockHarness) {
    let (key, owner) = (key(), token());
    let (user, organization) = (of_user(1), of_organization(3));
    let both = [user.clone(), organization.clone()];
    assert_eq!(acquire_key(harness, &key, &owner, &both).await, HoldResult::Granted);
    for comer in [token(), owner] {
        in_flight(acquire_key(harness, &key, &comer, &both).await);
    }
    assert_eq!(acquire(harness, &both).await, USER_REFUSED);
    for _ in 0..2 {
        assert_eq!(acquire(harness, slice::from_ref(&organization)).await, HoldResult::Granted);
    }
    assert_eq!(acquire(harness, slice::from_ref(&organization)).await, ORGANIZATION_REFUSED);
    assert_eq!(acquire(harness, &[of_user(9), organization]).await, ORGANIZATION_REFUSED);
    let other = of_user(1);
    let full = [other.clone(), of_organization(0)];
    assert_eq!(acquire(harness, &full).await, ORGANIZATION_REFUSED);
    assert_eq!(acquire(harness, &[other]).await, HoldResult::Granted, "the user's call was used up");
}

/// A duplicate gets the result of its call, or when to come again, whatever the limits say and also
/// if they have no count.
pub async fn a_duplicate_is_answered_before_the_limits(harness: &impl IdempotencyLockHarness) {
    let (key, owner) = (key(), token());
    let limits = [of_user(1), DayLimit { counted: None, ..of_organization(1) }];
    assert_eq!(acquire_key(harness, &key, &owner, &limits[..1]).await, HoldResult::Granted);
    in_flight(acquire_key(harness, &key, &token(), &limits).await);
    let call = SettledCall::Placed(call_reference());
    settle(harness, &key, &owner, &call, LONG).await;
    assert_eq!(acquire_key(harness, &key, &token(), &limits).await, HoldResult::Settled(call));
}

/// A request that a limit refuses leaves the key free. If both limits are reached, the code is the
/// user's.
pub async fn a_reached_limit_refuses_and_leaves_the_key_free(harness: &impl IdempotencyLockHarness) {
    let key = key();
    let (user, organization) = (of_user(0), of_organization(0));
    for (limits, refused) in [
        (vec![user.clone()], USER_REFUSED),
        (vec![organization.clone()], ORGANIZATION_REFUSED),
        (vec![user, organization], USER_REFUSED),
    ] {
        assert_eq!(acquire_key(harness, &key, &token(), &limits).await, refused);
    }
    assert_eq!(acquire_key(harness, &key, &token(), &[]).await, HoldResult::Granted);
}

/// Of fifty concurrent requests for different keys, exactly as many are granted as the limit allows.
pub async fn a_limit_holds_for_many_acquirers(harness: &impl IdempotencyLockHarness) {
    let limits = [of_user(7), of_organization(9)];
    let acquirers = (0..CROWD).map(|_| {
        let (lock, limits) = (harness.lock(), limits.clone());
        async move {
            let (key, token) = (key(), token());
            let request = LockRequest { limits: &limits, ..LockRequest::new(&key, &token, LONG) };
            lock.acquire(&request).await.expect("store is up")
        }
    });
    let answers = all_at_once(acquirers).await;
    assert_eq!(answers.iter().filter(|answer| **answer == HoldResult::Granted).count(), 7);
    assert_eq!(answers.iter().filter(|answer| **answer == USER_REFUSED).count(), CROWD - 7);
}

/// Without a count, in the store or in the request, the result names the limits that lack it, and
/// nothing was written. A count is forgotten after its time, and no earlier.
pub async fn a_limit_without_a_count_asks_for_one(harness: &impl IdempotencyLockHarness) {
    let (key, organization) = (key(), of_organization(9));
    let user = DayLimit { keep_for: LEASE, ..of_user(1) };
    let asking = [uncounted(&user), uncounted(&organization)];
    let scopes = vec![user.scope.clone(), organization.scope.clone()];
    assert_eq!(acquire_key(harness, &key, &token(), &asking).await, HoldResult::Uncounted(scopes));
    assert_eq!(acquire_key(harness, &key, &token(), &[]).await, HoldResult::Granted, "the key was taken");

    assert_eq!(acquire(harness, slice::from_ref(&organization)).await, HoldResult::Granted);
    let scopes = vec![user.scope.clone()];
    assert_eq!(acquire(harness, &asking).await, HoldResult::Uncounted(scopes));
    assert_eq!(acquire(harness, &[user.clone(), uncounted(&organization)]).await, HoldResult::Granted);
    assert_eq!(acquire(harness, &asking).await, USER_REFUSED);
    harness.pass(LEASE + Duration::from_secs(1)).await;
    assert_eq!(acquire(harness, &asking).await, HoldResult::Uncounted(vec![user.scope]));
}

/// A request begins the count that it brings. If the store has one already, the greater one counts,
/// however many requests bring theirs.
pub async fn the_greater_count_is_kept(harness: &impl IdempotencyLockHarness) {
    let same = of_user(5);
    for _ in 0..3 {
        let bringing = [DayLimit { counted: Some(2), ..same.clone() }];
        assert_eq!(acquire(harness, &bringing).await, HoldResult::Granted);
    }
    assert_eq!(acquire(harness, &[uncounted(&same)]).await, USER_REFUSED);

    let growing = of_user(6);
    for (counted, result) in [(0, HoldResult::Granted), (5, HoldResult::Granted), (0, USER_REFUSED)] {
        let bringing = [DayLimit { counted: Some(counted), ..growing.clone() }];
        assert_eq!(acquire(harness, &bringing).await, result, "{counted}");
    }

    let full = of_organization(6);
    let bringing = [DayLimit { counted: Some(6), ..full.clone() }];
    assert_eq!(acquire(harness, &bringing).await, ORGANIZATION_REFUSED);
    assert_eq!(acquire(harness, &[uncounted(&full)]).await, ORGANIZATION_REFUSED, "the count was kept");
}

/// A released request may be made again: once for each request, and only if its owner releases it.
/// A settled one may not.
pub async fn a_release_gives_the_counts_back(harness: &impl IdempotencyLockHarness) {
    let limits = [of_user(2), of_organization(2)];
    let (key, owner) = (key(), token());
    assert_eq!(acquire_key(harness, &key, &owner, &limits).await, HoldResult::Granted);
    assert_eq!(acquire(harness, &limits).await, HoldResult::Granted);
    assert_eq!(release_counted(harness, &key, &token(), &limits).await, Ownership::Lost);
    assert_eq!(acquire(harness, &limits).await, USER_REFUSED);
    assert_eq!(release_counted(harness, &key, &owner, &limits).await, Ownership::Held);
    assert_eq!(release_counted(harness, &key, &owner, &limits).await, Ownership::Lost);
    assert_eq!(acquire_key(harness, &key, &owner, &limits).await, HoldResult::Granted);
    assert_eq!(acquire(harness, &limits[1..]).await, ORGANIZATION_REFUSED);
    assert_eq!(acquire(harness, &limits).await, USER_REFUSED);

    settle(harness, &key, &owner, &SettledCall::Placed(call_reference()), LONG).await;
    assert_eq!(release_counted(harness, &key, &owner, &limits).await, Ownership::Lost);
    assert_eq!(acquire(harness, &limits).await, USER_REFUSED);

    // A count that was lost meanwhile does not begin below zero.
    let (key, lost) = (crate::fixtures::key(), of_user(1));
    assert_eq!(acquire_key(harness, &key, &owner, &[]).await, HoldResult::Granted);
    assert_eq!(release_counted(harness, &key, &owner, slice::from_ref(&lost)).await, Ownership::Held);
    let scopes = vec![lost.scope.clone()];
    assert_eq!(acquire(harness, &[uncounted(&lost)]).await, HoldResult::Uncounted(scopes));
    assert_eq!(acquire(harness, slice::from_ref(&lost)).await, HoldResult::Granted);
    assert_eq!(acquire(harness, &[lost]).await, USER_REFUSED);
}

/// The lock of a request may end before its owner releases it, and another request may have taken the key.
/// The count of the first request is given back, once, and that of the second one is kept.
pub async fn a_release_after_the_end_of_the_lock_gives_the_counts_back(
    harness: &impl IdempotencyLockHarness,
) {
    for is_taken in [false, true] {
        let limits = [of_user(2), of_organization(2)];
        let (key, late) = (key(), token());
        let request = LockRequest { limits: &limits, ..LockRequest::new(&key, &late, LEASE) };
        assert_eq!(harness.lock().acquire(&request).await, Ok(HoldResult::Granted));
        harness.pass(LEASE + Duration::from_secs(1)).await;
        if is_taken {
            assert_eq!(acquire_key(harness, &key, &token(), &limits).await, HoldResult::Granted);
        } else {
            assert_eq!(acquire(harness, &limits).await, HoldResult::Granted);
        }
        assert_eq!(acquire(harness, &limits).await, USER_REFUSED);
        for _ in 0..2 {
            assert_eq!(release_counted(harness, &key, &late, &limits).await, Ownership::Lost);
        }
        assert_eq!(acquire(harness, &limits).await, HoldResult::Granted, "it is given back");
        assert_eq!(acquire(harness, &limits).await, USER_REFUSED, "it is given back once");
        assert_eq!(acquire(harness, &limits[1..]).await, ORGANIZATION_REFUSED);
    }
}

/// A release that names more limits than have counted the request changes no other count: a limit may have
/// refused the request before another one granted it, and the reply to that may be lost.
pub async fn a_release_gives_back_only_what_was_counted(harness: &impl IdempotencyLockHarness) {
    let both = [of_user(1), of_organization(2)];
    let [_, organization] = &both;
    assert_eq!(acquire(harness, &both).await, HoldResult::Granted);
    let (key, owner) = (key(), token());
    assert_eq!(acquire_key(harness, &key, &owner, &both).await, USER_REFUSED);
    let granted = acquire_key(harness, &key, &owner, slice::from_ref(organization)).await;
    assert_eq!(granted, HoldResult::Granted);
    assert_eq!(release_counted(harness, &key, &owner, &both).await, Ownership::Held);
    assert_eq!(acquire(harness, &both).await, USER_REFUSED, "it was not counted for the user");
    assert_eq!(acquire(harness, slice::from_ref(organization)).await, HoldResult::Granted);
    assert_eq!(acquire(harness, slice::from_ref(organization)).await, ORGANIZATION_REFUSED);
    // A key that was taken before by a request with limits.
    let alone = [of_user(1)];
    let key = crate::fixtures::key();
    assert_eq!(acquire_key(harness, &key, &owner, &alone).await, HoldResult::Granted);
    assert_eq!(release(harness, &key, &owner).await, Ownership::Held);
    assert_eq!(acquire_key(harness, &key, &owner, &[]).await, HoldResult::Granted);
    assert_eq!(release_counted(harness, &key, &owner, &alone).await, Ownership::Held);
    assert_eq!(acquire(harness, &alone).await, USER_REFUSED, "the request before it is not given back");
}

/// Two users, organizations, days or revisions have counts of their own, also a user and an
/// organization with the same id.
pub async fn counts_do_not_affect_each_other(harness: &impl IdempotencyLockHarness) {
    let user = of_user(1);
    let DayScope::User(id) = &user.scope else { unreachable!("it is a user's limit") };
    let same_id = domain::OrganizationId::parse(id.as_str()).expect("ids have one form");
    let tomorrow = Interval { from: user.day.until, until: user.day.until.after(DAY) };
    let limits = [
        DayLimit { day: tomorrow, ..user.clone() },
        DayLimit { revision: user.revision + 1, ..user.clone() },
        DayLimit { scope: DayScope::Organization(same_id), ..user.clone() },
        of_user(1),
        of_organization(1),
        of_organization(1),
        user,
    ];
    for limit in &limits {
        assert_eq!(acquire(harness, slice::from_ref(limit)).await, HoldResult::Granted, "{limit:?}");
    }
    for limit in &limits {
        let refused = acquire(harness, slice::from_ref(limit)).await;
        assert_eq!(refused, HoldResult::Refused(limit.scope.refusal()), "{limit:?}");
    }
    let (key, owner, other) = (key(), token(), of_user(1));
    assert_eq!(acquire_key(harness, &key, &owner, slice::from_ref(&other)).await, HoldResult::Granted);
    release_counted(harness, &key, &owner, &[other]).await;
    for limit in limits {
        assert!(matches!(acquire(harness, &[limit]).await, HoldResult::Refused(_)));
    }
    // Without limits, a release gives nothing back.
    let (key, kept) = (crate::fixtures::key(), of_user(1));
    assert_eq!(acquire_key(harness, &key, &owner, slice::from_ref(&kept)).await, HoldResult::Granted);
    assert_eq!(release(harness, &key, &owner).await, Ownership::Held);
    assert_eq!(acquire(harness, &[kept]).await, USER_REFUSED);
}

const USER_REFUSED: HoldResult = HoldResult::Refused(RefusalCode::UserCallLimit);
const ORGANIZATION_REFUSED: HoldResult = HoldResult::Refused(RefusalCode::OrganizationCallLimit);

/// A limit of a new user, which brings the count zero.
pub(super) fn of_user(limit: u32) -> DayLimit {
    of(DayScope::User(user_id()), limit)
}

/// The same of a new organization.
fn of_organization(limit: u32) -> DayLimit {
    of(DayScope::Organization(organization_id()), limit)
}

fn of(scope: DayScope, limit: u32) -> DayLimit {
    let from: Timestamp = moment();
    let day = Interval { from, until: from.after(DAY) };
    DayLimit { scope, day, revision: 1, limit, counted: Some(0), keep_for: DAY }
}

fn uncounted(limit: &DayLimit) -> DayLimit {
    DayLimit { counted: None, ..limit.clone() }
}

/// A request for a new key.
async fn acquire(harness: &impl IdempotencyLockHarness, limits: &[DayLimit]) -> HoldResult {
    acquire_key(harness, &key(), &token(), limits).await
}

async fn acquire_key(
    harness: &impl IdempotencyLockHarness,
    key: &IntentKey,
    token: &OwnerToken,
    limits: &[DayLimit],
) -> HoldResult {
    let request = LockRequest { limits, ..LockRequest::new(key, token, LONG) };
    harness.lock().acquire(&request).await.expect("store is up")
}

async fn release_counted(
    harness: &impl IdempotencyLockHarness,
    key: &IntentKey,
    token: &OwnerToken,
    limits: &[DayLimit],
) -> Ownership {
    harness.lock().release(key, token, limits).await.expect("store is up")
}

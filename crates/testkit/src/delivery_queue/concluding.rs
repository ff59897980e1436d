use std::time::Duration;

use domain::ports::{AttemptConclusion, ReplayQuery};
use domain::{DeliveryFailure, DeliveryState, DueDelivery};

use super::{BRIEF, FAILURE, conclude, lease, list, only, with_events};
use crate::call_events::{A_SECOND, LONG};
use crate::harness::CallEventsHarness;

/// A postponed delivery is leased, as the next attempt, when its pause is over, which may be longer
/// or shorter than the lease. Meanwhile its failure is listed.
pub async fn a_postponed_delivery_waits(harness: &impl CallEventsHarness) {
    let (tenant, _) = with_events(harness, 1).await;
    for (attempt, lease_for, pause) in [(1, BRIEF, BRIEF * 3), (2, LONG, BRIEF)] {
        let leased = lease(harness, 10, lease_for).await;
        assert_eq!(leased.len(), 1);
        assert_eq!(leased[0].attempt, attempt);
        let failure = DeliveryFailure::TimedOut;
        conclude(harness, &leased[0], AttemptConclusion::Postponed { failure, pause }).await;
        let listed = only(harness, &tenant).await;
        assert_eq!((listed.state, listed.attempts), (DeliveryState::Pending, attempt));
        assert_eq!((listed.last_failure, listed.concluded_at), (Some(failure), None));
        assert!(listed.next_attempt_at.is_some_and(|next| next > listed.queued_at.after(pause / 2)));
        assert_eq!(lease(harness, 10, LONG).await, [], "the pause has just begun");
        harness.pass(pause / 2).await;
        assert_eq!(lease(harness, 10, LONG).await, [], "the pause is not over");
        harness.pass(pause / 2 + A_SECOND).await;
    }
    let leased = lease(harness, 10, LONG).await;
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].attempt, 3);
}

/// A delivered or dead delivery is not leased again, and its worker cannot reopen it. Other
/// deliveries of the endpoint are leased.
pub async fn a_concluded_delivery_is_not_leased(harness: &impl CallEventsHarness) {
    let (tenant, _) = with_events(harness, 3).await;
    let leased = lease(harness, 10, BRIEF).await;
    let [delivered, given_up, open] = &leased[..] else {
        panic!("three were queued, {} are leased", leased.len())
    };
    conclude(harness, delivered, AttemptConclusion::Delivered).await;
    conclude(harness, given_up, AttemptConclusion::GivenUp { failure: FAILURE }).await;
    let before = list(harness, &super::deliveries(&tenant)).await;
    for concluded in [delivered, given_up] {
        let pause = AttemptConclusion::Postponed { failure: DeliveryFailure::Unreachable, pause: A_SECOND };
        conclude(harness, concluded, pause).await;
    }
    conclude(harness, given_up, AttemptConclusion::Delivered).await;
    assert_eq!(list(harness, &super::deliveries(&tenant)).await, before);
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await, [DueDelivery { attempt: 2, ..open.clone() }]);
    assert_eq!(
        super::sequences(harness, &tenant, DeliveryState::Delivered).await,
        [delivered.event.sequence]
    );
    assert_eq!(super::sequences(harness, &tenant, DeliveryState::Dead).await, [given_up.event.sequence]);
}

/// A worker whose lease has expired, and whose delivery was leased again, changes nothing: only the
/// newest attempt concludes it.
pub async fn only_the_newest_attempt_concludes(harness: &impl CallEventsHarness) {
    let (tenant, _) = with_events(harness, 1).await;
    let late = lease(harness, 10, BRIEF).await;
    harness.pass(BRIEF + A_SECOND).await;
    let newest = lease(harness, 10, LONG).await;
    assert_eq!((late.len(), newest.len()), (1, 1));
    let before = only(harness, &tenant).await;
    assert_eq!((before.state, before.attempts), (DeliveryState::Pending, 2));
    let conclusions = [
        AttemptConclusion::Delivered,
        AttemptConclusion::GivenUp { failure: FAILURE },
        AttemptConclusion::Postponed { failure: FAILURE, pause: A_SECOND },
    ];
    for conclusion in conclusions {
        conclude(harness, &late[0], conclusion).await;
        assert_eq!(only(harness, &tenant).await, before, "a late {conclusion:?}");
    }
    harness.pass(A_SECOND * 2).await;
    assert_eq!(lease(harness, 10, LONG).await, [], "the lease of the newest attempt continues");
    conclude(harness, &newest[0], AttemptConclusion::Delivered).await;
    let after = only(harness, &tenant).await;
    assert_eq!((after.state, after.attempts, after.next_attempt_at), (DeliveryState::Delivered, 2, None));
}

/// A replay counts attempts from one again: the first attempt before it does not conclude the first
/// attempt after it.
pub async fn an_attempt_before_a_replay_concludes_nothing(harness: &impl CallEventsHarness) {
    let (tenant, _) = with_events(harness, 1).await;
    let late = lease(harness, 10, BRIEF).await;
    harness.pass(BRIEF + A_SECOND).await;
    let newest = lease(harness, 10, LONG).await;
    conclude(harness, &newest[0], AttemptConclusion::GivenUp { failure: FAILURE }).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let everything =
        ReplayQuery { organization_id: Some(tenant.organization.id.clone()), ..ReplayQuery::default() };
    assert_eq!(harness.queue().replay(&everything).await, Ok(1));
    let replayed = lease(harness, 10, LONG).await;
    assert_eq!((late[0].attempt, replayed[0].attempt), (1, 1));
    conclude(harness, &late[0], AttemptConclusion::Delivered).await;
    assert_eq!(only(harness, &tenant).await.state, DeliveryState::Pending);
    conclude(harness, &replayed[0], AttemptConclusion::Delivered).await;
    assert_eq!(only(harness, &tenant).await.state, DeliveryState::Delivered);
}

/// A delivery without an attempt expires too. A leased one is left to its worker.
pub async fn a_delivery_queued_for_too_long_is_expired(harness: &impl CallEventsHarness) {
    let (tenant, _) = with_events(harness, 3).await;
    let out = lease(harness, 1, LONG).await;
    assert_eq!(out.len(), 1);
    // Long enough for every store's clock to show a later time.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let expire = async |queued_for| harness.queue().expire(queued_for, 1).await.expect("store is up");
    assert_eq!(expire(LONG).await, 0, "the deliveries are young");
    let briefly = Duration::from_millis(20);
    assert_eq!([expire(briefly).await, expire(briefly).await, expire(briefly).await], [1, 1, 0]);
    let mut states = Vec::new();
    for delivery in list(harness, &super::deliveries(&tenant)).await {
        assert_eq!(delivery.concluded_at.is_some(), delivery.state == DeliveryState::Dead, "{delivery:?}");
        states.push((delivery.state, delivery.attempts));
    }
    states.sort_by_key(|(_, attempts)| *attempts);
    assert_eq!(states, [(DeliveryState::Dead, 0), (DeliveryState::Dead, 0), (DeliveryState::Pending, 1)]);
    conclude(harness, &out[0], AttemptConclusion::Delivered).await;
    assert_eq!(lease(harness, 10, LONG).await, [], "the others are dead");
}

use std::time::Duration;

use domain::ports::{AttemptConclusion, ReplayQuery};
use domain::{DeliveryFailure, DeliveryState, DueDelivery};

use super::{BRIEF, FAILURE, conclude, lease, list, only, told};
use crate::announcements::{A_SECOND, LONG};
use crate::harness::AnnouncementsHarness;

/// A postponed delivery waits for its own time, be that longer than the lease or shorter, and is handed out after it as the
/// next attempt; what it failed of is known meanwhile.
pub async fn a_postponed_delivery_waits(harness: &impl AnnouncementsHarness) {
    let (tenant, _) = told(harness, 1).await;
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
        assert_eq!(lease(harness, 10, LONG).await, [], "its time has not come");
        harness.pass(pause / 2).await;
        assert_eq!(lease(harness, 10, LONG).await, [], "its time has not come yet");
        harness.pass(pause / 2 + A_SECOND).await;
    }
    let leased = lease(harness, 10, LONG).await;
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].attempt, 3);
}

/// What was delivered or given up is not handed out any more, nor does its claimant open it again by saying something else.
/// Other deliveries of the same endpoint are.
pub async fn a_concluded_delivery_is_not_leased(harness: &impl AnnouncementsHarness) {
    let (tenant, _) = told(harness, 3).await;
    let leased = lease(harness, 10, BRIEF).await;
    let [delivered, given_up, open] = &leased[..] else {
        panic!("three were queued, {} are out", leased.len())
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
    assert_eq!(super::places(harness, &tenant, DeliveryState::Delivered).await, [delivered.event.sequence]);
    assert_eq!(super::places(harness, &tenant, DeliveryState::Dead).await, [given_up.event.sequence]);
}

/// A claimant whose lease has run out and whose delivery was handed out again changes nothing, whatever it says: the delivery
/// stays where it is, until the newest attempt concludes it.
pub async fn only_the_newest_attempt_concludes(harness: &impl AnnouncementsHarness) {
    let (tenant, _) = told(harness, 1).await;
    let late = lease(harness, 10, BRIEF).await;
    harness.pass(BRIEF + A_SECOND).await;
    let newest = lease(harness, 10, LONG).await;
    assert_eq!((late.len(), newest.len()), (1, 1));
    let before = only(harness, &tenant).await;
    assert_eq!((before.state, before.attempts), (DeliveryState::Pending, 2));
    let late_words = [
        AttemptConclusion::Delivered,
        AttemptConclusion::GivenUp { failure: FAILURE },
        AttemptConclusion::Postponed { failure: FAILURE, pause: A_SECOND },
    ];
    for conclusion in late_words {
        conclude(harness, &late[0], conclusion).await;
        assert_eq!(only(harness, &tenant).await, before, "{conclusion:?} came late");
    }
    harness.pass(A_SECOND * 2).await;
    assert_eq!(lease(harness, 10, LONG).await, [], "the lease of the newest attempt goes on");
    conclude(harness, &newest[0], AttemptConclusion::Delivered).await;
    let after = only(harness, &tenant).await;
    assert_eq!((after.state, after.attempts, after.next_attempt_at), (DeliveryState::Delivered, 2, None));
}

/// A replay counts attempts from one again: whoever made the first before it says nothing of the first after it.
pub async fn an_attempt_before_a_replay_concludes_nothing(harness: &impl AnnouncementsHarness) {
    let (tenant, _) = told(harness, 1).await;
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

/// What nobody came to attempt is given up as well when its time is over; what is out is left to whoever has it.
pub async fn a_delivery_queued_for_too_long_is_expired(harness: &impl AnnouncementsHarness) {
    let (tenant, _) = told(harness, 3).await;
    let out = lease(harness, 1, LONG).await;
    assert_eq!(out.len(), 1);
    // A moment that every clock of a store can tell from the one before.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let expire = async |queued_for| harness.queue().expire(queued_for, 1).await.expect("store is up");
    assert_eq!(expire(LONG).await, 0, "its time is not over");
    let a_moment = Duration::from_millis(20);
    assert_eq!([expire(a_moment).await, expire(a_moment).await, expire(a_moment).await], [1, 1, 0]);
    let mut states = Vec::new();
    for delivery in list(harness, &super::deliveries(&tenant)).await {
        assert_eq!(delivery.concluded_at.is_some(), delivery.state == DeliveryState::Dead, "{delivery:?}");
        states.push((delivery.state, delivery.attempts));
    }
    states.sort_by_key(|(_, attempts)| *attempts);
    assert_eq!(states, [(DeliveryState::Dead, 0), (DeliveryState::Dead, 0), (DeliveryState::Pending, 1)]);
    conclude(harness, &out[0], AttemptConclusion::Delivered).await;
    assert_eq!(lease(harness, 10, LONG).await, [], "nothing is left");
}

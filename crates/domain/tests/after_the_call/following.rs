use std::sync::Arc;
use std::time::Duration;

use domain::ports::EventFeed;
use domain::ports::MockEventFeed;
use domain::{CallEvent, EventSequence, FollowCalls, ReadCallsError};

use crate::world::{World, stranger, unavailable};

const WAIT: Duration = Duration::from_secs(15);

fn use_case(world: &World) -> Arc<FollowCalls> {
    Arc::new(FollowCalls::new(Arc::new(world.memory.clone()), Arc::new(world.memory.clone())))
}

fn sequence(number: i64) -> EventSequence {
    EventSequence::from_number(number).expect("positive")
}

/// Books this many calls and publishes their events.
async fn publish(world: &World, calls: usize) {
    for _ in 0..calls {
        world.book().await;
    }
    assert_eq!(world.memory.publish(100).await, Ok(calls));
}

/// The sequences of the events that a client gets at first and after that, the second time after
/// the whole wait.
async fn followed(world: &World, last_seen: Option<EventSequence>) -> [Vec<i64>; 2] {
    let use_case = use_case(world);
    let mut following = use_case.start(world.user_id(), last_seen).await.expect("the user is known");
    let following = tokio::spawn(async move {
        let numbers = |events: Vec<CallEvent>| events.iter().map(|event| event.sequence.number()).collect();
        let first = use_case.next(&mut following, WAIT).await.expect("the store is not lost");
        let second = use_case.next(&mut following, WAIT).await.expect("the store is not lost");
        [numbers(first), numbers(second)]
    });
    world.clock.advance(WAIT - Duration::from_millis(1)).await;
    assert!(!following.is_finished(), "the second request waits");
    world.clock.advance(WAIT + Duration::from_millis(1)).await;
    following.await.expect("no panic")
}

#[tokio::test]
async fn a_client_that_was_disconnected_gets_once_what_it_missed() {
    let world = World::new();
    publish(&world, 2).await;
    assert_eq!(followed(&world, Some(sequence(1))).await, [vec![2], vec![]]);
    assert_eq!(followed(&world, Some(sequence(2))).await, [Vec::<i64>::new(), vec![]]);
}

/// The store was restored from a backup, and gives sequences that a client has seen to new events.
#[tokio::test]
async fn a_client_that_saw_more_than_there_is_follows_new_events() {
    let world = World::new();
    publish(&world, 2).await;
    let following = use_case(&world).start(world.user_id(), Some(sequence(5000))).await;
    assert_eq!(following.expect("the user is known").sequence(), sequence(2));
}

#[tokio::test]
async fn a_new_client_gets_new_events() {
    let world = World::new();
    publish(&world, 2).await;
    assert_eq!(followed(&world, None).await, [Vec::<i64>::new(), vec![]]);
    let use_case = use_case(&world);
    let mut following = use_case.start(world.user_id(), None).await.expect("the user is known");
    publish(&world, 1).await;
    let events = use_case.next(&mut following, WAIT).await.expect("the store is not lost");
    assert_eq!(events.len(), 1);
    assert_eq!(following.sequence(), sequence(3));
}

#[tokio::test]
async fn a_stranger_does_not_follow() {
    let world = World::new();
    assert_eq!(use_case(&world).start(&stranger(), None).await, Err(ReadCallsError::UserNotFound));
    let mut lost = MockEventFeed::new();
    lost.expect_newest().return_const(Err(unavailable()));
    let use_case = FollowCalls::new(Arc::new(world.memory.clone()), Arc::new(lost));
    let answer = use_case.start(world.user_id(), None).await;
    assert!(matches!(answer, Err(ReadCallsError::ServiceUnavailable(_))));
}

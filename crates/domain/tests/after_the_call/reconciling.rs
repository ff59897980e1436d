use std::sync::Arc;
use std::time::Duration;

use domain::{
    Booking, CallFailure, CallStatus, CallUpdate, DialOutcome, NotConnectedReason, NotDialledReason,
    Reconcile, ReconcileReport, ReconcileTimes, UpdateContent,
};
use testkit::clock::ManualClock;
use testkit::fixtures::provider_reference;
use testkit::memory::Provider;

use crate::world::World;

const TIMES: ReconcileTimes = ReconcileTimes {
    decided_within: Duration::from_secs(120),
    reported_within: Duration::from_mins(15),
    pause: Duration::from_secs(60),
    given_up_after: Duration::from_hours(48),
};
const A_MILLISECOND: Duration = Duration::from_millis(1);

fn provider() -> Provider {
    Provider::new(DialOutcome::NotDialled(NotDialledReason::Unavailable))
}

fn use_case(world: &World, provider: &Provider) -> Reconcile {
    let memory = Arc::new(world.memory.clone());
    Reconcile::new(memory.clone(), memory, Arc::new(provider.clone()), world.clock.clone(), TIMES)
}

/// How many calls the provider was asked about.
async fn asked(world: &World) -> usize {
    use_case(world, &provider()).run_once().await.expect("the store is not lost").asked
}

fn status(world: &World, booking: &Booking) -> Option<CallStatus> {
    world.call(booking).progress.status
}

#[tokio::test]
async fn a_record_of_the_provider_is_merged_into_the_ledger() {
    let (world, provider) = (World::new(), provider());
    let booking = world.book().await;
    let failure = CallFailure { reason: NotConnectedReason::NoAnswer, at: ManualClock::START };
    let content = UpdateContent::Failure(failure);
    let update = CallUpdate { conversation_id: None, carrier_call_id: None, content };
    provider.add_record(&booking.identity.call_id, update);
    world.clock.advance(TIMES.decided_within + A_MILLISECOND).await;
    let report = use_case(&world, &provider).run_once().await;
    assert_eq!(report, Ok(ReconcileReport { asked: 1, found: 1 }));
    assert_eq!(status(&world, &booking), Some(CallStatus::NoAnswer));
    assert_eq!(provider.dials(), [], "the provider is asked, and nothing is dialled");
}

#[tokio::test]
async fn a_call_without_a_record_is_reported_as_unknown() {
    for is_lost in [false, true] {
        let (world, provider) = (World::new(), provider());
        let booking = world.book().await;
        if is_lost {
            provider.lose_records();
        }
        world.clock.advance(TIMES.decided_within + A_MILLISECOND).await;
        let report = use_case(&world, &provider).run_once().await;
        assert_eq!(report, Ok(ReconcileReport { asked: 1, found: 0 }));
        assert_eq!(status(&world, &booking), Some(CallStatus::Unknown));
    }
}

/// A call without an outcome is overdue earlier than one that was answered.
#[tokio::test]
async fn a_call_is_asked_about_when_it_is_overdue_and_until_it_is_given_up() {
    for (is_answered, overdue_after) in [(false, TIMES.decided_within), (true, TIMES.reported_within)] {
        let world = World::new();
        match is_answered {
            true => world.place(provider_reference()).await,
            false => world.book().await,
        };
        world.clock.advance(overdue_after).await;
        assert_eq!(asked(&world).await, 0, "answered: {is_answered}");
        world.clock.advance(A_MILLISECOND).await;
        assert_eq!(asked(&world).await, 1, "answered: {is_answered}");
    }
    for (age, expected) in [(TIMES.given_up_after, 1), (TIMES.given_up_after + A_MILLISECOND, 0)] {
        let world = World::new();
        world.book().await;
        world.clock.advance(age).await;
        assert_eq!(asked(&world).await, expected, "after {age:?}");
    }
}

#[tokio::test]
async fn a_call_is_asked_about_again_after_the_pause() {
    let world = World::new();
    world.place(provider_reference()).await;
    world.clock.advance(TIMES.reported_within + A_MILLISECOND).await;
    // A tenth of the age exceeds the pause.
    let pause = (TIMES.reported_within / 10).max(TIMES.pause);
    assert_eq!(asked(&world).await, 1);
    world.clock.advance(pause - A_MILLISECOND).await;
    assert_eq!(asked(&world).await, 0);
    world.clock.advance(A_MILLISECOND * 2).await;
    // The call is unknown by now, so it is asked about again.
    assert_eq!(asked(&world).await, 1);
}

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{CallUpdater, Clock};
use domain::{
    Booking, CallEventKind, CallFailure, CallStatus, CallUpdate, ConversationRecord, DialOutcome, GivenUp,
    GivenUpReason, NotConnectedReason, NotDialledReason, Reconcile, ReconcileReport, ReconcileTimes,
    UpdateContent,
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
    let records = Arc::new(provider.clone());
    Reconcile::new(memory.clone(), memory, Some(records), world.clock.clone(), TIMES)
}

/// For a provider that has no records.
fn without_records(world: &World) -> Reconcile {
    let memory = Arc::new(world.memory.clone());
    Reconcile::new(memory.clone(), memory, None, world.clock.clone(), TIMES)
}

/// A record of a conversation with this status.
fn conversation(status: CallStatus) -> CallUpdate {
    let content = UpdateContent::Conversation(ConversationRecord::new(status));
    CallUpdate { conversation_id: None, carrier_call_id: None, content }
}

/// The call events about an end, with their statuses.
fn ends(world: &World) -> Vec<CallStatus> {
    let tables = world.memory.tables();
    let ends = tables.events.iter().filter(|event| event.kind == CallEventKind::Ended);
    ends.map(|event| event.status).collect()
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
    let failure = CallFailure::new(NotConnectedReason::NoAnswer, ManualClock::START);
    let content = UpdateContent::Failure(failure);
    let update = CallUpdate { conversation_id: None, carrier_call_id: None, content };
    provider.add_record(&booking.identity.call_id, update);
    world.clock.advance(TIMES.decided_within + A_MILLISECOND).await;
    let report = use_case(&world, &provider).run_once().await;
    assert_eq!(report, Ok(ReconcileReport { asked: 1, found: 1, given_up: 0 }));
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
        assert_eq!(report, Ok(ReconcileReport { asked: 1, found: 0, given_up: 0 }));
        assert_eq!(status(&world, &booking), Some(CallStatus::Unknown));
    }
}

/// A call without an outcome is overdue earlier than one that was answered.
#[tokio::test]
async fn a_call_is_asked_about_when_it_is_overdue() {
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
}

/// Whatever became of its dial and of the process, a call without a reported end is asked about
/// once more when its time is over, and then has an end for clients. The stored status stays.
#[tokio::test]
async fn a_call_is_asked_about_once_more_and_given_up_when_its_time_is_over() {
    for (is_placed, stored) in [(false, CallStatus::Unknown), (true, CallStatus::InProgress)] {
        for (is_lost, reason) in
            [(false, GivenUpReason::NoRecord), (true, GivenUpReason::ProviderUnavailable)]
        {
            let (world, provider) = (World::new(), provider());
            let booking = match is_placed {
                true => world.place(provider_reference()).await,
                false => world.book().await,
            };
            if is_lost {
                provider.lose_records();
            }
            // The gateway was down all the time.
            world.clock.advance(TIMES.given_up_after + A_MILLISECOND).await;
            let report = use_case(&world, &provider).run_once().await;
            assert_eq!(report, Ok(ReconcileReport { asked: 1, found: 0, given_up: 1 }));
            let progress = world.call(&booking).progress;
            assert_eq!(progress.given_up, Some(GivenUp { at: world.clock.now(), reason }));
            assert_eq!(progress.status, Some(stored), "the stored status stays");
            assert_eq!(progress.shown_status(), Some(CallStatus::Unknown));
            assert_eq!(ends(&world), [CallStatus::Unknown]);
            world.clock.advance(TIMES.given_up_after).await;
            let report = use_case(&world, &provider).run_once().await;
            assert_eq!(report, Ok(ReconcileReport::default()), "it is not asked about again");
            assert_eq!(ends(&world), [CallStatus::Unknown], "and its end is published once");
        }
    }
}

/// A call with frequent questions is leased for hours at last. The last lease ends in time.
#[tokio::test]
async fn a_call_that_was_asked_about_before_is_given_up_when_its_time_is_over() {
    let world = World::new();
    let booking = world.place(provider_reference()).await;
    world.clock.advance(TIMES.given_up_after - Duration::from_mins(30)).await;
    assert_eq!(asked(&world).await, 1);
    assert_eq!(world.call(&booking).progress.given_up, None);
    world.clock.advance(Duration::from_mins(30) + A_MILLISECOND).await;
    assert_eq!(asked(&world).await, 1);
    assert!(world.call(&booking).progress.given_up.is_some());
}

#[tokio::test]
async fn a_call_whose_record_has_no_end_is_given_up_and_one_with_an_end_is_not() {
    for (recorded, given_up) in
        [(CallStatus::InProgress, Some(GivenUpReason::NoEnd)), (CallStatus::Completed, None)]
    {
        let (world, provider) = (World::new(), provider());
        let booking = world.book().await;
        provider.add_record(&booking.identity.call_id, conversation(recorded));
        world.clock.advance(TIMES.given_up_after + A_MILLISECOND).await;
        let report = use_case(&world, &provider).run_once().await;
        let count = usize::from(given_up.is_some());
        assert_eq!(report, Ok(ReconcileReport { asked: 1, found: 1, given_up: count }));
        let progress = world.call(&booking).progress;
        assert_eq!((progress.status, progress.given_up.map(|it| it.reason)), (Some(recorded), given_up));
    }
}

/// A provider without records is not asked, and its calls end for clients too.
#[tokio::test]
async fn a_call_that_cannot_be_asked_about_is_given_up_when_its_time_is_over() {
    for is_placed in [false, true] {
        let world = World::new();
        let booking = match is_placed {
            true => world.place(provider_reference()).await,
            false => world.book().await,
        };
        world.clock.advance(TIMES.given_up_after).await;
        assert_eq!(without_records(&world).run_once().await, Ok(ReconcileReport::default()));
        world.clock.advance(A_MILLISECOND).await;
        let report = without_records(&world).run_once().await;
        assert_eq!(report, Ok(ReconcileReport { asked: 0, found: 0, given_up: 1 }));
        let given_up = world.call(&booking).progress.given_up;
        assert_eq!(given_up.map(|it| it.reason), Some(GivenUpReason::NotAsked));
        assert_eq!(ends(&world), [CallStatus::Unknown]);
    }
}

/// A late provider event is the better source, whatever the gateway concluded before.
#[tokio::test]
async fn a_late_report_of_the_end_replaces_that_a_call_was_given_up() {
    let world = World::new();
    let booking = world.place(provider_reference()).await;
    world.clock.advance(TIMES.given_up_after + A_MILLISECOND).await;
    assert_eq!(asked(&world).await, 1);
    let completed = conversation(CallStatus::Completed);
    world.memory.merge(&booking.identity.call_id, &completed).await.expect("the store is not lost");
    let progress = world.call(&booking).progress;
    assert_eq!(progress.shown_status(), Some(CallStatus::Completed));
    assert_eq!(progress.shown_given_up(), None);
    assert_eq!(ends(&world), [CallStatus::Unknown, CallStatus::Completed]);
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

//! One deadline for all steps before the dial: nothing is dialled after it, the response does not
//! wait for a slow store, and what the call may have taken is given back.

mod slow_stores;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{
    Background, BackgroundWork, Clock as _, HoldResult, MockContextCache, MockIdempotencyKeys,
    MockIdentifiers, PortUnavailable,
};
use domain::{
    CallPolicy, ContactId, DestinationRules, OwnerToken, PlaceCall, PlaceCallCommand, PlaceCallError,
    PlaceCallPorts, PlacedCall, RawPlaceCall, UserId,
};
use testkit::clock::ManualClock;

use crate::world::{call_id, earlier};

use slow_stores::{Inner, Step, Stores};

const DEADLINE: Duration = Duration::from_secs(2);
/// The time of one step of giving back.
const SHORT: Duration = Duration::from_millis(500);
const IN_TIME: Duration = Duration::from_millis(1900);
/// Too late for the dial, and soon enough to be waited for in the background.
const LATE: Duration = Duration::from_millis(2300);
/// Longer than the test runs.
const FOREVER: Duration = Duration::from_hours(1);

const BEFORE_THE_DIAL: [Step; 3] = [Step::Resolve, Step::Acquire, Step::Book];

struct Spawning;

impl Background for Spawning {
    fn run(&self, work: BackgroundWork) {
        drop(tokio::spawn(work));
    }
}

struct World {
    raw: RawPlaceCall<'static>,
    takes: Vec<(Step, Duration)>,
    paused: Option<(Step, Duration)>,
    acquired: Result<HoldResult, PortUnavailable>,
    booked: Result<HoldResult, PortUnavailable>,
    has_background: bool,
}

struct Run {
    answer: Result<PlacedCall, PlaceCallError>,
    answered_after: Duration,
    started: Vec<&'static str>,
    lock_is_held: bool,
    reservation_is_held: bool,
}

impl World {
    fn with(takes: &[(Step, Duration)]) -> Self {
        Self {
            raw: RawPlaceCall { contact_id: Some("contact-1"), ..RawPlaceCall::default() },
            takes: takes.to_vec(),
            paused: None,
            acquired: Ok(HoldResult::Granted),
            booked: Ok(HoldResult::Granted),
            has_background: true,
        }
    }

    async fn call(self) -> Run {
        let clock = Arc::new(ManualClock::new());
        let stores = Stores(Arc::new(Inner {
            clock: clock.clone(),
            takes: self.takes.into_iter().collect(),
            paused: self.paused,
            acquired: self.acquired,
            booked: self.booked,
            state: Mutex::default(),
        }));
        let mut identifiers = MockIdentifiers::new();
        identifiers.expect_call_id().returning(call_id);
        identifiers.expect_contact_id().returning(|| ContactId::mint(1, [2; 8]));
        identifiers.expect_owner_token().returning(|| OwnerToken::mint([3; 16]));
        let port = Arc::new(stores.clone());
        let ports = PlaceCallPorts {
            directory: port.clone(),
            contacts: port.clone(),
            lock: port.clone(),
            ledger: port.clone(),
            keys: Arc::new(MockIdempotencyKeys::new()),
            provider: port,
            contexts: Arc::new(MockContextCache::new()),
            clock: clock.clone(),
            identifiers: Arc::new(identifiers),
            rules: Arc::new(testkit::rules::ScriptedRules::default()),
        };
        let mut place_call = PlaceCall::new(ports, CallPolicy::default(), DestinationRules::default());
        if self.has_background {
            place_call = place_call.with_background(Arc::new(Spawning));
        }
        let command = PlaceCallCommand::parse(UserId::parse("user-1").expect("an id"), &self.raw);
        let (command, answered_at) = (command.expect("a command"), clock.clone());
        let placing = tokio::spawn(async move {
            let answer = place_call.execute(command).await;
            (answer, answered_at.monotonic())
        });
        clock.advance(Duration::from_secs(180)).await;
        assert!(placing.is_finished(), "a call ends within three minutes");
        let (answer, answered_after) = placing.await.expect("no panic");
        let state = stores.0.state.lock().expect("no panic");
        Run {
            answer,
            answered_after,
            started: state.started.clone(),
            lock_is_held: state.lock_is_held,
            reservation_is_held: state.reservation_is_held,
        }
    }
}

impl Run {
    #[track_caller]
    fn assert_refused(&self, what: &str, after: Duration, started: &[&str]) {
        assert!(
            matches!(self.answer, Err(PlaceCallError::ServiceUnavailable(_))),
            "{what}: {:?}",
            self.answer
        );
        assert_eq!(self.answered_after, after, "{what}");
        assert_eq!(self.started, started, "{what}");
    }

    #[track_caller]
    fn assert_nothing_is_held(&self, what: &str) {
        assert_eq!((self.lock_is_held, self.reservation_is_held), (false, false), "{what}");
    }
}

fn steps_of(slow: Step) -> &'static [&'static str] {
    match slow {
        Step::Acquire => &["acquire", "release"],
        Step::Book => &["acquire", "book", "withdraw", "release"],
        _ => &[],
    }
}

#[tokio::test]
async fn a_step_that_is_slow_but_in_time_is_followed_by_the_dial() {
    for slow in BEFORE_THE_DIAL {
        let run = World::with(&[(slow, IN_TIME)]).call().await;
        assert!(run.answer.is_ok(), "{slow:?}: {:?}", run.answer);
        assert_eq!(run.started, ["acquire", "book", "dial", "settle"], "{slow:?}");
        assert_eq!(run.answered_after, IN_TIME, "{slow:?}");
    }
}

#[tokio::test]
async fn after_a_step_that_is_late_nothing_is_dialled_and_everything_is_given_back() {
    for slow in BEFORE_THE_DIAL {
        let what = format!("{slow:?} is late");
        let run = World::with(&[(slow, LATE)]).call().await;
        run.assert_refused(&what, DEADLINE, steps_of(slow));
        run.assert_nothing_is_held(&what);
    }
}

#[tokio::test]
async fn a_step_that_hangs_is_answered_at_the_deadline_and_giving_back_is_attempted() {
    for slow in BEFORE_THE_DIAL {
        let what = format!("{slow:?} hangs");
        let run = World::with(&[(slow, FOREVER)]).call().await;
        run.assert_refused(&what, DEADLINE, steps_of(slow));
        run.assert_nothing_is_held(&what);
    }
}

/// The contact is created before the lock, within the same deadline.
#[tokio::test]
async fn a_contact_that_is_created_late_is_not_called() {
    let raw = RawPlaceCall { phone_number: Some("+14165550110"), ..RawPlaceCall::default() };
    for slow in [LATE, FOREVER] {
        let run = World { raw, ..World::with(&[(Step::Create, slow)]) }.call().await;
        run.assert_refused("the creation is late", DEADLINE, &[]);
        run.assert_nothing_is_held("the creation is late");
    }
    let run = World { raw, ..World::with(&[(Step::Create, IN_TIME)]) }.call().await;
    assert!(run.answer.is_ok(), "{:?}", run.answer);
    assert_eq!(run.answered_after, IN_TIME);
}

#[tokio::test]
async fn all_steps_share_one_deadline() {
    let raw = RawPlaceCall { phone_number: Some("+14165550110"), ..RawPlaceCall::default() };
    let part = Duration::from_millis(600);
    for (slow, started) in [
        (vec![Step::Resolve, Step::Create, Step::Acquire, Step::Book], steps_of(Step::Book)),
        (vec![Step::Resolve, Step::Create, Step::Book], &["acquire", "book", "dial", "settle"]),
    ] {
        let takes: Vec<_> = slow.iter().map(|step| (*step, part)).collect();
        let run = World { raw, ..World::with(&takes) }.call().await;
        assert_eq!(run.started, started, "{slow:?}");
        assert!(run.answered_after <= DEADLINE, "{slow:?}: {:?}", run.answered_after);
    }
}

#[tokio::test]
async fn a_failed_booking_costs_one_more_short_statement_and_its_response_does_not_wait_for_it() {
    let unavailable = || Err(PortUnavailable::new("store", "unavailable"));
    for takes in [Duration::ZERO, Duration::from_secs(1), FOREVER] {
        let what = format!("withdrawing takes {takes:?}");
        let takes = [(Step::Book, Duration::from_secs(1)), (Step::SettleLedger, takes)];
        let world = World { booked: unavailable(), ..World::with(&takes) };
        world.call().await.assert_refused(&what, Duration::from_secs(1), steps_of(Step::Book));
    }
    for takes in [Duration::ZERO, FOREVER] {
        let what = format!("releasing takes {takes:?}");
        let world = World { acquired: unavailable(), ..World::with(&[(Step::Release, takes)]) };
        world.call().await.assert_refused(&what, Duration::ZERO, steps_of(Step::Acquire));
    }
}

#[tokio::test]
async fn the_lock_is_released_even_if_the_reservation_cannot_be() {
    let run = World::with(&[(Step::Book, FOREVER), (Step::SettleLedger, FOREVER)]).call().await;
    run.assert_refused("the ledger hangs", DEADLINE, steps_of(Step::Book));
    assert!(!run.lock_is_held);
}

#[tokio::test]
async fn without_background_the_response_waits_for_a_bounded_time() {
    for (takes, steps_waited) in [
        (vec![(Step::Book, FOREVER)], 1),
        (vec![(Step::Book, FOREVER), (Step::SettleLedger, FOREVER)], 2),
        (vec![(Step::Book, FOREVER), (Step::SettleLedger, FOREVER), (Step::Release, FOREVER)], 3),
    ] {
        let run = World { has_background: false, ..World::with(&takes) }.call().await;
        run.assert_refused(&format!("{takes:?}"), DEADLINE + SHORT * steps_waited, steps_of(Step::Book));
    }
}

/// It holds nothing that could be given back, and the other call's hold must stay.
#[tokio::test]
async fn a_late_step_that_finds_another_call_withdraws_nothing() {
    let remaining = Duration::from_secs(17);
    for found in
        [HoldResult::InFlight { remaining }, HoldResult::Settled(domain::SettledCall::Placed(earlier()))]
    {
        let world = World { acquired: Ok(found.clone()), ..World::with(&[(Step::Acquire, LATE)]) };
        world.call().await.assert_refused("the lock", DEADLINE, &["acquire"]);
        let world = World { booked: Ok(found), ..World::with(&[(Step::Book, LATE)]) };
        let run = world.call().await;
        run.assert_refused("the reservation", DEADLINE, &["acquire", "book", "release"]);
        run.assert_nothing_is_held("the reservation");
    }
}

#[tokio::test]
async fn a_process_that_was_paused_past_the_deadline_does_not_start_another_step() {
    let pause = Duration::from_secs(3);
    for at in BEFORE_THE_DIAL {
        let run = World { paused: Some((at, pause)), ..World::with(&[]) }.call().await;
        run.assert_refused(&format!("paused at {at:?}"), pause, steps_of(at));
        run.assert_nothing_is_held(&format!("paused at {at:?}"));
    }
}

use std::sync::Arc;
use std::time::Duration;

use domain::ports::Job;
use testkit::clock::ManualClock;
use testkit::memory::Memory;

use super::Meter;
use crate::metrics::LedgerGauges;
use crate::workers::leased::LeasedJob;

const LEASE: Duration = Duration::from_secs(45);

fn replica(memory: &Memory, clock: &Arc<ManualClock>) -> Meter {
    Meter {
        meter: Arc::new(memory.clone()),
        gauges: Arc::new(LedgerGauges::new(clock.clone())),
        clock: clock.clone(),
        lease: LeasedJob::new(Arc::new(memory.clone()), Job::MeasureLedger, LEASE),
    }
}

fn shows(replica: &Meter) -> bool {
    replica.gauges.render().is_some()
}

#[tokio::test]
async fn one_of_two_replicas_shows_the_ledger() {
    let clock = Arc::new(ManualClock::new());
    let memory = Memory::new(clock.clone());
    let (one, other) = (replica(&memory, &clock), replica(&memory, &clock));
    for _ in 0..5 {
        one.run_once().await.expect("store is up");
        other.run_once().await.expect("store is up");
        assert_eq!((shows(&one), shows(&other)), (true, false));
        clock.advance(LEASE / 3).await;
    }
    // The first one hangs.
    clock.advance(LEASE).await;
    assert!(!shows(&one), "its lease has expired");
    other.run_once().await.expect("store is up");
    one.run_once().await.expect("store is up");
    assert_eq!((shows(&one), shows(&other)), (false, true));
}

#[tokio::test]
async fn a_stop_gives_the_lease_back() {
    let clock = Arc::new(ManualClock::new());
    let memory = Memory::new(clock.clone());
    let (one, other) = (replica(&memory, &clock), replica(&memory, &clock));
    one.run_once().await.expect("store is up");
    one.give_back().await;
    other.run_once().await.expect("store is up");
    assert_eq!((shows(&one), shows(&other)), (false, true));
}

#[tokio::test]
async fn figures_are_shown_to_the_end_of_the_lease_if_the_store_is_lost() {
    let clock = Arc::new(ManualClock::new());
    let memory = Memory::new(clock.clone());
    let replica = replica(&memory, &clock);
    replica.run_once().await.expect("store is up");
    memory.lose();
    clock.advance(LEASE / 3).await;
    assert!(replica.run_once().await.is_err());
    assert!(shows(&replica));
    clock.advance(LEASE).await;
    assert!(!shows(&replica));
}

use domain::ports::{OldRows, RemovedRows};
use domain::{RemoveOldDataPorts, RetentionTimes};
use testkit::clock::ManualClock;
use testkit::memory::Memory;

use super::*;

/// A replica that removes provider events, and counts the batches of its store.
struct Replica {
    remover: Remover,
    batches: Arc<Mutex<u32>>,
}

fn replica(memory: &Memory, clock: &Arc<ManualClock>, fails: bool) -> Replica {
    let (batches, stop) = (Arc::new(Mutex::new(0)), CancellationToken::new());
    let (counted, stopping) = (batches.clone(), stop.clone());
    let mut retention = domain::ports::MockRetention::new();
    retention.expect_remove().returning(move |batch| {
        *counted.lock().expect("no test panics") += 1;
        if fails && batch.rows == OldRows::ProviderEvents {
            return Err(PortUnavailable::new("store", "lost"));
        }
        if stopping.is_cancelled() {
            panic!("a batch after a stop");
        }
        Ok(RemovedRows { rows: 0, next: None })
    });
    let times = RetentionTimes {
        provider_events: Some(Duration::from_hours(24)),
        deliveries: Some(Duration::from_hours(24)),
        ..RetentionTimes::default()
    };
    let ports = RemoveOldDataPorts { retention: Arc::new(retention), recordings: None, clock: clock.clone() };
    let leases: Arc<dyn JobLeases> = Arc::new(memory.clone());
    let lease = LeasedJob::new(leases.clone(), Job::RemoveOldData, LEASE_FOR);
    let remove = RemoveOldData::new(ports, times);
    let retention = Retention { remove, leases, clock: clock.clone(), metrics: None };
    Replica { remover: Remover { retention, lease, stop, last_run: Mutex::default() }, batches }
}

impl Replica {
    async fn poll(&self) -> u32 {
        self.remover.run_if_due().await.expect("store is up");
        std::mem::take(&mut self.batches.lock().expect("no test panics"))
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_two_replicas_removes_old_data_each_hour() {
    let clock = Arc::new(ManualClock::new());
    let memory = Memory::new(clock.clone());
    let (one, other) = (replica(&memory, &clock, false), replica(&memory, &clock, false));
    // Provider events, deliveries, call events.
    assert_eq!((one.poll().await, other.poll().await), (3, 0));
    for _ in 0..119 {
        clock.advance(RUN_INTERVAL / 120).await;
        assert_eq!((one.poll().await, other.poll().await), (0, 0));
    }
    clock.advance(RUN_INTERVAL / 120).await;
    assert_eq!((one.poll().await, other.poll().await), (3, 0));
    // The first one dies.
    clock.advance(LEASE_FOR).await;
    assert_eq!((other.poll().await, one.poll().await), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_the_job_to_another_replica() {
    let clock = Arc::new(ManualClock::new());
    let memory = Memory::new(clock.clone());
    let (one, other) = (replica(&memory, &clock, false), replica(&memory, &clock, false));
    assert_eq!(one.poll().await, 3);
    one.remover.stop.cancel();
    one.remover.lease.give_back().await;
    assert_eq!((one.poll().await, other.poll().await), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_fails_does_not_keep_the_others() {
    let clock = Arc::new(ManualClock::new());
    let memory = Memory::new(clock.clone());
    let one = replica(&memory, &clock, true);
    assert_eq!(one.poll().await, 3);
}

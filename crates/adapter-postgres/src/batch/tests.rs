use std::time::Duration;

use testkit::eventually;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;
use crate::PostgresSettings;

const MINUTE: Duration = Duration::from_mins(1);

/// A statement that notes its batch, and ends when the test lets it.
struct Statement {
    ran: Mutex<Vec<Vec<u32>>>,
    may_end: Semaphore,
}

/// Even numbers fit together, and so do odd ones. 13 panics, 99 fails its batch, and 7 fails alone.
struct Number(u32, Arc<Statement>);

impl BatchedWork for Number {
    type Output = u32;

    fn fits(&self, other: &Self) -> bool {
        self.0 % 2 == other.0 % 2
    }

    async fn run(_: &PostgresStore, batch: &[Self], _: Instant) -> Results<u32> {
        let numbers: Vec<u32> = batch.iter().map(|work| work.0).collect();
        let statement = Arc::clone(&batch[0].1);
        statement.ran.lock().expect("no panic while it is locked").push(numbers.clone());
        statement.may_end.acquire().await.expect("it is never closed").forget();
        assert!(!numbers.contains(&13), "a batch panics");
        if numbers.contains(&99) {
            return Err(because("it failed"));
        }
        let result = |number| if number == 7 { Err(because("it alone failed")) } else { Ok(number) };
        Ok(numbers.into_iter().map(result).collect())
    }
}

type Outcome = JoinHandle<Result<u32, PortUnavailable>>;

struct Fixture {
    store: PostgresStore,
    batches: Arc<Batches<Number>>,
    statement: Arc<Statement>,
}

impl Fixture {
    fn new() -> Self {
        let settings = PostgresSettings::new("postgres://outdial@127.0.0.1:1/outdial");
        Self {
            store: PostgresStore::unconnected(&settings).expect("the URL can be used"),
            batches: Arc::default(),
            statement: Arc::new(Statement { ran: Mutex::default(), may_end: Semaphore::new(0) }),
        }
    }

    /// As many batches run as may, each with one number: 0, 2 and so on.
    async fn busy() -> (Self, Vec<Outcome>) {
        let fixture = Self::new();
        let mut running = Vec::new();
        for n in 0..MAX_RUNNING {
            running.push(fixture.start(u32::try_from(2 * n).expect("a small number"), MINUTE));
            eventually("it runs", async || fixture.ran().len() == n + 1).await;
        }
        (fixture, running)
    }

    fn start(&self, number: u32, begin_within: Duration) -> Outcome {
        let now = Instant::now();
        let times = Times { begin_by: now + begin_within, end_by: now + MINUTE };
        let (batches, store) = (Arc::clone(&self.batches), self.store.clone());
        let work = Number(number, Arc::clone(&self.statement));
        tokio::spawn(async move { Batches::run(&batches, &store, work, times).await })
    }

    async fn start_waiting(&self, numbers: &[u32]) -> Vec<Outcome> {
        let mut started = Vec::new();
        for number in numbers {
            started.push(self.start(*number, MINUTE));
            let waiting = || self.batches.lock().waiting.len();
            eventually("it waits", async || waiting() == started.len()).await;
        }
        started
    }

    fn ran(&self) -> Vec<Vec<u32>> {
        self.statement.ran.lock().expect("no panic while it is locked").clone()
    }

    /// The batches that ran after those of `busy`.
    fn ran_later(&self) -> Vec<Vec<u32>> {
        self.ran().split_off(MAX_RUNNING)
    }

    fn end_all(&self) {
        self.statement.may_end.add_permits(100);
    }
}

async fn results(outcomes: Vec<Outcome>) -> Vec<Result<u32, PortUnavailable>> {
    let mut results = Vec::new();
    for outcome in outcomes {
        results.push(outcome.await.expect("no panic reaches the caller"));
    }
    results
}

#[tokio::test]
async fn work_that_waits_together_runs_together_if_it_fits() {
    let (fixture, running) = Fixture::busy().await;
    let waiting = fixture.start_waiting(&[4, 5, 6, 9, 8]).await;
    fixture.end_all();
    assert_eq!(results(waiting).await, [Ok(4), Ok(5), Ok(6), Ok(9), Ok(8)]);
    assert!(results(running).await.iter().all(Result::is_ok));
    let mut later = fixture.ran_later();
    later.sort();
    assert_eq!(later, [vec![4, 6, 8], vec![5, 9]]);
}

/// Small batches cost more than large ones, so the second one waits for the first as long as that is
/// fast.
#[tokio::test(start_paused = true)]
async fn another_batch_begins_only_while_the_first_is_slow() {
    let fixture = Fixture::new();
    let first = fixture.start(0, MINUTE);
    tokio::time::sleep(SLOW_AFTER / 2).await;
    let second = fixture.start(2, MINUTE);
    tokio::time::sleep(SLOW_AFTER / 4).await;
    assert_eq!(fixture.ran(), [[0]], "it is not slow yet");
    tokio::time::sleep(SLOW_AFTER / 2).await;
    assert_eq!(fixture.ran(), [[0], [2]]);
    let third = fixture.start(4, MINUTE);
    tokio::time::sleep(MINUTE / 2).await;
    assert_eq!(fixture.ran().len(), MAX_RUNNING, "both are slow");
    fixture.end_all();
    assert_eq!(results(vec![first, second, third]).await, [Ok(0), Ok(2), Ok(4)]);

    fixture.statement.may_end.forget_permits(100);
    let mut outcomes = vec![fixture.start(0, MINUTE)];
    tokio::time::sleep(SLOW_AFTER / 4).await;
    outcomes.extend([2, 4].map(|number| fixture.start(number, MINUTE)));
    tokio::time::sleep(SLOW_AFTER / 4).await;
    assert_eq!(fixture.ran_later()[1..], [[0]], "no batch is slow now");
    fixture.end_all();
    assert_eq!(results(outcomes).await, [Ok(0), Ok(2), Ok(4)]);
    assert_eq!(fixture.ran_later()[1..], [vec![0], vec![2, 4]]);
}

#[tokio::test]
async fn a_batch_has_an_upper_bound() {
    let (fixture, _running) = Fixture::busy().await;
    let numbers: Vec<u32> = (0..=u32::try_from(MAX_BATCH).expect("a small number")).map(|n| 2 * n).collect();
    let waiting = fixture.start_waiting(&numbers).await;
    fixture.end_all();
    assert!(results(waiting).await.iter().all(Result::is_ok));
    let mut sizes: Vec<usize> = fixture.ran_later().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, MAX_BATCH]);
}

#[tokio::test]
async fn the_error_of_a_statement_is_that_of_its_whole_batch_and_of_no_other() {
    let (fixture, _running) = Fixture::busy().await;
    let waiting = fixture.start_waiting(&[97, 99, 4]).await;
    fixture.end_all();
    let failed = || Err(because("it failed"));
    assert_eq!(results(waiting).await, [failed(), failed(), Ok(4)]);
}

#[tokio::test]
async fn the_error_of_one_work_is_not_that_of_its_batch() {
    let (fixture, _running) = Fixture::busy().await;
    let waiting = fixture.start_waiting(&[5, 7, 9]).await;
    fixture.end_all();
    assert_eq!(results(waiting).await, [Ok(5), Err(because("it alone failed")), Ok(9)]);
    assert_eq!(fixture.ran_later(), [[5, 7, 9]]);
}

#[tokio::test]
async fn work_that_no_caller_waits_for_does_not_begin() {
    let (fixture, _running) = Fixture::busy().await;
    let waiting = fixture.start_waiting(&[4, 6]).await;
    waiting[0].abort();
    eventually("its caller is gone", async || waiting[0].is_finished()).await;
    fixture.end_all();
    eventually("the other has run", async || waiting[1].is_finished()).await;
    assert_eq!(fixture.ran_later(), [[6]]);
}

/// A caller that stops waiting must not end the statement of others, nor its own: it may have begun.
#[tokio::test]
async fn a_batch_runs_to_its_end_without_its_callers() {
    let (fixture, running) = Fixture::busy().await;
    running.iter().for_each(Outcome::abort);
    let waiting = fixture.start_waiting(&[4]).await;
    assert!(fixture.ran_later().is_empty(), "the others still run");
    fixture.end_all();
    assert_eq!(results(waiting).await, [Ok(4)]);
}

#[tokio::test]
async fn work_that_has_waited_for_too_long_is_refused() {
    let (fixture, _running) = Fixture::busy().await;
    let late = fixture.start(4, Duration::from_millis(1));
    eventually("it waits", async || !fixture.batches.lock().waiting.is_empty()).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    fixture.end_all();
    assert!(late.await.expect("no panic").is_err());
    assert_eq!(fixture.ran_later(), [[0; 0]; 0]);
}

#[tokio::test]
async fn a_panic_fails_its_own_batch_alone() {
    let fixture = Fixture::new();
    fixture.end_all();
    for _ in 0..=MAX_RUNNING {
        let outcome = fixture.start(13, MINUTE).await.expect("no panic reaches the caller");
        assert!(outcome.is_err(), "{outcome:?}");
    }
    assert_eq!(results(vec![fixture.start(2, MINUTE)]).await, [Ok(2)]);
}

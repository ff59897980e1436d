//! Work of many callers in one statement.
//!
//! A statement costs the server and the gateway much more than a row in it. So work that arrives
//! while a batch of its kind runs waits, and then runs together: one statement, one transaction, one
//! commit. If no batch runs, work runs immediately.
//!
//! - A batch runs in a task of its own: no caller that stops waiting can abort the work of others.
//! - Work whose caller has stopped waiting is left out if its batch has not begun.
//! - If the statement fails, all work of its batch gets that error. What fails for one of them alone is
//!   the error of that work.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ports::PortUnavailable;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::PostgresStore;
use crate::failure::because;

/// The most work of one statement. More would save nothing, and delay the first.
const MAX_BATCH: usize = 32;

/// How many batches of one kind of work run at the same time: another one begins only if those that
/// run are slow, as on a slow disk. One batch that waits for a lock does not stop all work; two do,
/// until their time limit.
const MAX_RUNNING: usize = 2;

/// A batch is slow from this time on.
const SLOW_AFTER: Duration = Duration::from_millis(10);

/// The result of each work of a batch in order, or the error of all of it.
pub(crate) type Results<T> = Result<Vec<Result<T, PortUnavailable>>, PortUnavailable>;

/// Work that can run together with other work of its kind.
pub(crate) trait BatchedWork: Send + Sized + 'static {
    type Output: Send;

    /// Whether one statement can run this work with other work. Two changes of one row never fit.
    fn fits(&self, other: &Self) -> bool;

    /// Runs work that fits together.
    fn run(
        store: &PostgresStore,
        batch: &[Self],
        end_by: Instant,
    ) -> impl Future<Output = Results<Self::Output>> + Send;
}

/// One kind of work.
pub(crate) struct Batches<W: BatchedWork>(Mutex<Queue<W>>);

struct Queue<W: BatchedWork> {
    waiting: VecDeque<Waiting<W>>,
    running: usize,
    /// How many of the running batches are slow.
    slow: usize,
}

struct Waiting<W: BatchedWork> {
    work: W,
    times: Times,
    answer: oneshot::Sender<Result<W::Output, PortUnavailable>>,
}

/// By when an operation must begin and end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Work that waits for longer is refused: its batch would have too little time.
    pub(crate) begin_by: Instant,
    pub(crate) end_by: Instant,
}

impl<W: BatchedWork> Default for Batches<W> {
    fn default() -> Self {
        Self(Mutex::new(Queue { waiting: VecDeque::new(), running: 0, slow: 0 }))
    }
}

impl<W: BatchedWork> Batches<W> {
    /// Runs work, and returns its result in time.
    pub(crate) async fn run(
        batches: &Arc<Self>,
        store: &PostgresStore,
        work: W,
        times: Times,
    ) -> Result<W::Output, PortUnavailable> {
        let (answer, answered) = oneshot::channel();
        batches.lock().waiting.push_back(Waiting { work, times, answer });
        Self::start_if_needed(batches, store);
        answered.await.unwrap_or_else(|_| Err(because("the work was abandoned")))
    }

    /// Starts a task that runs batches if work waits and another batch may run.
    fn start_if_needed(batches: &Arc<Self>, store: &PostgresStore) {
        let mut queue = batches.lock();
        if !queue.waiting.is_empty() && queue.running == queue.slow && queue.running < MAX_RUNNING {
            queue.running += 1;
            let runner = Runner { batches: Arc::clone(batches), is_slow: false, has_retired: false };
            tokio::spawn(run_all(runner, store.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<W>> {
        // Each step leaves the queue in a state that the next one can use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: BatchedWork> Queue<W> {
    /// The oldest work, and what fits to it.
    fn next(&mut self) -> Vec<Waiting<W>> {
        let now = Instant::now();
        let mut batch: Vec<Waiting<W>> = Vec::new();
        let mut index = 0;
        while index < self.waiting.len() && batch.len() < MAX_BATCH {
            let candidate = &self.waiting[index];
            let is_late = candidate.times.begin_by < now || candidate.answer.is_closed();
            if !is_late && !batch.iter().all(|member| member.work.fits(&candidate.work)) {
                index += 1;
                continue;
            }
            let candidate = self.waiting.remove(index);
            if is_late {
                // Its caller may have stopped waiting.
                candidate.map(|late| late.answer.send(Err(because("the work waited for too long"))));
            } else {
                batch.extend(candidate);
            }
        }
        batch
    }
}

/// A task that runs batches. It counts as running until it finds no work, or until it is dropped,
/// because a batch panicked or the runtime ends.
struct Runner<W: BatchedWork> {
    batches: Arc<Batches<W>>,
    is_slow: bool,
    has_retired: bool,
}

impl<W: BatchedWork> Runner<W> {
    /// The next batch. Retires in the same step in which it finds no work, so that the next work
    /// starts another task.
    fn next(&mut self) -> Option<Vec<Waiting<W>>> {
        let mut queue = self.batches.lock();
        queue.slow -= usize::from(std::mem::take(&mut self.is_slow));
        let batch = queue.next();
        self.has_retired = batch.is_empty();
        queue.running -= usize::from(self.has_retired);
        (!batch.is_empty()).then_some(batch)
    }

    /// Waits for a batch. Lets another begin if it is slow.
    async fn watch<T>(&mut self, store: &PostgresStore, batch: impl Future<Output = T>) -> T {
        let mut batch = pin!(batch);
        if let Ok(results) = timeout(SLOW_AFTER, &mut batch).await {
            return results;
        }
        self.is_slow = true;
        self.batches.lock().slow += 1;
        Batches::start_if_needed(&self.batches, store);
        batch.await
    }
}

impl<W: BatchedWork> Drop for Runner<W> {
    fn drop(&mut self) {
        if !self.has_retired {
            let mut queue = self.batches.lock();
            queue.running -= 1;
            queue.slow -= usize::from(self.is_slow);
        }
    }
}

/// Runs batches until no work waits.
async fn run_all<W: BatchedWork>(mut runner: Runner<W>, store: PostgresStore) {
    while let Some(batch) = runner.next() {
        // No caller gets an error while its work may still run, so the first one decides.
        let end_by = batch.iter().map(|waiting| waiting.times.end_by).min().unwrap_or_else(Instant::now);
        let (works, answers): (Vec<W>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.work, waiting.answer)).unzip();
        let results: Vec<_> = match runner.watch(&store, W::run(&store, &works, end_by)).await {
            Ok(results) => results,
            Err(error) => works.iter().map(|_| Err(error.clone())).collect(),
        };
        for (answer, result) in answers.into_iter().zip(results) {
            let _ = answer.send(result);
        }
    }
}

#[cfg(test)]
mod tests;

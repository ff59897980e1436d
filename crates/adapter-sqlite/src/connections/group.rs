//! Group commit: writes that wait together share one transaction, and so one sync of the disk.
//!
//! A write joins the queue. The first one starts a leader, a task of its own: no caller that stops
//! waiting can abort the writes of others. When it is the leader's turn, it runs the queued writes in
//! the order of their arrival, commits, and answers all of them after that.
//!
//! - If a write fails, the group is rolled back and run again with a savepoint for each write. The write
//!   that fails then is rolled back to its savepoint and gets its error. The others go on. Savepoints for
//!   every group would double the queries that a booking hands to the connection's thread.
//! - If the transaction fails, as on a full disk, every write of the group gets that error.
//! - A write whose caller has stopped waiting is left out if it has not begun, and otherwise done with
//!   its group.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::PortUnavailable;
use sqlx::SqliteConnection;
use tokio::sync::oneshot;

use super::Connections;
use super::writer::WriteTransaction;
use crate::failure::{failed, unavailable};

/// The bounds of one group: the other writers of the file wait for it. After this time, no further
/// write begins.
const MAX_WRITES: usize = 64;
const MAX_DURATION: Duration = Duration::from_millis(50);

/// A write under way on the connection of its group.
pub(crate) type WriteFuture<'c, T> = Pin<Box<dyn Future<Output = Result<T, PortUnavailable>> + Send + 'c>>;

impl Connections {
    /// Runs a write as a whole, after the writes that were queued before it. It is on disk when this
    /// returns. It must pass on every error of a statement, and is run twice if its group fails once.
    pub(crate) async fn write_synced<T, W>(&self, write: W) -> Result<T, PortUnavailable>
    where
        T: Send + 'static,
        W: for<'c> FnMut(&'c mut SqliteConnection) -> WriteFuture<'c, T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let member = Member { write, result: Err(failed("the write was not run")), answer };
        if self.queue.join(Box::new(member)) {
            tokio::spawn(lead(self.clone()));
        }
        answered.await.unwrap_or_else(|_| Err(failed("the transaction was abandoned")))
    }

    async fn commit_group(&self) {
        let turn = self.turn().await;
        let waiting = self.queue.len();
        let mut transaction = match self.begin(&self.synced, turn).await {
            Ok(transaction) => transaction,
            Err(error) => {
                for member in (0..waiting).map_while(|_| self.queue.next()) {
                    member.answer(Err(error.clone()));
                }
                return;
            }
        };
        let mut members = Vec::new();
        let result = match self.run_queued(&mut transaction, &mut members).await {
            Ok(()) => transaction.commit().await,
            Err(error) => self.run_again(transaction, &mut members, error).await,
        };
        for member in members {
            member.answer(result.clone());
        }
    }

    /// Moves queued writes to `members` and runs them, until one fails.
    async fn run_queued(
        &self,
        transaction: &mut WriteTransaction,
        members: &mut Vec<Box<dyn GroupMember>>,
    ) -> Result<(), PortUnavailable> {
        let end = Instant::now() + self.queue.max_duration;
        while members.is_empty() || members.len() < MAX_WRITES && Instant::now() < end {
            let Some(mut member) = self.queue.next() else { break };
            if member.is_abandoned() {
                continue;
            }
            let result = member.run(transaction).await;
            members.push(member);
            result?;
        }
        Ok(())
    }

    /// Rolls a transaction back in which a write has failed, and runs and commits its writes with a
    /// savepoint for each. Fails if that transaction cannot be committed.
    async fn run_again(
        &self,
        failed: WriteTransaction,
        members: &mut [Box<dyn GroupMember>],
        error: PortUnavailable,
    ) -> Result<(), PortUnavailable> {
        // There is nothing to roll back if SQLite has done so by itself, as on a full disk.
        failed.roll_back().await.map_err(|_| error)?;
        let mut transaction = self.begin_synced().await?;
        for member in members {
            step(&mut transaction, "savepoint member").await?;
            if let Err(error) = member.run(&mut transaction).await {
                transaction.note_failure();
                step(&mut transaction, "rollback to member").await.map_err(|_| error)?;
            }
            step(&mut transaction, "release member").await?;
        }
        transaction.commit().await
    }
}

async fn step(transaction: &mut WriteTransaction, statement: &'static str) -> Result<(), PortUnavailable> {
    sqlx::query(statement).execute(&mut **transaction).await.map(drop).map_err(unavailable)
}

/// Commits groups until no write waits.
async fn lead(connections: Connections) {
    let mut leader = Leader { queue: Arc::clone(&connections.queue), has_retired: false };
    while leader.has_work() {
        connections.commit_group().await;
    }
}

/// The writes that wait, in the order of their arrival.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    max_duration: Duration,
}

#[derive(Default)]
struct Waiting {
    members: VecDeque<Box<dyn GroupMember>>,
    has_leader: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self { waiting: Mutex::default(), max_duration: MAX_DURATION }
    }
}

impl Queue {
    /// Returns whether the queue needs a leader. Removes the oldest writes that no caller waits for:
    /// while the disk hangs, they would fill the memory.
    fn join(&self, member: Box<dyn GroupMember>) -> bool {
        let mut waiting = self.lock();
        while waiting.members.pop_front_if(|oldest| oldest.is_abandoned()).is_some() {}
        waiting.members.push_back(member);
        !std::mem::replace(&mut waiting.has_leader, true)
    }

    fn next(&self) -> Option<Box<dyn GroupMember>> {
        self.lock().members.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().members.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

struct Leader {
    queue: Arc<Queue>,
    has_retired: bool,
}

impl Leader {
    /// Retires in the same step in which it finds no work, so that the next write starts another.
    fn has_work(&mut self) -> bool {
        let mut waiting = self.queue.lock();
        waiting.has_leader = !waiting.members.is_empty();
        self.has_retired = !waiting.has_leader;
        waiting.has_leader
    }
}

/// A leader that did not retire has panicked, or its runtime ends. Its writes fail, and the next
/// write starts another leader.
impl Drop for Leader {
    fn drop(&mut self) {
        if !self.has_retired {
            let abandoned = std::mem::take(&mut *self.queue.lock());
            drop(abandoned);
        }
    }
}

#[async_trait]
trait GroupMember: Send {
    /// Whether no caller waits for the answer.
    fn is_abandoned(&self) -> bool;

    async fn run(&mut self, connection: &mut SqliteConnection) -> Result<(), PortUnavailable>;

    /// Answers with the result of the write if its group was committed.
    fn answer(self: Box<Self>, committed: Result<(), PortUnavailable>);
}

struct Member<T, W> {
    write: W,
    result: Result<T, PortUnavailable>,
    answer: oneshot::Sender<Result<T, PortUnavailable>>,
}

#[async_trait]
impl<T, W> GroupMember for Member<T, W>
where
    T: Send,
    W: for<'c> FnMut(&'c mut SqliteConnection) -> WriteFuture<'c, T> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    async fn run(&mut self, connection: &mut SqliteConnection) -> Result<(), PortUnavailable> {
        self.result = (self.write)(connection).await;
        self.result.as_ref().map(drop).map_err(Clone::clone)
    }

    fn answer(self: Box<Self>, committed: Result<(), PortUnavailable>) {
        // The caller may have stopped waiting.
        let _ = self.answer.send(committed.and(self.result));
    }
}

#[cfg(test)]
mod tests;

//! Removing what is older than the operator keeps.

use std::sync::Arc;
use std::time::Duration;

use crate::Timestamp;
use crate::ports::{
    Clock, OldRows, PortUnavailable, RecordingStore, Retention, RetentionBatch, RetentionCursor,
};

/// For how long each kind of data is kept. `None` means for ever, or as long as the call that it belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionTimes {
    /// Provider events, after they were closed.
    pub provider_events: Option<Duration>,
    /// Call events, and their deliveries after they were concluded.
    pub deliveries: Option<Duration>,
    /// Transcripts, and what the provider concluded from them.
    pub transcripts: Option<Duration>,
    /// Recordings.
    pub recordings: Option<Duration>,
    /// What decisions on calls rested on.
    pub decisions: Option<Duration>,
    /// Calls.
    pub calls: Option<Duration>,
}

impl RetentionTimes {
    /// Whether anything is removed.
    #[must_use]
    pub fn remove_something(&self) -> bool {
        *self != Self::default()
    }
}

/// Removes data by its age, in small batches. The caller pauses between them.
pub struct RemoveOldData {
    ports: RemoveOldDataPorts,
    times: RetentionTimes,
}

/// The ports that removing old data needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct RemoveOldDataPorts {
    pub retention: Arc<dyn Retention>,
    /// Without it, recordings stay, and so do the calls that have one.
    pub recordings: Option<Arc<dyn RecordingStore>>,
    pub clock: Arc<dyn Clock>,
}

/// The most rows of a batch: a statement with so many takes some milliseconds.
const BATCH: u32 = 250;
/// The most recordings of a batch: each is a request to its store.
const RECORDINGS_BATCH: u32 = 50;

/// What is removed in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rows(OldRows),
    Recordings,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Rows(rows) => rows.name(),
            Self::Recordings => RECORDINGS,
        }
    }
}

/// The name of recordings in metrics and logs.
pub const RECORDINGS: &str = "recordings";

/// One pass over everything. Calls are last, because a call with a recording is kept.
#[derive(Debug)]
pub struct RetentionRun {
    /// What is still to do, the next one last.
    steps: Vec<(Kind, Timestamp)>,
    after: Option<RetentionCursor>,
}

impl RetentionRun {
    /// The kind of data of the next batch.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        self.steps.last().map(|(kind, _)| kind.name())
    }

    /// Goes on with the next kind of data, after one failed.
    pub fn skip(&mut self) {
        self.steps.pop();
        self.after = None;
    }
}

/// What a batch has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedBatch {
    /// The kind of data.
    pub kind: &'static str,
    /// How much.
    pub rows: u64,
}

impl RemoveOldData {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: RemoveOldDataPorts, times: RetentionTimes) -> Self {
        Self { ports, times }
    }

    /// Begins a run. What becomes old meanwhile is left to the next one.
    #[must_use]
    pub fn begin(&self) -> RetentionRun {
        let RetentionTimes { provider_events, deliveries, transcripts, recordings, decisions, calls } =
            self.times;
        let recordings = recordings.or(calls).filter(|_| self.ports.recordings.is_some());
        let order = [
            (Kind::Rows(OldRows::ProviderEvents), provider_events),
            (Kind::Rows(OldRows::Deliveries), deliveries),
            (Kind::Rows(OldRows::CallEvents), deliveries),
            (Kind::Rows(OldRows::Transcripts), transcripts),
            (Kind::Rows(OldRows::Decisions), decisions),
            (Kind::Rows(OldRows::RefusalCounts), decisions),
            (Kind::Rows(OldRows::Attempts), decisions),
            (Kind::Rows(OldRows::ListedNumbers), decisions),
            (Kind::Recordings, recordings),
            (Kind::Rows(OldRows::Calls), calls),
        ];
        let now = self.ports.clock.now();
        let due = order.into_iter().rev().filter_map(|(kind, time)| Some((kind, now.before(time?))));
        RetentionRun { steps: due.collect(), after: None }
    }

    /// Removes the next batch. Returns `None` at the end of the run. After an error the same batch is next.
    pub async fn next_batch(&self, run: &mut RetentionRun) -> Result<Option<RemovedBatch>, PortUnavailable> {
        let Some((kind, before)) = run.steps.last().copied() else { return Ok(None) };
        match kind {
            Kind::Recordings => {
                let rows = self.remove_recordings(before).await?;
                if rows < u64::from(RECORDINGS_BATCH) {
                    run.skip();
                }
                Ok(Some(RemovedBatch { kind: kind.name(), rows }))
            }
            Kind::Rows(rows) => {
                let batch = RetentionBatch { rows, before, limit: BATCH, after: run.after.take() };
                let removed = match self.ports.retention.remove(&batch).await {
                    Ok(removed) => removed,
                    Err(error) => {
                        run.after = batch.after;
                        return Err(error);
                    }
                };
                match removed.next {
                    None => run.skip(),
                    next => run.after = next,
                }
                Ok(Some(RemovedBatch { kind: kind.name(), rows: removed.rows }))
            }
        }
    }

    /// The audio first: a crash leaves the name of an absent recording, which is removed again. The other
    /// order would leave audio whose name is lost. A failure forgets those that were removed before it.
    async fn remove_recordings(&self, before: Timestamp) -> Result<u64, PortUnavailable> {
        let Some(store) = &self.ports.recordings else { return Ok(0) };
        let old = self.ports.retention.old_recordings(before, RECORDINGS_BATCH).await?;
        let (mut removed, mut failure) = (Vec::new(), None);
        for (call_id, key) in old {
            match store.remove(&key).await {
                Ok(()) => removed.push((call_id, key)),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        if !removed.is_empty() {
            self.ports.retention.forget_recordings(&removed).await?;
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(removed.len() as u64),
        }
    }
}

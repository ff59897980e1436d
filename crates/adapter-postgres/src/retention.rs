//! Removing rows by their age. Each statement skips rows that another one has locked, and finds the oldest
//! ones in an index that contains no younger ones that it cannot remove, except for some.

mod calls;
mod rows;
mod walks;

use async_trait::async_trait;
use domain::ports::{OldRows, PortUnavailable, RemovedRows, Retention, RetentionBatch};
use domain::{CallId, RecordingKey, Timestamp};
use sql_common::removed_oldest;

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::{Access, Mapping, Row, Select};

/// A statement that removes rows returns how many.
struct Count {
    removed: i64,
}

#[async_trait]
impl Retention for PostgresStore {
    async fn remove(&self, batch: &RetentionBatch) -> Result<RemovedRows, PortUnavailable> {
        let rows = match batch.rows {
            OldRows::ProviderEvents => self.remove_provider_events(batch).await,
            OldRows::Deliveries => self.remove_old_deliveries(batch).await,
            OldRows::CallEvents => self.remove_call_events(batch).await,
            OldRows::Transcripts => self.remove_transcripts(batch).await,
            OldRows::Decisions => self.remove_decisions(batch).await,
            OldRows::RefusalCounts => self.remove_refusal_counts(batch).await,
            OldRows::Calls => self.remove_calls(batch).await,
            OldRows::Attempts => return self.remove_attempts(batch).await,
            OldRows::ListedNumbers => return self.remove_listed_numbers(batch).await,
        };
        Ok(removed_oldest(rows?, batch))
    }

    async fn old_recordings(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CallId, RecordingKey)>, PortUnavailable> {
        self.recordings_before(before, limit).await
    }

    async fn forget_recordings(&self, removed: &[(CallId, RecordingKey)]) -> Result<(), PortUnavailable> {
        self.forget(removed).await
    }
}

impl PostgresStore {
    /// Runs a statement that removes rows. After a broken connection it removes the next ones.
    async fn remove_rows<'q, M: Mapping<Count>>(
        &self,
        statement: impl Fn() -> Select<'q, M> + Sync,
    ) -> Result<u64, PortUnavailable>
    where
        Count: Row,
    {
        let removed = self.only_row(Access::Write, statement).await?.removed;
        u64::try_from(removed).map_err(|_| because("a count was negative"))
    }
}

//! Readiness: whether the file can be read, and whether a booking could be written.

use std::time::{Duration, Instant};

use domain::ports::PortUnavailable;

use crate::SqliteStore;
use crate::failure::{unavailable, within};
use crate::statement::execute;

/// The time limit for the whole check.
const LIMIT: Duration = Duration::from_millis(2500);

/// A booking or a settlement that was on disk this recently proves that the file can be written.
const RECENTLY: Duration = Duration::from_secs(5);

/// The probe needs about as many new pages as a booking writes, so that it does not pass on the last
/// free bytes of a disk on which a booking fails.
const FILLER_BYTES: i64 = 64 << 10;

impl SqliteStore {
    /// Checks that the file can be read, and that calls can be booked. If no booking or settlement
    /// has succeeded recently, or if a write has failed since, it writes to the file.
    pub async fn ping(&self) -> Result<(), PortUnavailable> {
        within(LIMIT, async {
            self.read_schema().await?;
            if self.connections.last_write.was_within(RECENTLY) {
                return Ok(());
            }
            self.probe_write().await
        })
        .await
    }

    async fn read_schema(&self) -> Result<(), PortUnavailable> {
        let mut reader = self.connections.read().await?;
        // A bare `select 1` would not touch the file.
        let read = sqlx::query("select count(*) from sqlite_schema").fetch_one(&mut *reader).await;
        read.map(drop).map_err(unavailable)
    }

    /// Inserts before it deletes, so that the pages of the previous probe are not the ones that it
    /// needs. A transaction that is rolled back would prove nothing: until the commit, SQLite writes
    /// to memory.
    async fn probe_write(&self) -> Result<(), PortUnavailable> {
        let began = Instant::now();
        let mut transaction = self.connections.begin_synced().await?;
        let probe = sqlx::query!("insert into write_probe (filler) values (randomblob(?))", FILLER_BYTES);
        execute(&mut transaction, probe).await?;
        let previous = sqlx::query!("delete from write_probe where id <> last_insert_rowid()");
        execute(&mut transaction, previous).await?;
        transaction.commit().await?;
        self.connections.last_write.note(began);
        Ok(())
    }
}

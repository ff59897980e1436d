use async_trait::async_trait;
use domain::ports::{PortUnavailable, RefusalCount, RefusalCounts, RefusalQuery};
use sql_common::RefusalColumns;

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, within};
use crate::statement::execute;

#[async_trait]
impl RefusalCounts for SqliteStore {
    /// A power failure may lose what was added last.
    async fn add(&self, counts: &[RefusalCount]) -> Result<(), PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_unsynced().await?;
            for count in counts {
                let added = sqlx::query!(
                    "insert into refusal_counts (organization_id, code, hour, refusals) values (?, ?, ?, ?)
                     on conflict (organization_id, hour, code) do update
                         set refusals = refusal_counts.refusals + excluded.refusals",
                    count.organization_id.as_str(),
                    count.code.as_str(),
                    count.hour.unix_millis(),
                    i64::try_from(count.refusals).unwrap_or(i64::MAX)
                );
                execute(&mut transaction, added).await?;
            }
            transaction.commit().await
        })
        .await
    }

    async fn list(&self, query: &RefusalQuery) -> Result<Vec<RefusalCount>, PortUnavailable> {
        self.read_rows(sqlx::query_as!(
            RefusalColumns::<i64>,
            "select organization_id, hour, code, refusals from refusal_counts
             where organization_id = ? and hour >= ? and hour < ?
             order by hour, code",
            query.organization_id.as_str(),
            query.from.unix_millis(),
            query.until.unix_millis()
        ))
        .await
    }
}

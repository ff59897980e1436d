use async_trait::async_trait;
use domain::ports::{CallTraces, PortUnavailable};
use domain::{CallId, TraceParent};
use sql_common::TraceColumns;

use crate::SqliteStore;

// Without an organization in the predicate: it is for the operator's traces, never for a client.
#[async_trait]
impl CallTraces for SqliteStore {
    async fn trace_of(&self, call_id: &CallId) -> Result<Option<TraceParent>, PortUnavailable> {
        let id = call_id.as_str();
        let statement = sqlx::query_as!(TraceColumns, "select trace_parent from calls where id = ?", id);
        Ok(self.read_row(statement).await?.flatten())
    }
}

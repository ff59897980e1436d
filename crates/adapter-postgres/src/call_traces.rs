use async_trait::async_trait;
use domain::ports::{CallTraces, PortUnavailable};
use domain::{CallId, TraceParent};
use sql_common::TraceColumns;

use crate::PostgresStore;

// Without an organization in the predicate: it is for the operator's traces, never for a client.
#[async_trait]
impl CallTraces for PostgresStore {
    async fn trace_of(&self, call_id: &CallId) -> Result<Option<TraceParent>, PortUnavailable> {
        let found = self.read_row(|| {
            sqlx::query_as!(TraceColumns, "select trace_parent from calls where id = $1", call_id.as_str())
        });
        Ok(found.await?.flatten())
    }
}

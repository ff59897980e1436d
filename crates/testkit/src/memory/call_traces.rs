use async_trait::async_trait;
use domain::ports::{CallTraces, PortUnavailable};
use domain::{CallId, TraceParent};

use super::Memory;

#[async_trait]
impl CallTraces for Memory {
    async fn trace_of(&self, call_id: &CallId) -> Result<Option<TraceParent>, PortUnavailable> {
        let tables = self.open()?;
        let call = tables.calls.iter().find(|call| call.booking.identity.call_id == *call_id);
        Ok(call.and_then(|call| call.booking.trace.clone()))
    }
}

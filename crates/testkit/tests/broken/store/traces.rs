use async_trait::async_trait;
use domain::ports::{CallTraces, PortUnavailable};
use domain::{CallId, TraceParent};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl CallTraces for BrokenStore {
    async fn trace_of(&self, call_id: &CallId) -> Result<Option<TraceParent>, PortUnavailable> {
        self.reach(call_id.as_str()).await?;
        let found = self.memory.trace_of(call_id).await?;
        let first = || self.memory.tables().calls.iter().find_map(|call| call.booking.trace.clone());
        Ok(match self.flaw {
            Flaw::DropsTheTrace => None,
            Flaw::AnswersTheFirstTrace => found.and_then(|_| first()),
            Flaw::AnswersSomeTrace => found.or_else(first),
            _ => found,
        })
    }
}

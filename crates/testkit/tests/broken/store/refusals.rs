use async_trait::async_trait;
use domain::Timestamp;
use domain::ports::{PortUnavailable, RefusalCount, RefusalCounts, RefusalQuery};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl RefusalCounts for BrokenStore {
    async fn add(&self, counts: &[RefusalCount]) -> Result<(), PortUnavailable> {
        self.reach(counts.first().map_or("", |count| count.organization_id.as_str())).await?;
        match self.flaw {
            Flaw::KeepsTheLastRefusals => {
                for count in counts {
                    let key = (count.organization_id.clone(), count.hour, count.code);
                    self.memory.tables().refusals.remove(&key);
                }
            }
            Flaw::AddsToWhatItRead => {
                let read = self.memory.tables().refusals.clone();
                tokio::task::yield_now().await;
                self.memory.tables().refusals = read;
            }
            _ => {}
        }
        self.memory.add(counts).await
    }

    async fn list(&self, query: &RefusalQuery) -> Result<Vec<RefusalCount>, PortUnavailable> {
        self.reach(query.organization_id.as_str()).await?;
        let mut query = query.clone();
        if self.has(Flaw::ListsTheLastHourToo) {
            query.until = Timestamp::from_unix_millis(query.until.unix_millis() + 1);
        }
        let mut listed = self.memory.list(&query).await?;
        if self.has(Flaw::ListsRefusalsByCode) {
            listed.sort_by_key(|count| (count.code, count.hour));
        }
        Ok(listed)
    }
}

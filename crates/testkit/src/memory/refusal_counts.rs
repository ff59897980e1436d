use async_trait::async_trait;
use domain::ports::{PortUnavailable, RefusalCount, RefusalCounts, RefusalQuery};

use super::Memory;

#[async_trait]
impl RefusalCounts for Memory {
    async fn add(&self, counts: &[RefusalCount]) -> Result<(), PortUnavailable> {
        let mut tables = self.open()?;
        for count in counts {
            let key = (count.organization_id.clone(), count.hour, count.code);
            *tables.refusals.entry(key).or_default() += count.refusals;
        }
        Ok(())
    }

    async fn list(&self, query: &RefusalQuery) -> Result<Vec<RefusalCount>, PortUnavailable> {
        let tables = self.open()?;
        let own = tables.refusals.iter().filter(|((organization_id, hour, _), _)| {
            *organization_id == query.organization_id && (query.from..query.until).contains(hour)
        });
        let mut counts: Vec<RefusalCount> = own
            .map(|((organization_id, hour, code), refusals)| RefusalCount {
                organization_id: organization_id.clone(),
                hour: *hour,
                code: *code,
                refusals: *refusals,
            })
            .collect();
        counts.sort_by_key(|count| (count.hour, count.code.as_str()));
        Ok(counts)
    }
}

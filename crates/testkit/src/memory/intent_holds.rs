use async_trait::async_trait;
use domain::IntentKey;
use domain::ports::{HoldResult, IntentHolds, PortUnavailable};

use super::Memory;

/// The lock, and the ledger behind it.
#[async_trait]
impl IntentHolds for Memory {
    async fn look_at(&self, key: &IntentKey) -> Result<HoldResult, PortUnavailable> {
        let (tables, now) = (self.open()?, self.now());
        let locked = tables.locks.get(key).filter(|entry| entry.until > now);
        let locked = locked.map(|entry| match &entry.result {
            Some(result) => HoldResult::Settled(result.clone()),
            None => HoldResult::InFlight { remaining: entry.until.since(now) },
        });
        Ok(locked.or_else(|| tables.reserved(key, now)).unwrap_or(HoldResult::Granted))
    }
}

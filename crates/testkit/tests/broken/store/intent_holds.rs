use std::time::Duration;

use async_trait::async_trait;
use domain::IntentKey;
use domain::ports::{HoldResult, IdempotencyLock, IntentHolds, LockRequest, PortUnavailable};
use testkit::fixtures::token;

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl IntentHolds for BrokenStore {
    async fn look_at(&self, key: &IntentKey) -> Result<HoldResult, PortUnavailable> {
        self.reach(key.as_str()).await?;
        let in_flight = HoldResult::InFlight { remaining: Duration::from_secs(1) };
        let seen = self.memory.look_at(key).await?;
        Ok(match (self.flaw, seen) {
            (Flaw::SeesHeldKeysFree, HoldResult::InFlight { .. }) => HoldResult::Granted,
            (Flaw::SeesFreeKeysHeld, HoldResult::Granted) => in_flight,
            (Flaw::ForgetsTheResultsItSees, HoldResult::Settled(_)) => in_flight,
            (Flaw::TakesTheKeysItLooksAt, HoldResult::Granted) => {
                self.memory.acquire(&LockRequest::new(key, &token(), Duration::from_secs(30))).await?
            }
            (_, seen) => seen,
        })
    }
}

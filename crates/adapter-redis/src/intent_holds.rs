use async_trait::async_trait;
use domain::IntentKey;
use domain::ports::{HoldResult, IntentHolds, PortUnavailable};

use crate::{
    failure, keys,
    lock::{NO_SUCH_KEY, in_flight},
    store::{RedisStore, request},
    wire::LockValue,
};

/// The locks.
#[async_trait]
impl IntentHolds for RedisStore {
    async fn look_at(&self, key: &IntentKey) -> Result<HoldResult, PortUnavailable> {
        let key = keys::lock(self.key_prefix(), key);
        let mut get = request();
        get.cmd("GET").arg(&key).cmd("PTTL").arg(&key);
        let mut replies = self.send(&get, self.deadline()).await?;
        let (value, remaining): (Option<Vec<u8>>, i64) = (replies.take()?, replies.take()?);
        let Some(value) = value else { return Ok(HoldResult::Granted) };
        match (LockValue::parse(&value)?, remaining) {
            (LockValue::Settled(call), _) => Ok(HoldResult::Settled(call)),
            // It expired between the two commands.
            (LockValue::Pending(_), NO_SUCH_KEY) => Ok(HoldResult::Granted),
            (LockValue::Pending(_), remaining) => {
                let remaining =
                    u64::try_from(remaining).map_err(|_| failure::because("a lock has no expiry time"))?;
                Ok(in_flight(remaining))
            }
        }
    }
}

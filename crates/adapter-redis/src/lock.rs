//! The lock: one command when it is granted, scripts that compare the token for every later write.
//!
//! Scripts are sent as text. The server keeps what it has compiled, so this saves nothing but bytes to do otherwise, and a
//! server that was restarted empty would answer a digest with `NOSCRIPT` in the middle of a pipeline.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Pipeline, Value};
use domain::{
    IntentKey, OwnerToken,
    ports::{HoldResult, IdempotencyLock, LockSettlement, Ownership, PortUnavailable, SettleResult},
};

use crate::{
    failure,
    keys::Key,
    store::{RedisStore, millis, request},
    wire::{self, Holder},
};

/// Value while in flight; milliseconds.
const RENEW: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end \
return 0";

/// Value while in flight; what the owner's settled value begins with; settled value; milliseconds. Settling again is
/// granted to the one who settled: the answer to the first time may have been lost.
const SETTLE: &str = "\
local held = redis.call('GET', KEYS[1]) \
if held == ARGV[1] or (held and string.sub(held, 1, #ARGV[2]) == ARGV[2]) then \
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) return 1 end \
return 0";

/// Value while in flight.
const RELEASE: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end \
return 0";

#[async_trait]
impl IdempotencyLock for RedisStore {
    async fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<HoldResult, PortUnavailable> {
        let key = Key::lock(self.key_prefix(), key);
        let mut take = request();
        take.cmd("SET").arg(&key).arg(wire::pending(token)).arg("NX").arg("PX").arg(millis(hold_for));
        let mut look = request();
        look.cmd("GET").arg(&key).cmd("PTTL").arg(&key);

        let deadline = self.deadline();
        let mut repeated = false;
        // A key may lapse between being refused and being looked at. Then it is free, and worth one more try.
        for _ in 0..2 {
            let mut taken = self.send(&take, deadline).await?;
            match taken.take()? {
                Value::Okay => return Ok(HoldResult::Granted),
                Value::Nil => repeated |= taken.repeated,
                _ => return Err(failure::unexpected_reply()),
            }
            let mut seen = self.send(&look, deadline).await?;
            let (value, remaining): (Option<Vec<u8>>, i64) = (seen.take()?, seen.take()?);
            let Some(value) = value else { continue };
            match (Holder::parse(&value)?, remaining) {
                (Holder::Settled(call), _) => return Ok(HoldResult::Settled(call)),
                // The first try went through, and only its answer was lost.
                (Holder::Pending(holder), _) if repeated && holder == token.as_str() => {
                    return Ok(HoldResult::Granted);
                }
                (Holder::Pending(_), NO_SUCH_KEY) => {}
                (Holder::Pending(_), remaining) => {
                    let remaining = u64::try_from(remaining)
                        .map_err(|_| failure::because("a lock is held without an end"))?;
                    return Ok(in_flight(remaining));
                }
            }
        }
        Ok(in_flight(0))
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        let mut request = request();
        script(&mut request, RENEW, &Key::lock(self.key_prefix(), key), token).arg(millis(hold_for));
        ownership(self.send(&request, self.deadline()).await?.take()?)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        let LockSettlement { key, token, call, hold_for, context } = *settlement;
        let mut request = request();
        script(&mut request, SETTLE, &Key::lock(self.key_prefix(), key), token)
            .arg(wire::settled_prefix(token))
            .arg(wire::settled(token, call))
            .arg(millis(hold_for));
        if let Some(rider) = context {
            self.keep_command(&mut request, rider.context, rider.ttl);
        }
        let mut answers = self.send(&request, self.deadline()).await?;
        let ownership = ownership(answers.take()?)?;
        let context_stored = context.is_some() && matches!(answers.take(), Ok(Value::Okay));
        Ok(SettleResult { ownership, context_stored })
    }

    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable> {
        let mut request = request();
        script(&mut request, RELEASE, &Key::lock(self.key_prefix(), key), token);
        ownership(self.send(&request, self.deadline()).await?.take()?)
    }
}

/// What `PTTL` answers for a key that is not there.
const NO_SUCH_KEY: i64 = -2;

fn in_flight(remaining_millis: u64) -> HoldResult {
    HoldResult::InFlight { remaining: Duration::from_millis(remaining_millis.max(1)) }
}

/// Begins a script's call on one lock; its first argument is what the key holds while this owner is in flight.
fn script<'r>(request: &'r mut Pipeline, text: &str, key: &Key, token: &OwnerToken) -> &'r mut Pipeline {
    request.cmd("EVAL").arg(text).arg(1).arg(key).arg(wire::pending(token))
}

fn ownership(written: i64) -> Result<Ownership, PortUnavailable> {
    match written {
        1 => Ok(Ownership::Held),
        0 => Ok(Ownership::Lost),
        _ => Err(failure::unexpected_reply()),
    }
}

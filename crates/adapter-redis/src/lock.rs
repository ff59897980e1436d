//! The lock: one command to acquire it, and a script that compares the token for every later write.
//!
//! Scripts are sent as text. The server caches the compiled script, so a digest would only save
//! bytes, and a restarted server would reply `NOSCRIPT` to it in the middle of a pipeline.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Pipeline, Value};
use domain::{
    IntentKey, OwnerToken,
    ports::{
        ContextToStore, HoldResult, IdempotencyLock, LockSettlement, Ownership, PortUnavailable, SettleResult,
    },
};

use crate::{
    failure, keys,
    store::{RedisStore, add_set, millis, request},
    wire::{self, LockValue},
};

/// Arguments: the owner's pending value; milliseconds.
const RENEW: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end \
return 0";

/// Arguments: the owner's pending value; the prefix of its settled value; the settled value;
/// milliseconds. The owner may settle again: the first reply may have been lost.
const SETTLE: &str = "\
local held = redis.call('GET', KEYS[1]) \
if held == ARGV[1] or (held and string.sub(held, 1, #ARGV[2]) == ARGV[2]) then \
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) return 1 end \
return 0";

/// Arguments: the owner's pending value.
const RELEASE: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end \
return 0";

/// The reply of `PTTL` for a key that does not exist.
const NO_SUCH_KEY: i64 = -2;

#[async_trait]
impl IdempotencyLock for RedisStore {
    async fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<HoldResult, PortUnavailable> {
        let key = keys::lock(self.key_prefix(), key);
        let mut set = request();
        set.cmd("SET").arg(&key).arg(wire::pending(token)).arg("NX").arg("PX").arg(millis(hold_for));
        let mut get = request();
        get.cmd("GET").arg(&key).cmd("PTTL").arg(&key);

        let deadline = self.deadline();
        let mut repeated = false;
        // A held key may expire between the two requests. It is free then, so try once more.
        for _ in 0..2 {
            let mut replies = self.send(&set, deadline).await?;
            match replies.take()? {
                Value::Okay => return Ok(HoldResult::Granted),
                Value::Nil => repeated |= replies.repeated,
                _ => return Err(failure::unexpected_reply()),
            }
            let mut replies = self.send(&get, deadline).await?;
            let (value, remaining): (Option<Vec<u8>>, i64) = (replies.take()?, replies.take()?);
            let Some(value) = value else { continue };
            match (LockValue::parse(&value)?, remaining) {
                (LockValue::Settled(call), _) => return Ok(HoldResult::Settled(call)),
                // The first SET succeeded, and only its reply was lost.
                (LockValue::Pending(holder), _) if repeated && holder == token.as_str() => {
                    return Ok(HoldResult::Granted);
                }
                (LockValue::Pending(_), NO_SUCH_KEY) => {}
                (LockValue::Pending(_), remaining) => {
                    let remaining = u64::try_from(remaining)
                        .map_err(|_| failure::because("a lock has no expiry time"))?;
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
        self.add_script(&mut request, RENEW, key, token).arg(millis(hold_for));
        ownership(self.reply(&request).await?)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        let LockSettlement { key, token, call, hold_for, context } = *settlement;
        let mut request = request();
        self.add_script(&mut request, SETTLE, key, token)
            .arg(wire::settled_prefix(token))
            .arg(wire::settled(token, call))
            .arg(millis(hold_for));
        if let Some(ContextToStore { context, ttl }) = context {
            let key = keys::context(self.key_prefix(), &context.conversation_id);
            add_set(&mut request, &key, &wire::outbound(context), ttl);
        }
        let mut replies = self.send(&request, self.deadline()).await?;
        let ownership = ownership(replies.take()?)?;
        let context_stored = context.is_some() && matches!(replies.take(), Ok(Value::Okay));
        Ok(SettleResult { ownership, context_stored })
    }

    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable> {
        let mut request = request();
        self.add_script(&mut request, RELEASE, key, token);
        ownership(self.reply(&request).await?)
    }
}

impl RedisStore {
    /// Adds a script on one lock to a request. Its first argument is the owner's pending value.
    fn add_script<'r>(
        &self,
        request: &'r mut Pipeline,
        text: &str,
        key: &IntentKey,
        token: &OwnerToken,
    ) -> &'r mut Pipeline {
        let key = keys::lock(self.key_prefix(), key);
        request.cmd("EVAL").arg(text).arg(1).arg(key).arg(wire::pending(token))
    }
}

fn in_flight(remaining_millis: u64) -> HoldResult {
    HoldResult::InFlight { remaining: Duration::from_millis(remaining_millis.max(1)) }
}

fn ownership(written: i64) -> Result<Ownership, PortUnavailable> {
    match written {
        1 => Ok(Ownership::Held),
        0 => Ok(Ownership::Lost),
        _ => Err(failure::unexpected_reply()),
    }
}

//! The lock: one command to acquire it, or a script if limits count it or it needs a slot, and a script
//! that compares the token for every later write.
//!
//! Scripts are sent as text. The server caches the compiled script, so a digest would only save
//! bytes, and a restarted server would reply `NOSCRIPT` to it in the middle of a pipeline.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Pipeline, Value};
use domain::{
    IntentKey, OwnerToken, Pace, Slot,
    ports::{
        ContextToStore, DayLimit, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership,
        PortUnavailable, SettleResult,
    },
};
use tokio::join;

use crate::{
    failure, keys, slots,
    store::{self, RedisStore, add_set, millis},
    wire::{self, LockValue},
};

/// Acquires a lock within limits, and takes a slot. The other keys are the record, the counts, and then those
/// of the paces. Arguments: the owner's pending value; milliseconds; the number of counts; for each count its
/// limit, the count to begin with or -1, its milliseconds and its kind; and those of [`slots::SLOTS`].
///
/// Replies with 0, the lock's value and the rest of its time; or 1 and the wait if it is granted; or 2
/// and the number of the limit that is reached; or 3 and the numbers of those without a count; or 4 and
/// the wait if it is too long.
///
/// It writes a count also if it refuses, so that the ledger is not asked again. The lock is written
/// first: on a full server it is the first write of a script that fails. A request that is repeated
/// finds its own lock, and is not counted again.
///
/// A count belongs to one run of one server: after a restart from a snapshot, or a failover to a
/// replica that lacked the last writes, it may be too low, and is asked for again. A server that
/// forbids `INFO` cannot be told from another one. The record beside the lock has the run and the kinds
/// of the counts that have counted the request, so that its release changes no other count.
const ACQUIRE: &str = "\
local held = redis.call('GET', KEYS[1]) \
if held then return {0, held, redis.call('PTTL', KEYS[1])} end \
local limits = tonumber(ARGV[3]) \
local run, counts, kinds, uncounted, reached = '', {}, {}, {}, 0 \
if limits > 0 then \
local info = redis.pcall('INFO', 'server') \
run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or '' end \
for i = 1, limits do \
local stored = redis.call('HMGET', KEYS[i + 2], 'run', 'calls') \
local count = math.max(stored[1] == run and tonumber(stored[2]) or -1, tonumber(ARGV[4 * i + 1])) \
if count < 0 then uncounted[#uncounted + 1] = i \
elseif reached == 0 and count >= tonumber(ARGV[4 * i]) then reached = i end \
counts[i], kinds[i] = count, ARGV[4 * i + 3] end \
if #uncounted > 0 then return {3, uncounted, 0} end \
local wait, near, scopes = 0, true, {} \
if reached == 0 and #KEYS > limits + 2 then wait, near, scopes = next_slot(limits + 3, 4 * limits + 4) end \
local granted = reached == 0 and near and 1 or 0 \
if granted == 1 then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) \
if limits > 0 then redis.call('SET', KEYS[2], run .. ':' .. table.concat(kinds, ','), 'PX', 600000) end end \
for i = 1, limits do \
redis.call('HSET', KEYS[i + 2], 'run', run, 'calls', counts[i] + granted) \
redis.call('PEXPIRE', KEYS[i + 2], ARGV[4 * i + 2]) end \
if granted == 1 then take_slot(limits + 3, 4 * limits + 4, wait, scopes) return {1, wait, 0} end \
if reached > 0 then return {2, reached, 0} end \
return {4, wait, 0}";

/// [`ACQUIRE`] with the functions that it calls.
static WITHIN_LIMITS: LazyLock<String> = LazyLock::new(|| format!("{} {ACQUIRE}", slots::SLOTS));
/// The same of [`slots::NEXT`].
static NEXT: LazyLock<String> = LazyLock::new(|| format!("{} {}", slots::SLOTS, slots::NEXT));

/// Stands for a count that a request does not bring.
pub(crate) const NO_COUNT: i64 = -1;

/// The beginning of a script whose first argument is the owner's pending value. `owned` is whether the lock
/// has this value, or one that continues it after a `:`.
macro_rules! compare_owner {
    () => {
        "local held = redis.call('GET', KEYS[1]) or '' \
         local owned = string.sub(held .. ':', 1, #ARGV[1] + 1) == ARGV[1] .. ':' "
    };
}

/// Arguments: the owner's pending value; milliseconds.
const RENEW: &str = concat!(
    compare_owner!(),
    "if owned then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end \
     return 0"
);

/// Arguments: the owner's pending value; the prefix of its settled value; the settled value;
/// milliseconds. The owner may settle again: the first reply may have been lost.
const SETTLE: &str = concat!(
    compare_owner!(),
    "if owned or string.sub(held, 1, #ARGV[2]) == ARGV[2] then \
     redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) return 1 end \
     return 0"
);

/// Arguments: the owner's pending value; the prefix of its settled value; the kind of each count. The other
/// keys are the record and the counts. A request is taken out of them also if its lock has ended: the record
/// is there once.
const RELEASE: &str = concat!(
    compare_owner!(),
    "local run, kinds = string.match(redis.call('GET', KEYS[2]) or '', '^(%w*):([%w%-,]+)$') \
     if run then redis.call('DEL', KEYS[2]) end \
     if owned then redis.call('DEL', KEYS[1]) end \
     if string.sub(held, 1, #ARGV[2]) == ARGV[2] then kinds = nil end \
     for i = 3, #KEYS do \
     local stored = redis.call('HMGET', KEYS[i], 'run', 'calls') \
     if kinds and string.find(kinds, ARGV[i], 1, true) and stored[1] == run and tonumber(stored[2]) > 0 then \
     redis.call('HINCRBY', KEYS[i], 'calls', -1) end \
     end \
     return owned and 1 or 0"
);

/// The reply of `PTTL` for a key that does not exist.
pub(crate) const NO_SUCH_KEY: i64 = -2;

#[async_trait]
impl IdempotencyLock for RedisStore {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        let LockRequest { key, token, hold_for, limits, paces, .. } = *request;
        if self.is_cluster() {
            return self.acquire_in_cluster(request).await;
        }
        if !limits.is_empty() || !paces.is_empty() {
            return self.acquire_by_script(request).await;
        }
        let key = keys::lock(self.key_prefix(), key);
        let mut set = store::request();
        set.cmd("SET").arg(&key).arg(wire::pending(token)).arg("NX").arg("PX").arg(millis(hold_for));
        let mut get = store::request();
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
            if let Some(held) = held_by(&value, remaining, token, repeated)? {
                return Ok(held);
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
        let mut request = store::request();
        self.add_script(&mut request, RENEW, key, token).arg(millis(hold_for));
        ownership(self.reply(&request).await?)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        let LockSettlement { key, token, call, hold_for, context } = *settlement;
        let mut request = store::request();
        let mut for_context = store::request();
        self.add_script(&mut request, SETTLE, key, token)
            .arg(wire::settled_prefix(token))
            .arg(wire::settled(token, call))
            .arg(millis(hold_for));
        if let Some(ContextToStore { context, ttl }) = context {
            let key = keys::context(self.key_prefix(), &context.conversation_id);
            // In a cluster, the context is on another node than the lock.
            let request = if self.is_cluster() { &mut for_context } else { &mut request };
            add_set(request, &key, &wire::outbound(context), ttl);
        }
        let deadline = self.deadline();
        if context.is_some() && self.is_cluster() {
            let (settled, stored) = join!(self.send(&request, deadline), self.send(&for_context, deadline));
            let context_stored = stored.is_ok_and(|mut stored| matches!(stored.take(), Ok(Value::Okay)));
            return Ok(SettleResult { ownership: ownership(settled?.take()?)?, context_stored });
        }
        let mut replies = self.send(&request, deadline).await?;
        let ownership = ownership(replies.take()?)?;
        let context_stored = context.is_some() && matches!(replies.take(), Ok(Value::Okay));
        Ok(SettleResult { ownership, context_stored })
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        if self.is_cluster() {
            return self.release_in_cluster(key, token, limits).await;
        }
        let mut request = store::request();
        let release = self.add_counting_script(&mut request, RELEASE, key, token, limits, &[]);
        release.arg(wire::settled_prefix(token));
        release.arg(limits.iter().map(keys::day_count_kind).collect::<Vec<_>>());
        ownership(self.reply(&request).await?)
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        if paces.is_empty() {
            return Ok(Slot::In(Duration::ZERO));
        }
        let mut request = store::request();
        request.cmd("EVAL").arg(NEXT.as_str()).arg(paces.len());
        for pace in paces {
            request.arg(keys::slot(self.key_prefix(), pace));
        }
        slots::add_arguments(&mut request, paces, longest_wait);
        let (is_near, wait): (bool, u64) = self.reply(&request).await?;
        let wait = Duration::from_millis(wait);
        Ok(if is_near { Slot::In(wait) } else { Slot::Beyond(wait) })
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
        request.cmd("EVAL").arg(text).arg(1).arg(keys::lock(self.key_prefix(), key)).arg(wire::pending(token))
    }

    /// The same for a script that also changes the counts of these limits, and takes slots.
    fn add_counting_script<'r>(
        &self,
        request: &'r mut Pipeline,
        text: &str,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
        paces: &[Pace],
    ) -> &'r mut Pipeline {
        let prefix = self.key_prefix();
        let keys = 2 + limits.len() + paces.len();
        request.cmd("EVAL").arg(text).arg(keys).arg(keys::lock(prefix, key));
        request.arg(keys::counted(prefix, key, token));
        for limit in limits {
            request.arg(keys::day_count(prefix, limit));
        }
        for pace in paces {
            request.arg(keys::slot(prefix, pace));
        }
        request.arg(wire::pending(token))
    }

    /// Takes the lock, counts the request and takes a slot, in one script.
    async fn acquire_by_script(&self, request: &LockRequest<'_>) -> Result<HoldResult, PortUnavailable> {
        let LockRequest { key, token, hold_for, limits, paces, longest_wait } = *request;
        let mut acquire = store::request();
        self.add_counting_script(&mut acquire, WITHIN_LIMITS.as_str(), key, token, limits, paces)
            .arg(millis(hold_for))
            .arg(limits.len());
        for limit in limits {
            let counted = limit.counted.map_or(NO_COUNT, i64::from);
            acquire
                .arg(limit.limit)
                .arg(counted)
                .arg(millis(limit.keep_for))
                .arg(keys::day_count_kind(limit));
        }
        slots::add_arguments(&mut acquire, paces, longest_wait);
        let mut replies = self.send(&acquire, self.deadline()).await?;
        let reply: (i64, Value, Value) = replies.take()?;
        match reply {
            (0, Value::BulkString(value), Value::Int(remaining)) => {
                let held = held_by(&value, remaining, token, replies.repeated)?;
                Ok(held.unwrap_or_else(|| in_flight(0)))
            }
            (1, ..) if paces.is_empty() => Ok(HoldResult::Granted),
            (1, Value::Int(wait), _) => Ok(HoldResult::GrantedAfter { wait: slots::wait(wait)? }),
            (2, Value::Int(reached), _) => {
                Ok(HoldResult::Refused(limit_at(limits, reached)?.scope.refusal()))
            }
            (3, Value::Array(uncounted), _) => {
                let scopes = uncounted.into_iter().map(|index| match index {
                    Value::Int(index) => limit_at(limits, index).map(|limit| limit.scope.clone()),
                    _ => Err(failure::unexpected_reply()),
                });
                Ok(HoldResult::Uncounted(scopes.collect::<Result<_, _>>()?))
            }
            (4, Value::Int(wait), _) => Ok(HoldResult::TooFast { retry_after: slots::wait(wait)? }),
            _ => Err(failure::unexpected_reply()),
        }
    }
}

/// The limit that a script names, from 1.
fn limit_at(limits: &[DayLimit], number: i64) -> Result<&DayLimit, PortUnavailable> {
    let index = usize::try_from(number - 1).ok();
    index.and_then(|index| limits.get(index)).ok_or_else(failure::unexpected_reply)
}

/// What a request gets because of the value of a lock; `None` if the lock has just expired.
pub(crate) fn held_by(
    value: &[u8],
    remaining: i64,
    token: &OwnerToken,
    repeated: bool,
) -> Result<Option<HoldResult>, PortUnavailable> {
    Ok(match (LockValue::parse(value)?, remaining) {
        (LockValue::Settled(call), _) => Some(HoldResult::Settled(call)),
        // The first request succeeded, and only its reply was lost.
        (LockValue::Pending(holder), _) if repeated && holder == token.as_str() => Some(HoldResult::Granted),
        (LockValue::Pending(_), NO_SUCH_KEY) => None,
        (LockValue::Pending(_), remaining) => {
            let remaining =
                u64::try_from(remaining).map_err(|_| failure::because("a lock has no expiry time"))?;
            Some(in_flight(remaining))
        }
    })
}

pub(crate) fn in_flight(remaining_millis: u64) -> HoldResult {
    HoldResult::InFlight { remaining: Duration::from_millis(remaining_millis.max(1)) }
}

pub(crate) fn ownership(written: i64) -> Result<Ownership, PortUnavailable> {
    match written {
        1 => Ok(Ownership::Held),
        0 => Ok(Ownership::Lost),
        _ => Err(failure::unexpected_reply()),
    }
}

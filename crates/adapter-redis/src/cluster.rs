//! The lock in a cluster. Its lock, counts and slots are in different hash slots, which may be on different
//! nodes: each has a request of its own, one after the other. The lock comes first and alone decides about
//! duplicates. If a later step refuses, the earlier ones are given back, and the key is in flight meanwhile.
//!
//! The driver sends a request again if a node was lost or has moved the slot, without notice. Every script
//! can be executed twice: a lock has a value that belongs to one request, and a count notes which request it
//! has counted.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use deadpool_redis::redis::{Pipeline, Value};
use domain::{
    IntentKey, OwnerToken, Slot,
    ports::{DayLimit, HoldResult, IdempotencyLock as _, LockRequest, Ownership, PortUnavailable},
};
use tokio::time::Instant;

use crate::{
    failure, keys,
    lock::{NO_COUNT, held_by, in_flight, ownership},
    store::{self, RedisStore, millis},
    wire,
};

/// How long a count notes which request it has counted: longer than a call may take to its outcome.
const NOTED_FOR: Duration = Duration::from_mins(10);

/// Acquires a lock. Keys: the lock, the record. Arguments: the value of this request; milliseconds; the kinds
/// of the counts that may count the request; milliseconds.
///
/// Replies with 1; or with 0, the lock's value and the rest of its time.
const ACQUIRE: &str = "\
local held = redis.call('GET', KEYS[1]) \
if held and held ~= ARGV[1] then return {0, held, redis.call('PTTL', KEYS[1])} end \
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) \
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end \
return {1, '', 0}";

/// The run of the server, as in the scripts of one server.
macro_rules! with_run {
    ($script:literal) => {
        concat!(
            "local info = redis.pcall('INFO', 'server') \
             local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or '' \
             local stored = redis.call('HMGET', KEYS[1], 'run', 'calls') \
             local calls = stored[1] == run and tonumber(stored[2]) or -1 ",
            $script
        )
    };
}

/// Counts a request. Keys: the count, the note. Arguments: the limit; the count to begin with or -1; the
/// milliseconds of the count; those of the note.
///
/// Replies with 1 if the request is counted, 2 if the limit is reached, or 3 if there is no count.
const COUNT: &str = with_run!(
    "if redis.call('GET', KEYS[2]) == ':' .. run then return 1 end \
     calls = math.max(calls, tonumber(ARGV[2])) \
     if calls < 0 then return 3 end \
     local counted = calls < tonumber(ARGV[1]) and 1 or 0 \
     redis.call('HSET', KEYS[1], 'run', run, 'calls', calls + counted) \
     redis.call('PEXPIRE', KEYS[1], ARGV[3]) \
     if counted == 1 then redis.call('SET', KEYS[2], ':' .. run, 'PX', ARGV[4]) return 1 end \
     return 2"
);

/// Takes a request out of a count that has noted it. Keys: the count, the note.
const UNCOUNT: &str = with_run!(
    "local note = redis.call('GET', KEYS[2]) \
     redis.call('DEL', KEYS[2]) \
     if note == ':' .. run and calls > 0 then redis.call('HINCRBY', KEYS[1], 'calls', -1) end \
     return 1"
);

/// Reads the lock and the record before a release. Keys: both.
const READ: &str = "return {redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or ''}";

/// Frees a lock. Keys: the lock, the record. Argument: the owner's pending value.
const RELEASE: &str = "\
redis.call('DEL', KEYS[2]) \
local held = redis.call('GET', KEYS[1]) or '' \
if string.sub(held .. ':', 1, #ARGV[1] + 1) ~= ARGV[1] .. ':' then return 0 end \
redis.call('DEL', KEYS[1]) \
return 1";

impl RedisStore {
    pub(crate) async fn acquire_in_cluster(
        &self,
        request: &LockRequest<'_>,
    ) -> Result<HoldResult, PortUnavailable> {
        let deadline = self.deadline();
        if let Some(held) = self.take_lock(request, deadline).await? {
            return Ok(held);
        }
        let result = self.count_and_take_slot(request, deadline).await?;
        if !matches!(result, HoldResult::Granted | HoldResult::GrantedAfter { .. }) {
            self.release_in_cluster(request.key, request.token, request.limits).await?;
        }
        Ok(result)
    }

    /// What holds the key; `None` if this request does.
    async fn take_lock(
        &self,
        request: &LockRequest<'_>,
        deadline: Instant,
    ) -> Result<Option<HoldResult>, PortUnavailable> {
        let LockRequest { key, token, hold_for, limits, .. } = *request;
        let kinds: Vec<&str> = limits.iter().map(keys::day_count_kind).collect();
        let mut acquire = self.on_lock(ACQUIRE, key, token);
        acquire
            .arg(value_of_request(token))
            .arg(millis(hold_for))
            .arg(kinds.join(","))
            .arg(millis(NOTED_FOR));
        match self.send(&acquire, deadline).await?.take::<(i64, Value, Value)>()? {
            (1, ..) => Ok(None),
            (0, Value::BulkString(value), Value::Int(remaining)) => {
                let held = held_by(&value, remaining, token, false)?;
                Ok(Some(held.unwrap_or_else(|| in_flight(0))))
            }
            _ => Err(failure::unexpected_reply()),
        }
    }

    /// One limit after the other: what the user's limit refuses is never counted for the organization. The
    /// slot comes last: a request that a limit refuses takes none.
    async fn count_and_take_slot(
        &self,
        request: &LockRequest<'_>,
        deadline: Instant,
    ) -> Result<HoldResult, PortUnavailable> {
        let LockRequest { token, limits, paces, longest_wait, .. } = *request;
        let mut uncounted = Vec::new();
        for limit in limits {
            let mut count = self.on_count(COUNT, limit, token);
            count
                .arg(limit.limit)
                .arg(limit.counted.map_or(NO_COUNT, i64::from))
                .arg(millis(limit.keep_for))
                .arg(millis(NOTED_FOR));
            match self.send(&count, deadline).await?.take::<i64>()? {
                1 => {}
                2 => return Ok(HoldResult::Refused(limit.scope.refusal())),
                3 => uncounted.push(limit.scope.clone()),
                _ => return Err(failure::unexpected_reply()),
            }
        }
        if !uncounted.is_empty() {
            return Ok(HoldResult::Uncounted(uncounted));
        }
        if paces.is_empty() {
            return Ok(HoldResult::Granted);
        }
        Ok(match self.next_slot(paces, longest_wait).await? {
            Slot::In(wait) => HoldResult::GrantedAfter { wait },
            Slot::Beyond(retry_after) => HoldResult::TooFast { retry_after },
        })
    }

    /// The counts before the lock, which a request that is sent again needs to find them.
    pub(crate) async fn release_in_cluster(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        let deadline = self.deadline();
        if !limits.is_empty() {
            let read = self.on_lock(READ, key, token);
            let (held, kinds): (String, String) = self.send(&read, deadline).await?.take()?;
            let is_settled = held.starts_with(&wire::settled_prefix(token));
            let was_counted =
                |limit: &&DayLimit| kinds.split(',').any(|kind| kind == keys::day_count_kind(limit));
            for limit in limits.iter().filter(was_counted).filter(|_| !is_settled) {
                let uncount = self.on_count(UNCOUNT, limit, token);
                self.send(&uncount, deadline).await?.take::<i64>()?;
            }
        }
        let mut release = self.on_lock(RELEASE, key, token);
        release.arg(wire::pending(token));
        ownership(self.send(&release, deadline).await?.take()?)
    }

    /// A script on the lock and the record of a request.
    fn on_lock(&self, text: &str, key: &IntentKey, token: &OwnerToken) -> Pipeline {
        let prefix = self.key_prefix();
        let mut request = store::request();
        let script = request.cmd("EVAL").arg(text).arg(2);
        script.arg(keys::lock(prefix, key)).arg(keys::counted(prefix, key, token));
        request
    }

    /// A script on the count of a limit and its note of a request.
    fn on_count(&self, text: &str, limit: &DayLimit, token: &OwnerToken) -> Pipeline {
        let prefix = self.key_prefix();
        let mut request = store::request();
        let script = request.cmd("EVAL").arg(text).arg(2);
        script.arg(keys::day_count(prefix, limit)).arg(keys::counted_by(prefix, limit, token));
        request
    }
}

/// The value of a pending lock with a number that no other request of the owner has.
fn value_of_request(token: &OwnerToken) -> String {
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    format!("{}:{}", wire::pending(token), REQUESTS.fetch_add(1, Ordering::Relaxed))
}

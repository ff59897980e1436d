//! Shared connections that are replaced when they fail.
//!
//! A pooled connection that is borrowed and returned for each operation costs an extra round trip
//! of checks (`UNWATCH`, `PING`). A multiplexed connection carries many operations at the same
//! time, so each slot takes one connection out of the pool for good and hands out clones. The pool
//! opens connections and limits their number and the time to open one. Without the check, a dead
//! connection is found by the next operation, which then retries on a new connection.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolConfig, Timeouts};
use deadpool_redis::{
    Runtime,
    redis::{FromRedisValue, Pipeline, RedisError, RedisResult, Value, from_redis_value},
};
use domain::ports::PortUnavailable;
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use crate::{
    failure,
    servers::{Link, Servers},
    settings::RedisSettings,
};

/// How long a connection may take to open, in a task of its own that outlives the operation: sentinels
/// that do not respond are passed over one after another.
const OPEN_WITHIN: Duration = Duration::from_secs(5);

/// The replies to one request, in the order of its commands.
pub(crate) struct Replies {
    values: std::vec::IntoIter<RedisResult<Value>>,
    /// A connection broke, so the request was sent twice and may have been executed twice.
    pub(crate) repeated: bool,
}

impl Replies {
    /// Returns the reply to the next command.
    pub(crate) fn take<T: FromRedisValue>(&mut self) -> Result<T, PortUnavailable> {
        let reply = self.values.next().ok_or_else(failure::unexpected_reply)?;
        let value = reply.map_err(|error| failure::of(&error))?;
        from_redis_value(value).map_err(|_| failure::unexpected_reply())
    }
}

pub(crate) struct Connections {
    pool: Pool<Servers>,
    slots: Box<[Arc<Slot>]>,
    next_slot: AtomicUsize,
    /// Drives every connection. A connection driven by the runtime of the operation that opened it
    /// would end with that runtime, and other runtimes share the connection.
    runtime: Handle,
}

impl Connections {
    /// Checks the URL and builds the pool. Opens no connection.
    pub(crate) fn new(settings: &RedisSettings) -> Result<Self, PortUnavailable> {
        let runtime = Handle::try_current().map_err(|_| failure::because("there is no tokio runtime"))?;
        let servers = Servers::new(settings)?;
        let mut pool_config = PoolConfig::new(settings.max_connections);
        pool_config.timeouts =
            Timeouts { wait: Some(settings.operation_timeout), create: Some(OPEN_WITHIN), recycle: None };
        let pool = Pool::builder(servers).config(pool_config).runtime(Runtime::Tokio1).build();
        let pool = pool.map_err(|_| failure::because(failure::INVALID_POOL))?;
        let slots = (0..settings.max_connections).map(|_| Arc::default()).collect();
        Ok(Self { pool, slots, next_slot: AtomicUsize::new(0), runtime })
    }

    /// Sends a request and waits for its replies until the deadline. Sends it a second time if the
    /// connection died since its last use: every request must be safe to execute twice.
    pub(crate) async fn send(
        &self,
        request: &Pipeline,
        deadline: Instant,
    ) -> Result<Replies, PortUnavailable> {
        let index = self.next_slot.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let slot = &self.slots[index];
        let (connection, was_open) = self.connection(slot, deadline).await?;
        let mut result = self.exchange(connection, request, deadline).await?;
        let dropped = result.as_ref().is_err_and(RedisError::is_connection_dropped);
        if dropped && !was_open {
            return Err(failure::because(
                "the server closed a new connection immediately (does it have too many clients?)",
            ));
        }
        if dropped {
            let (connection, _) = self.connection(slot, deadline).await?;
            result = self.exchange(connection, request, deadline).await?;
        }
        let values = result.map_err(|error| failure::of(&error))?.into_iter();
        Ok(Replies { values, repeated: dropped })
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.slots.iter().filter(|slot| slot.open().is_some()).count()
    }

    /// The most connections that may be open.
    pub(crate) fn most(&self) -> usize {
        self.slots.len()
    }

    /// Opens no more connections, and closes each open one after its last operation.
    pub(crate) fn close(&self) {
        self.pool.close();
        for slot in &self.slots {
            slot.clear(None);
        }
    }

    /// Returns the connection of a slot, and whether it was open already.
    async fn connection(&self, slot: &Arc<Slot>, deadline: Instant) -> Result<(Link, bool), PortUnavailable> {
        if let Some(connection) = slot.connection() {
            return Ok((connection, true));
        }
        let in_time = timeout_at(deadline, async {
            let opening = Arc::clone(&slot.opening).lock_owned().await;
            if let Some(connection) = slot.connection() {
                return Ok((connection, true));
            }
            // A separate task: if this operation times out, the next one finds the connection open.
            let (pool, slot) = (self.pool.clone(), Arc::clone(slot));
            let opened = self.runtime.spawn(async move {
                let _opening = opening;
                let connection = pool.get().await.map_err(|error| failure::of_pool(&error))?;
                let shared = Link::clone(&connection);
                slot.fill(connection);
                if pool.is_closed() {
                    slot.clear(None);
                }
                Ok(shared)
            });
            let opened = opened.await.map_err(|error| {
                let panicked = "the task that opens a connection panicked";
                failure::because(if error.is_panic() { panicked } else { "its runtime is shut down" })
            })?;
            opened.map(|connection| (connection, false))
        });
        in_time.await.unwrap_or_else(|_| Err(failure::because(failure::NO_CONNECTION)))
    }

    /// Makes one round trip. Discards connections that the result shows to be unusable.
    async fn exchange(
        &self,
        mut connection: Link,
        request: &Pipeline,
        deadline: Instant,
    ) -> Result<RedisResult<Vec<RedisResult<Value>>>, PortUnavailable> {
        let sent_at = Instant::now();
        let Ok(replies) = timeout_at(deadline, connection.exchange(request)).await else {
            self.discard(sent_at);
            return Err(failure::because(failure::NO_REPLY));
        };
        let mut errors =
            replies.iter().flatten().filter_map(|reply| reply.as_ref().err()).chain(replies.as_ref().err());
        if errors.any(failure::ends_connection) {
            self.discard(sent_at);
        }
        Ok(replies)
    }

    /// Discards every connection opened up to this time: what broke one of them usually broke all.
    /// Newer connections stay. Otherwise, when many operations fail together, later failures would
    /// close the connection that the first of them has replaced.
    fn discard(&self, opened_until: Instant) {
        for slot in &self.slots {
            slot.clear(Some(opened_until));
        }
    }
}

#[derive(Default)]
struct Slot {
    open: Mutex<Option<(Object<Servers>, Instant)>>,
    opening: Arc<tokio::sync::Mutex<()>>,
}

impl Slot {
    fn connection(&self) -> Option<Link> {
        self.open().as_ref().map(|(connection, _)| Link::clone(connection))
    }

    fn fill(&self, connection: Object<Servers>) {
        *self.open() = Some((connection, Instant::now()));
    }

    /// Discards the connection if it was opened up to this time, or always for `None`. It leaves
    /// the pool instead of returning to it, and closes when the last operation on it has ended.
    fn clear(&self, opened_until: Option<Instant>) {
        let discarded = self.open().take_if(|(_, since)| opened_until.is_none_or(|until| *since <= until));
        if let Some((connection, _)) = discarded {
            drop(Object::take(connection));
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<(Object<Servers>, Instant)>> {
        self.open.lock().expect("no code panics while it holds this lock")
    }
}

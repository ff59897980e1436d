//! Connections that are shared, kept, and replaced when they fail.
//!
//! A pooled connection that is taken and given back costs two commands and a round trip of checking each time
//! (`UNWATCH`, `PING`). These carry many operations at once, so each slot takes one out of the pool, keeps it, and hands
//! out clones; the pool opens them, bounds their number and the time that opening takes. What the check would have found
//! shows at the next operation instead, which then tries once more on a new connection.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use deadpool_redis::{
    Connection, Manager, Pool, PoolConfig, Runtime, Timeouts,
    redis::{
        AsyncConnectionConfig, ConnectionInfo, FromRedisValue, IntoConnectionInfo as _, Pipeline, RedisError,
        RedisResult, Value, aio::MultiplexedConnection, from_redis_value, io::tcp::TcpSettings,
    },
};
use domain::ports::PortUnavailable;
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use crate::{failure, settings::RedisSettings};

/// Operations that may wait to be written to one connection before further ones wait for room.
const WRITE_QUEUE: usize = 1024;

/// The server's answers to one request, in the order of its commands.
pub(crate) struct Answers {
    values: std::vec::IntoIter<RedisResult<Value>>,
    /// The request was sent before, on a connection that broke: the server may have carried it out twice.
    pub(crate) repeated: bool,
}

impl Answers {
    /// The answer to the next command.
    pub(crate) fn take<T: FromRedisValue>(&mut self) -> Result<T, PortUnavailable> {
        let answer = self.values.next().ok_or_else(failure::unexpected_reply)?;
        let value = answer.map_err(|error| failure::of(&error))?;
        from_redis_value(value).map_err(|_| failure::unexpected_reply())
    }
}

pub(crate) struct Connections {
    pool: Pool,
    slots: Box<[Arc<Slot>]>,
    turn: AtomicUsize,
    /// Drives every connection, whichever runtime the operation comes from: one that is being shut down must not take the
    /// others' connections with it.
    runtime: Handle,
}

impl Connections {
    /// Opens nothing yet.
    pub(crate) fn new(settings: &RedisSettings) -> Result<Self, PortUnavailable> {
        let unusable = || failure::because("the URL or its options cannot be used");
        let runtime = Handle::try_current().map_err(|_| failure::because("there is no tokio runtime"))?;
        let info = connection_info(&settings.url).map_err(|_| unusable())?;
        let limit = settings.operation_timeout;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(limit))
            // Every operation has a deadline, over all of its round trips.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WRITE_QUEUE);
        let manager = Manager::new_with_config(info, config).map_err(|_| unusable())?;
        let mut pool_config = PoolConfig::new(settings.max_connections);
        pool_config.timeouts = Timeouts { wait: Some(limit), create: Some(limit), recycle: Some(limit) };
        let pool = Pool::builder(manager).config(pool_config).runtime(Runtime::Tokio1).build();
        let pool = pool.map_err(|_| failure::because("the pool is set up wrongly"))?;
        let slots = (0..settings.max_connections).map(|_| Arc::default()).collect();
        Ok(Self { pool, slots, turn: AtomicUsize::new(0), runtime })
    }

    /// Sends a request and waits for its answers until the deadline. Sends it a second time if the connection turns out to
    /// have died since it was last used, so every request must be one that may be carried out twice.
    pub(crate) async fn send(
        &self,
        request: &Pipeline,
        deadline: Instant,
    ) -> Result<Answers, PortUnavailable> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let slot = &self.slots[turn % self.slots.len()];
        let (connection, was_open) = self.connection(slot, deadline).await?;
        match self.exchange(connection, request, deadline).await? {
            Ok(values) => Ok(Answers { values: values.into_iter(), repeated: false }),
            Err(error) if error.is_connection_dropped() && was_open => {
                let (connection, _) = self.connection(slot, deadline).await?;
                let values = self.exchange(connection, request, deadline).await?;
                let values = values.map_err(|error| failure::of(&error))?;
                Ok(Answers { values: values.into_iter(), repeated: true })
            }
            Err(error) if error.is_connection_dropped() => {
                Err(failure::because("a new connection is closed at once (has it too many clients?)"))
            }
            Err(error) => Err(failure::of(&error)),
        }
    }

    /// Opens no more connections, and closes those that are open once their operations are done.
    pub(crate) fn close(&self) {
        self.pool.close();
        for slot in &self.slots {
            slot.clear(None);
        }
    }

    /// This slot's connection, and whether it was open before.
    async fn connection(
        &self,
        slot: &Arc<Slot>,
        deadline: Instant,
    ) -> Result<(MultiplexedConnection, bool), PortUnavailable> {
        if let Some(connection) = slot.connection() {
            return Ok((connection, true));
        }
        let in_time = timeout_at(deadline, async {
            let opening = Arc::clone(&slot.opening).lock_owned().await;
            if let Some(connection) = slot.connection() {
                return Ok((connection, true));
            }
            // A task of its own: whoever gives up waiting leaves the connection to the next one.
            let (pool, slot) = (self.pool.clone(), Arc::clone(slot));
            let opened = self.runtime.spawn(async move {
                let _opening = opening;
                let connection = pool.get().await.map_err(|error| failure::of_pool(&error))?;
                let shared = MultiplexedConnection::clone(&connection);
                slot.fill(connection);
                if pool.is_closed() {
                    slot.clear(None);
                }
                Ok(shared)
            });
            let opened = opened.await.map_err(|error| {
                let panicked = "opening a connection panicked";
                failure::because(if error.is_panic() { panicked } else { "its runtime is shut down" })
            })?;
            opened.map(|connection| (connection, false))
        });
        in_time.await.unwrap_or_else(|_| Err(failure::because("no connection in time")))
    }

    /// One round trip. Gives connections up that the answer shows to be of no more use.
    async fn exchange(
        &self,
        mut connection: MultiplexedConnection,
        request: &Pipeline,
        deadline: Instant,
    ) -> Result<RedisResult<Vec<RedisResult<Value>>>, PortUnavailable> {
        let since = Instant::now();
        let Ok(answers) = timeout_at(deadline, request.query_async::<Vec<_>>(&mut connection)).await else {
            self.give_up(since);
            return Err(failure::because("no answer in time"));
        };
        let spoiled = match &answers {
            Ok(answers) => spoiled(answers),
            Err(error) => failure::spoils_connection(error),
        };
        if spoiled {
            self.give_up(since);
        }
        Ok(answers)
    }

    /// What broke one connection broke, as a rule, all of the same age. Those that were opened later are spared: when many
    /// operations fail together, they must not close what the first of them has reopened.
    fn give_up(&self, opened_until: Instant) {
        for slot in &self.slots {
            slot.clear(Some(opened_until));
        }
    }
}

fn spoiled(answers: &[RedisResult<Value>]) -> bool {
    answers.iter().filter_map(|answer| answer.as_ref().err()).any(failure::spoils_connection)
}

fn connection_info(url: &str) -> Result<ConnectionInfo, RedisError> {
    let info = url.into_connection_info()?;
    let redis = info.redis_settings().clone().set_skip_set_lib_name();
    // Operations share a connection: one must not wait in the kernel for the acknowledgement of another.
    let tcp = TcpSettings::default().set_nodelay(true);
    Ok(info.set_redis_settings(redis).set_tcp_settings(tcp))
}

#[derive(Default)]
struct Slot {
    open: Mutex<Option<(Connection, Instant)>>,
    opening: Arc<tokio::sync::Mutex<()>>,
}

impl Slot {
    fn connection(&self) -> Option<MultiplexedConnection> {
        let open = self.open.lock().expect("nothing panics while it holds this lock");
        open.as_ref().map(|(connection, _)| MultiplexedConnection::clone(connection))
    }

    fn fill(&self, connection: Connection) {
        *self.open.lock().expect("nothing panics while it holds this lock") =
            Some((connection, Instant::now()));
    }

    /// Gives the connection up if it was opened until then, or in any case. It leaves the pool too, instead of going back
    /// to it, and is closed when the last operation on it has ended.
    fn clear(&self, opened_until: Option<Instant>) {
        let mut open = self.open.lock().expect("nothing panics while it holds this lock");
        let given_up = open.take_if(|(_, since)| opened_until.is_none_or(|until| *since <= until));
        if let Some((connection, _)) = given_up {
            drop(Connection::take(connection));
        }
    }
}

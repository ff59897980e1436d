use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use deadpool_redis::redis::{FromRedisValue, Pipeline, Value};
use domain::ports::PortUnavailable;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::{join, time::Instant};

use crate::{
    connections::{Connections, Replies},
    eviction::EvictionPolicy,
    failure, keys,
    settings::RedisSettings,
};

/// Redis or Valkey as idempotency lock and context cache. Cheap to clone: clones share connections.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    connections: Connections,
    key_prefix: String,
    operation_timeout: Duration,
    is_cluster: bool,
}

impl RedisStore {
    /// Creates the store. Opens no connection, so that the gateway can start while the server is
    /// unavailable; [`RedisStore::ping`] checks the server.
    ///
    /// The connections belong to the tokio runtime that calls this function, also when operations
    /// of other runtimes use them. For a `rediss://` URL this installs aws-lc-rs as the crypto
    /// provider of the process, unless one is installed.
    ///
    /// # Errors
    ///
    /// A setting is invalid, or no tokio runtime is running.
    pub fn connect(settings: &RedisSettings) -> Result<Self, PortUnavailable> {
        settings.check()?;
        if settings.url.starts_with("rediss") && CryptoProvider::get_default().is_none() {
            // An error means that another thread has installed a provider in the meantime.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        Ok(Self(Arc::new(Inner {
            connections: Connections::new(settings)?,
            key_prefix: settings.key_prefix.clone(),
            operation_timeout: settings.operation_timeout,
            is_cluster: settings.nodes_of_cluster().is_some(),
        })))
    }

    /// Checks that the server accepts locks, by writing a key that expires after one second. A
    /// `PING` proves less: a full server, a replica, or one that loads its data replies to it. A cluster must
    /// also serve all of its hash slots: a lock may be in any of them.
    ///
    /// # Errors
    ///
    /// The server does not accept locks; the error has the reason.
    pub async fn ping(&self) -> Result<(), PortUnavailable> {
        let probe = keys::probe(self.key_prefix());
        let probing = self.set(&probe, "1", Duration::from_secs(1));
        if !self.is_cluster() {
            return probing.await;
        }
        let (probed, state) = join!(probing, self.cluster_info());
        probed?;
        if is_ok(&state?) { Ok(()) } else { Err(failure::because(failure::CLUSTER_DOWN)) }
    }

    /// The state of the cluster as the node of the probe sees it.
    pub(crate) async fn cluster_info(&self) -> Result<String, PortUnavailable> {
        let mut request = request();
        // The driver sends a pipeline to the node of its keys.
        request.cmd("GET").arg(keys::probe(self.key_prefix())).cmd("CLUSTER").arg("INFO");
        let mut replies = self.send(&request, self.deadline()).await?;
        replies.take::<Option<String>>()?;
        replies.take()
    }

    /// Reads what the server does when its memory is full: from `CONFIG GET`, or from `INFO` if the
    /// server forbids `CONFIG`.
    ///
    /// # Errors
    ///
    /// The server is unavailable, or forbids both commands.
    pub async fn eviction_policy(&self) -> Result<EvictionPolicy, PortUnavailable> {
        let mut request = request();
        add_eviction(&mut request);
        take_eviction(&mut self.send(&request, self.deadline()).await?)
    }

    /// Logs a warning unless the server keeps every lock until it expires. To be called at start.
    pub async fn warn_unless_noeviction(&self) {
        match self.eviction_policy().await {
            Ok(EvictionPolicy::NoEviction) => {}
            Ok(EvictionPolicy::Evicting(policy)) => tracing::warn!(
                redis.maxmemory_policy = policy,
                "Redis evicts keys, also locks, when its memory is full: set maxmemory-policy to noeviction"
            ),
            Ok(EvictionPolicy::Unknown) => {
                tracing::warn!("Redis does not report its maxmemory-policy: make sure that it is noeviction")
            }
            Err(error) => tracing::warn!(
                %error,
                "could not read the maxmemory-policy of Redis: make sure that it is noeviction"
            ),
        }
    }

    /// How many connections are open, and how many may be. Each carries any number of operations.
    #[must_use]
    pub fn open_connections(&self) -> (usize, usize) {
        (self.0.connections.open(), self.0.connections.most())
    }

    /// Closes each connection after its last operation. Every later operation fails as unavailable.
    pub fn close(&self) {
        self.0.connections.close();
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.0.is_cluster
    }

    pub(crate) fn key_prefix(&self) -> &str {
        &self.0.key_prefix
    }

    /// Returns the time by which an operation that starts now must end.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.0.operation_timeout
    }

    pub(crate) async fn send(
        &self,
        request: &Pipeline,
        deadline: Instant,
    ) -> Result<Replies, PortUnavailable> {
        self.0.connections.send(request, deadline).await
    }

    /// Sends a request of one command and returns the reply.
    pub(crate) async fn reply<T: FromRedisValue>(&self, request: &Pipeline) -> Result<T, PortUnavailable> {
        self.send(request, self.deadline()).await?.take()
    }

    pub(crate) async fn set(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PortUnavailable> {
        let mut request = request();
        add_set(&mut request, key, value, ttl);
        match self.reply(&request).await? {
            Value::Okay => Ok(()),
            _ => Err(failure::unexpected_reply()),
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("key_prefix", &self.0.key_prefix).finish_non_exhaustive()
    }
}

/// Whether the reply to `CLUSTER INFO` says that all hash slots are served.
pub(crate) fn is_ok(info: &str) -> bool {
    info.lines().any(|line| line.trim_end() == "cluster_state:ok")
}

/// Asks for the eviction policy, with two commands.
pub(crate) fn add_eviction(request: &mut Pipeline) {
    request.cmd("CONFIG").arg("GET").arg("maxmemory-policy").cmd("INFO").arg("memory");
}

/// The answer to them.
pub(crate) fn take_eviction(replies: &mut Replies) -> Result<EvictionPolicy, PortUnavailable> {
    let config = replies.take::<HashMap<String, String>>().unwrap_or_default();
    let info = replies.take::<String>();
    match config.get("maxmemory-policy") {
        Some(name) => Ok(EvictionPolicy::from_name(name)),
        None => Ok(EvictionPolicy::from_info(&info?)),
    }
}

/// An empty request. If one of its commands fails, the replies to the others are still returned.
pub(crate) fn request() -> Pipeline {
    let mut request = Pipeline::new();
    request.ignore_errors();
    request
}

pub(crate) fn add_set(request: &mut Pipeline, key: &str, value: &str, ttl: Duration) {
    request.cmd("SET").arg(key).arg(value).arg("PX").arg(millis(ttl));
}

/// A lifetime for `PX`, which does not accept zero.
pub(crate) fn millis(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).max(1)
}

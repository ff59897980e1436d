//! The store: one handle on both ports.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use deadpool_redis::redis::{Pipeline, Value};
use domain::ports::PortUnavailable;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::time::Instant;

use crate::{
    connections::{Answers, Connections},
    eviction::EvictionPolicy,
    failure,
    keys::Key,
    settings::RedisSettings,
};

/// Redis or Valkey as lock and context cache. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    connections: Connections,
    key_prefix: String,
    operation_timeout: Duration,
}

impl RedisStore {
    /// Sets the store up. Opens no connection yet, so that a server which is away at start is no reason not to start; see
    /// [`RedisStore::ping`].
    ///
    /// The connections live on the tokio runtime that this is called on, whichever runtime uses them later. For a
    /// `rediss://` URL it makes aws-lc-rs the process' crypto provider, unless there is one already.
    ///
    /// # Errors
    ///
    /// If a setting cannot be used, or there is no runtime.
    pub fn connect(settings: &RedisSettings) -> Result<Self, PortUnavailable> {
        settings.check()?;
        if settings.url.starts_with("rediss:") && CryptoProvider::get_default().is_none() {
            // An error means that somebody else was faster.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        Ok(Self(Arc::new(Inner {
            connections: Connections::new(settings)?,
            key_prefix: settings.key_prefix.clone(),
            operation_timeout: settings.operation_timeout,
        })))
    }

    /// Whether the store can take locks: it writes a key that lapses by itself. A server that is full, a replica, or still
    /// loading answers a mere `PING` and is of no use.
    ///
    /// # Errors
    ///
    /// With the reason, if it cannot.
    pub async fn ping(&self) -> Result<(), PortUnavailable> {
        let mut request = request();
        request.cmd("SET").arg(Key::probe(self.key_prefix())).arg(1).arg("PX").arg(1000);
        match self.send(&request, self.deadline()).await?.take()? {
            Value::Okay => Ok(()),
            _ => Err(failure::unexpected_reply()),
        }
    }

    /// What the server does when its memory is full: from `CONFIG GET`, or from `INFO` where that is forbidden.
    ///
    /// # Errors
    ///
    /// If the server is away, or forbids both.
    pub async fn eviction_policy(&self) -> Result<EvictionPolicy, PortUnavailable> {
        let mut request = request();
        request.cmd("CONFIG").arg("GET").arg("maxmemory-policy").cmd("INFO").arg("memory");
        let mut answers = self.send(&request, self.deadline()).await?;
        let config = answers.take::<HashMap<String, String>>().unwrap_or_default();
        if let Some(name) = config.get("maxmemory-policy") {
            return Ok(EvictionPolicy::from_name(name));
        }
        Ok(EvictionPolicy::from_info(&answers.take::<String>()?))
    }

    /// Warns in the log unless the server keeps every lock for its time. For the start of a process.
    pub async fn warn_unless_noeviction(&self) {
        match self.eviction_policy().await {
            Ok(EvictionPolicy::NoEviction) => {}
            Ok(EvictionPolicy::Evicting(policy)) => tracing::warn!(
                redis.maxmemory_policy = policy,
                "Redis drops keys when its memory is full, locks among them: set maxmemory-policy to noeviction"
            ),
            Ok(EvictionPolicy::Unknown) => tracing::warn!(
                "Redis does not say what it does when its memory is full: see that maxmemory-policy is noeviction"
            ),
            Err(error) => tracing::warn!(
                %error,
                "cannot tell what Redis does when its memory is full: see that maxmemory-policy is noeviction"
            ),
        }
    }

    /// Closes the connections once their operations are done. From now on every operation is answered as unavailable.
    pub fn close(&self) {
        self.0.connections.close();
    }

    pub(crate) fn key_prefix(&self) -> &str {
        &self.0.key_prefix
    }

    /// When an operation that begins now must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.0.operation_timeout
    }

    pub(crate) async fn send(
        &self,
        request: &Pipeline,
        deadline: Instant,
    ) -> Result<Answers, PortUnavailable> {
        self.0.connections.send(request, deadline).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("key_prefix", &self.0.key_prefix).finish_non_exhaustive()
    }
}

/// A request to put commands into. The failure of one leaves the answers to the others.
pub(crate) fn request() -> Pipeline {
    let mut request = Pipeline::new();
    request.ignore_errors();
    request
}

/// A lifetime for `PX`, which takes no zero.
pub(crate) fn millis(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).max(1)
}

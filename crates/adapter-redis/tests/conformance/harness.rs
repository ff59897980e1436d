//! A store with a prefix of its own on the shared server, behind a proxy that can take it away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use adapter_redis::{RedisSettings, RedisStore};
use async_trait::async_trait;
use deadpool_redis::redis::{self, AsyncCommands as _, aio::MultiplexedConnection};
use domain::ports::{ContextCache, IdempotencyLock};
use testkit::harness::{ContextCacheHarness, IdempotencyLockHarness, LosesStore, PassesTime};

use crate::proxy::{Mode, Proxy};

pub(crate) struct StoreHarness {
    pub(crate) store: RedisStore,
    pub(crate) proxy: Proxy,
    /// Past the proxy, into the same server.
    pub(crate) direct: MultiplexedConnection,
    pub(crate) settings: RedisSettings,
}

impl StoreHarness {
    /// One connection, since several would hide what happens to one, and a generous time limit, since the machine may be
    /// busy; within what the ports promise.
    pub(crate) async fn new() -> Self {
        Self::with_limit(Duration::from_millis(1200)).await
    }

    pub(crate) async fn with_limit(operation_timeout: Duration) -> Self {
        let url = testkit::services::redis_url();
        let client = redis::Client::open(url.as_str()).expect("TEST_REDIS_URL is a Redis URL");
        let info = client.get_connection_info().clone();
        let redis::ConnectionAddr::Tcp(host, port) = info.addr() else {
            panic!("TEST_REDIS_URL leads to a plain TCP port");
        };
        let proxy = Proxy::before(&format!("{host}:{port}")).await;
        let settings = RedisSettings {
            url: format!("{}/{}", proxy.url(), info.redis_settings().db()),
            key_prefix: fresh_prefix(),
            max_connections: 1,
            operation_timeout,
        };
        Self {
            store: RedisStore::connect(&settings).expect("the settings are good"),
            proxy,
            direct: client.get_multiplexed_async_connection().await.expect("the server is there"),
            settings,
        }
    }

    /// What the store has written.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut direct = self.direct.clone();
        let pattern = format!("{}:*", self.settings.key_prefix);
        let mut found = direct.scan_match::<_, String>(pattern).await.expect("the server scans");
        let mut keys = Vec::new();
        while let Some(key) = found.next_item().await {
            keys.push(key.expect("keys are text"));
        }
        keys
    }

    /// The one lock key that the store has written.
    pub(crate) async fn intent_key(&self) -> String {
        let mut keys = self.keys().await;
        keys.retain(|key| key.ends_with(":lock"));
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys.remove(0)
    }
}

/// A prefix that no other test has, in this process or another that shares the server.
pub(crate) fn fresh_prefix() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let started = started.expect("the clock is past 1970").as_millis();
    format!("test-{started:x}-{:x}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

#[async_trait]
impl LosesStore for StoreHarness {
    async fn lose(&self) {
        self.proxy.set(Mode::Swallow);
    }
}

#[async_trait]
impl PassesTime for StoreHarness {
    async fn pass(&self, time: Duration) {
        let mut direct = self.direct.clone();
        for key in self.keys().await {
            let left: i64 = direct.pttl(&key).await.expect("a number");
            assert_ne!(left, -1, "{key} would stay for ever");
            let left = left - i64::try_from(time.as_millis()).expect("seconds");
            // A lifetime that is not above zero deletes the key.
            let _: bool = direct.pexpire(&key, left).await.expect("a number");
        }
    }
}

impl IdempotencyLockHarness for StoreHarness {
    fn lock(&self) -> Arc<dyn IdempotencyLock> {
        Arc::new(self.store.clone())
    }

    fn same_store_contexts(&self) -> Option<Arc<dyn ContextCache>> {
        Some(Arc::new(self.store.clone()))
    }
}

impl ContextCacheHarness for StoreHarness {
    fn contexts(&self) -> Arc<dyn ContextCache> {
        Arc::new(self.store.clone())
    }
}

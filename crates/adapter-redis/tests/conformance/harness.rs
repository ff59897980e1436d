//! A store with its own key prefix on the shared server, behind a proxy that simulates faults.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use adapter_redis::{RedisSettings, RedisStore};
use async_trait::async_trait;
use deadpool_redis::redis::{self, AsyncCommands as _, aio::MultiplexedConnection, cmd};
use domain::{
    CallContext, IntentKey, OwnerToken, SettledCall,
    ports::{ContextCache, ContextToStore, IdempotencyLock, LockSettlement},
};
use testkit::{
    fault_proxy::{Fault, FaultProxy},
    harness::{ContextCacheHarness, IdempotencyLockHarness, LosesStore, PassesTime},
};

pub(crate) const HOLD: Duration = Duration::from_secs(30);

/// The settlement of a call with all times set to [`HOLD`].
pub(crate) fn settlement<'a>(
    key: &'a IntentKey,
    token: &'a OwnerToken,
    call: &'a SettledCall,
    context: Option<&'a CallContext>,
) -> LockSettlement<'a> {
    let context = context.map(|context| ContextToStore { context, ttl: HOLD });
    LockSettlement { key, token, call, hold_for: HOLD, context }
}

pub(crate) struct StoreHarness {
    pub(crate) store: RedisStore,
    pub(crate) proxy: FaultProxy,
    /// A connection to the same server that bypasses the proxy.
    pub(crate) direct: MultiplexedConnection,
    key_prefix: String,
}

impl StoreHarness {
    /// Uses one connection, because several would hide a fault of one. The time limit is long,
    /// because the machine may be busy, but shorter than the 2 s that the ports promise.
    pub(crate) async fn new() -> Self {
        Self::with_timeout(Duration::from_millis(1200)).await
    }

    pub(crate) async fn with_timeout(operation_timeout: Duration) -> Self {
        let url = testkit::services::redis_url();
        let client = redis::Client::open(url.as_str()).expect("TEST_REDIS_URL is a Redis URL");
        let info = client.get_connection_info().clone();
        let redis::ConnectionAddr::Tcp(host, port) = info.addr() else {
            panic!("TEST_REDIS_URL must be a plain TCP address");
        };
        let proxy = FaultProxy::start(format!("{host}:{port}")).await;
        let key_prefix = unique_prefix();
        let settings = RedisSettings {
            url: format!("redis://{}/{}", proxy.address(), info.redis_settings().db()),
            key_prefix: key_prefix.clone(),
            max_connections: 1,
            operation_timeout,
        };
        Self {
            store: RedisStore::connect(&settings).expect("the settings are valid"),
            proxy,
            direct: client.get_multiplexed_async_connection().await.expect("the server is available"),
            key_prefix,
        }
    }

    /// Every key that the store has written.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut direct = self.direct.clone();
        let pattern = format!("{}:*", self.key_prefix);
        let mut found = direct.scan_match::<_, String>(pattern).await.expect("the server scans");
        let mut keys = Vec::new();
        while let Some(key) = found.next_item().await {
            keys.push(key.expect("keys are text"));
        }
        keys
    }

    /// The only lock key that the store has written.
    pub(crate) async fn lock_name(&self) -> String {
        let mut keys = self.keys().await;
        keys.retain(|key| key.ends_with(":lock"));
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys.remove(0)
    }

    pub(crate) async fn read(&mut self, key: &str) -> String {
        cmd("GET").arg(key).query_async(&mut self.direct).await.expect("GET succeeds")
    }

    /// Replaces the value of a key for 9 s.
    pub(crate) async fn overwrite(&mut self, key: &str, value: &str) {
        let mut set = cmd("SET");
        set.arg(key).arg(value).arg("PX").arg(9000);
        set.exec_async(&mut self.direct).await.expect("SET succeeds");
    }

    pub(crate) async fn delete(&mut self, key: &str) {
        cmd("DEL").arg(key).exec_async(&mut self.direct).await.expect("DEL succeeds");
    }
}

/// A prefix that no other test uses, in this process or in another one on the same server.
pub(crate) fn unique_prefix() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let started = started.expect("the clock is past 1970").as_millis();
    format!("test-{started:x}-{:x}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

#[async_trait]
impl LosesStore for StoreHarness {
    async fn lose(&self) {
        self.proxy.set(Fault::Blackhole);
    }
}

#[async_trait]
impl PassesTime for StoreHarness {
    async fn pass(&self, time: Duration) {
        let mut direct = self.direct.clone();
        for key in self.keys().await {
            let left: i64 = direct.pttl(&key).await.expect("a number");
            assert_ne!(left, -1, "{key} never expires");
            let left = left - i64::try_from(time.as_millis()).expect("seconds");
            // PEXPIRE deletes the key if the lifetime is zero or less.
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

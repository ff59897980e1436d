//! The suites of both ports on a cluster of three masters, and what happens if one of them is lost.

mod failover;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use adapter_redis::{RedisSettings, RedisStore};
use async_trait::async_trait;
use deadpool_redis::redis::{self, AsyncCommands as _};
use domain::ports::{ContextCache, IdempotencyLock};
use testkit::{
    eventually_within,
    harness::{ContextCacheHarness, IdempotencyLockHarness, LosesStore, PassesTime},
};

use crate::{
    harness::unique_prefix,
    own_server::{OwnServer, run},
};

/// The nodes have to agree, and the machine may be busy.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
const MASTERS: usize = 3;

testkit::idempotency_lock_suite!(Cluster::start(false).await, |cluster| ClusterHarness::new(cluster));

testkit::context_cache_suite!(Cluster::start(false).await, |cluster| ClusterHarness::new(cluster));

/// The masters, and then a replica of each, or none.
pub(crate) struct Cluster {
    nodes: Arc<Mutex<Vec<OwnServer>>>,
    ports: Vec<u16>,
}

impl Cluster {
    pub(crate) async fn start(has_replicas: bool) -> Self {
        let count = if has_replicas { 2 * MASTERS } else { MASTERS };
        let mut nodes = Vec::new();
        let mut bus_ports = Vec::new();
        for _ in 0..count {
            let bus_port = free_port();
            let arguments = [
                "--cluster-enabled yes --cluster-node-timeout 1500",
                "--cluster-config-file nodes.conf --repl-diskless-sync-delay 0",
                &format!("--cluster-port {bus_port}"),
            ];
            nodes.push(OwnServer::start_with(&arguments).await);
            bus_ports.push(bus_port);
        }
        for (at, node) in nodes.iter().enumerate() {
            let mut direct = node.direct().await;
            run(&mut direct, &format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1)).await;
            if at < MASTERS {
                let (from, until) = (16384 * at / MASTERS, 16384 * (at + 1) / MASTERS - 1);
                run(&mut direct, &format!("CLUSTER ADDSLOTSRANGE {from} {until}")).await;
            }
            if at > 0 {
                let meet = format!("CLUSTER MEET 127.0.0.1 {} {}", nodes[0].port(), bus_ports[0]);
                run(&mut direct, &meet).await;
            }
        }
        for (at, node) in nodes.iter().enumerate() {
            let known = format!("cluster_known_nodes:{count}");
            wait_for(node, &known).await;
            if let Some(master) = at.checked_sub(MASTERS) {
                let id: String = redis::cmd("CLUSTER")
                    .arg("MYID")
                    .query_async(&mut nodes[master].direct().await)
                    .await
                    .expect("a node has an id");
                run(&mut node.direct().await, &format!("CLUSTER REPLICATE {id}")).await;
            }
        }
        for node in &nodes {
            wait_for(node, "cluster_state:ok").await;
        }
        for replica in &nodes[MASTERS.min(count)..] {
            let mut direct = replica.direct().await;
            eventually_within(SETTLES_WITHIN, "the replica has the data of its master", async || {
                let info: String =
                    redis::cmd("INFO").arg("replication").query_async(&mut direct).await.expect("a node");
                info.contains("master_link_status:up")
            })
            .await;
        }
        let ports = nodes.iter().map(OwnServer::port).collect();
        Self { nodes: Arc::new(Mutex::new(nodes)), ports }
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    pub(crate) fn store(&self, key_prefix: &str) -> RedisStore {
        RedisStore::connect(&RedisSettings {
            key_prefix: key_prefix.to_owned(),
            max_connections: 1,
            operation_timeout: Duration::from_millis(1200),
            ..RedisSettings::new(self.url())
        })
        .expect("the settings are valid")
    }

    pub(crate) fn kill(&self, node: usize) {
        self.nodes.lock().expect("no panic")[node].kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until the node says so about the cluster.
async fn wait_for(node: &OwnServer, line: &str) {
    let mut direct = node.direct().await;
    eventually_within(SETTLES_WITHIN, line, async || {
        let info: String = redis::cmd("CLUSTER").arg("INFO").query_async(&mut direct).await.expect("a node");
        info.lines().any(|found| found == line)
    })
    .await;
}

/// A store with a prefix of its own.
struct ClusterHarness {
    nodes: Arc<Mutex<Vec<OwnServer>>>,
    ports: Vec<u16>,
    store: RedisStore,
    key_prefix: String,
}

impl ClusterHarness {
    fn new(cluster: &Cluster) -> Self {
        let key_prefix = unique_prefix();
        let store = cluster.store(&key_prefix);
        Self { nodes: cluster.nodes.clone(), ports: cluster.ports.clone(), store, key_prefix }
    }
}

#[async_trait]
impl LosesStore for ClusterHarness {
    async fn lose(&self) {
        self.nodes.lock().expect("no panic").iter_mut().for_each(OwnServer::kill);
    }
}

#[async_trait]
impl PassesTime for ClusterHarness {
    async fn pass(&self, time: Duration) {
        for port in &self.ports {
            let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a valid URL");
            let mut direct = client.get_multiplexed_async_connection().await.expect("the node is available");
            let keys: Vec<String> =
                direct.keys(format!("{}:*", self.key_prefix)).await.expect("KEYS succeeds");
            for key in keys {
                let left: i64 = direct.pttl(&key).await.expect("a number");
                assert_ne!(left, -1, "{key} never expires");
                let left = left - i64::try_from(time.as_millis()).expect("seconds");
                let _: bool = direct.pexpire(&key, left).await.expect("a number");
            }
        }
    }
}

impl IdempotencyLockHarness for ClusterHarness {
    fn lock(&self) -> Arc<dyn IdempotencyLock> {
        Arc::new(self.store.clone())
    }

    fn same_store_contexts(&self) -> Option<Arc<dyn ContextCache>> {
        Some(Arc::new(self.store.clone()))
    }
}

impl ContextCacheHarness for ClusterHarness {
    fn contexts(&self) -> Arc<dyn ContextCache> {
        Arc::new(self.store.clone())
    }
}

//! A master, a replica, and sentinels that replace the master when it is lost.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use adapter_redis::{RedisSettings, RedisStore};
use deadpool_redis::redis;
use domain::ports::{HoldResult, IdempotencyLock, LockRequest};
use tempfile::TempDir;
use testkit::{eventually_within, fixtures};

use crate::{
    harness::HOLD,
    own_server::{OwnServer, run},
};

/// Sentinels wait for each other, and the machine may be busy.
const FAILOVER: Duration = Duration::from_secs(60);

/// A process that watches the master.
struct Sentinel {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Sentinel {
    fn start(master: &OwnServer, password: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the sentinel");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let mut lines = vec![
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", folder.path().display()),
            format!("sentinel monitor main 127.0.0.1 {} 2", master.port()),
            "sentinel down-after-milliseconds main 1000".to_owned(),
            "sentinel failover-timeout main 5000".to_owned(),
        ];
        if let Some(password) = password {
            lines.push(format!("requirepass {password}"));
            lines.push(format!("sentinel sentinel-pass {password}"));
        }
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, lines.join("\n")).expect("the folder is writable");
        let process = Command::new(testkit::services::redis_server())
            .arg(&file)
            .arg("--sentinel")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("TEST_REDIS_SERVER can be started");
        Self { process, port, _folder: folder }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether it knows a replica and another sentinel: only then can it replace the master.
    async fn is_ready(&self, password: Option<&str>) -> bool {
        let password = password.map(|password| format!(":{password}@")).unwrap_or_default();
        let client = redis::Client::open(format!("redis://{password}{}", self.address())).expect("a URL");
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
        let mut knows = redis::cmd("SENTINEL");
        let known: Result<std::collections::HashMap<String, String>, _> =
            knows.arg("MASTER").arg("main").query_async(&mut connection).await;
        let known = known.unwrap_or_default();
        let has = |name: &str, at_least: u32| {
            known.get(name).and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count >= at_least)
        };
        has("num-slaves", 1) && has("num-other-sentinels", 2)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Watched {
    master: OwnServer,
    replica: OwnServer,
    sentinels: Vec<Sentinel>,
}

impl Watched {
    async fn start(password: Option<&str>) -> Self {
        let (master, replica) = (OwnServer::start().await, OwnServer::start().await);
        run(&mut replica.direct().await, &format!("REPLICAOF 127.0.0.1 {}", master.port())).await;
        let sentinels: Vec<_> = (0..3).map(|_| Sentinel::start(&master, password)).collect();
        for sentinel in &sentinels {
            eventually_within(FAILOVER, "the sentinel knows the others", async || {
                sentinel.is_ready(password).await
            })
            .await;
        }
        Self { master, replica, sentinels }
    }

    /// A store that knows these sentinels, and no server.
    fn store(&self, hosts: &str, parameters: &str) -> RedisStore {
        self.replica.store_at(format!("redis+sentinel://{hosts}/main{parameters}"))
    }

    fn hosts(&self) -> String {
        self.sentinels.iter().map(Sentinel::address).collect::<Vec<_>>().join(",")
    }
}

/// Whether the store grants a new lock.
async fn grants(store: &RedisStore) -> bool {
    let (key, token) = (fixtures::key(), fixtures::token());
    store.acquire(&LockRequest::new(&key, &token, HOLD)).await == Ok(HoldResult::Granted)
}

#[tokio::test]
async fn locks_move_to_the_master_that_the_sentinels_choose() {
    let mut watched = Watched::start(None).await;
    // The first sentinel is lost too.
    let store = watched.store(&format!("127.0.0.1:1,{}", watched.hosts()), "");
    let (key, token) = (fixtures::key(), fixtures::token());
    eventually_within(FAILOVER, "the sentinels name the master", async || store.ping().await.is_ok()).await;
    assert_eq!(store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
    let mut replica = watched.replica.direct().await;
    eventually_within(FAILOVER, "the replica has the lock", async || {
        redis::cmd("KEYS")
            .arg("*:lock")
            .query_async::<Vec<String>>(&mut replica)
            .await
            .is_ok_and(|keys| keys.len() == 1)
    })
    .await;

    watched.master.kill();
    eventually_within(FAILOVER, "the replica is the master", async || grants(&store).await).await;
    // The lock was replicated in time. What was not is lost: the ledger's reservation still holds.
    let other = fixtures::token();
    let held = store.acquire(&LockRequest::new(&key, &other, HOLD)).await;
    assert!(matches!(held, Ok(HoldResult::InFlight { .. })), "{held:?}");
}

#[tokio::test]
async fn sentinels_may_have_a_password_of_their_own() {
    let watched = Watched::start(Some("hunter2")).await;
    let store = watched.store(&watched.hosts(), "?sentinel_password=hunter2");
    eventually_within(FAILOVER, "the sentinels name the master", async || store.ping().await.is_ok()).await;
    let store = watched.store(&watched.hosts(), "");
    let refusal = store.ping().await.expect_err("the sentinels require a password").to_string();
    assert!(!refusal.contains("hunter"), "{refusal}");
}

/// Each sentinel is asked, and one that does not know the name of the master differs from one that does not
/// respond.
#[tokio::test]
async fn each_sentinel_says_what_it_knows() {
    let watched = Watched::start(Some("of-the-sentinels")).await;
    let master = format!("127.0.0.1:{}", watched.master.port());
    let hosts = format!("{},127.0.0.1:1", watched.hosts());
    let inspect = async |name: &str| {
        let url = format!("redis+sentinel://{hosts}/{name}?sentinel_password=of-the-sentinels");
        let inspected = RedisStore::inspect_sentinels(&RedisSettings::new(&url)).await;
        let inspected = inspected.expect("a URL").expect("it names sentinels");
        assert_eq!(inspected.master, name);
        inspected.sentinels
    };
    for (name, expected) in [("main", Some(master)), ("other", None)] {
        let sentinels = inspect(name).await;
        assert_eq!(sentinels.len(), 4);
        for sentinel in &sentinels[..3] {
            assert_eq!(sentinel.master, Ok(expected.clone()), "{name}");
        }
        assert_eq!(sentinels[3].address, "127.0.0.1:1");
        assert!(sentinels[3].master.is_err());
    }
    let one = RedisSettings::new("redis://127.0.0.1:1");
    assert_eq!(RedisStore::inspect_sentinels(&one).await, Ok(None));
    let unknown = watched
        .replica
        .store_at(format!("redis+sentinel://{}/other?sentinel_password=of-the-sentinels", watched.hosts()));
    let error = unknown.ping().await.expect_err("there is no such master");
    assert!(error.to_string().contains("name of the master"), "{error}");
}

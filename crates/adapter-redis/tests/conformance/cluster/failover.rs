//! A cluster whose nodes are lost or move a slot.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use adapter_redis::RedisStore;
use deadpool_redis::redis;
use domain::{
    Interval, Pace, PaceScope,
    ports::{DayLimit, DayScope, HoldResult, IdempotencyLock as _, LockRequest, Ownership},
};
use testkit::{eventually_within, fixtures};

use super::{Cluster, SETTLES_WITHIN};
use crate::harness::HOLD;

/// While locks of all masters are taken, one master is lost, and its replica takes its place. No key is
/// granted to two owners, except those whose lock was lost with the master: they were not replicated yet.
#[tokio::test(flavor = "multi_thread")]
async fn locks_are_granted_again_after_a_failover() {
    let cluster = Cluster::start(true).await;
    let store = cluster.store("failover");
    eventually_within(SETTLES_WITHIN, "the cluster accepts locks", async || store.ping().await.is_ok()).await;
    let (ends, granted) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(HashMap::new())));
    let callers: Vec<_> =
        (0..4).map(|_| tokio::spawn(take_locks(store.clone(), ends.clone(), granted.clone()))).collect();
    let count = || granted.lock().expect("no panic").len();
    eventually_within(SETTLES_WITHIN, "locks are taken", async || count() > 50).await;

    cluster.kill(0);
    eventually_within(SETTLES_WITHIN, "the locks of all slots are granted", async || {
        let mut all = true;
        for _ in 0..12 {
            all &= grants(&store).await;
        }
        all && store.ping().await.is_ok()
    })
    .await;
    ends.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no panic");
    }
    let granted = granted.lock().expect("no panic");
    let twice = granted.values().filter(|times| **times > 1).count();
    assert!(twice * 10 < granted.len(), "{twice} of {} locks were lost", granted.len());
}

/// Each key is asked for by two owners.
async fn take_locks(store: RedisStore, ends: Arc<AtomicBool>, granted: Arc<Mutex<HashMap<String, u32>>>) {
    while !ends.load(Ordering::Relaxed) {
        let key = fixtures::key();
        for owner in [fixtures::token(), fixtures::token()] {
            if store.acquire(&LockRequest::new(&key, &owner, HOLD)).await == Ok(HoldResult::Granted) {
                *granted.lock().expect("no panic").entry(key.as_str().to_owned()).or_insert(0) += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn grants(store: &RedisStore) -> bool {
    let (key, token) = (fixtures::key(), fixtures::token());
    store.acquire(&LockRequest::new(&key, &token, HOLD)).await == Ok(HoldResult::Granted)
}

/// A master without a replica is lost: its slots are served by no node.
#[tokio::test]
async fn a_cluster_that_lacks_slots_is_not_ready() {
    let cluster = Cluster::start(false).await;
    let store = cluster.store("lacking");
    eventually_within(SETTLES_WITHIN, "the cluster accepts locks", async || store.ping().await.is_ok()).await;
    cluster.kill(1);
    eventually_within(SETTLES_WITHIN, "the cluster is not ready", async || store.ping().await.is_err()).await;
}

/// What is off costs nothing.
#[tokio::test]
async fn a_request_takes_as_many_round_trips_as_it_has_kinds_of_keys() {
    let cluster = Cluster::start(false).await;
    let store = cluster.store("cost");
    eventually_within(SETTLES_WITHIN, "the cluster accepts locks", async || store.ping().await.is_ok()).await;
    let from = fixtures::moment();
    let day = Interval { from, until: from.after(Duration::from_hours(24)) };
    let limit = |scope| DayLimit { scope, day, revision: 1, limit: 1, counted: Some(0), keep_for: HOLD };
    let limits = [
        limit(DayScope::User(fixtures::user_id())),
        limit(DayScope::Organization(fixtures::organization_id())),
    ];
    let paces = [Pace { scope: PaceScope::Trunk(fixtures::trunk_id()), interval: HOLD }];
    for (limits, paces, commands) in
        [(&limits[..0], &paces[..0], 1), (&limits[..0], &paces[..], 2), (&limits[..], &paces[..0], 3)]
    {
        let (key, token) = (fixtures::key(), fixtures::token());
        let before = evaluations(&cluster).await;
        let request = LockRequest { limits, paces, ..LockRequest::new(&key, &token, HOLD) };
        let granted = store.acquire(&request).await.expect("the cluster is available");
        assert!(matches!(granted, HoldResult::Granted | HoldResult::GrantedAfter { .. }), "{granted:?}");
        assert_eq!(evaluations(&cluster).await - before, commands);
        assert_eq!(store.release(&key, &token, limits).await, Ok(Ownership::Held));
    }
}

/// How many scripts the nodes have run.
async fn evaluations(cluster: &Cluster) -> u64 {
    let mut calls = 0;
    for port in &cluster.ports {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a valid URL");
        let mut direct = client.get_multiplexed_async_connection().await.expect("the node is available");
        let stats: String =
            redis::cmd("INFO").arg("commandstats").query_async(&mut direct).await.expect("INFO succeeds");
        let count =
            stats.lines().find_map(|line| line.strip_prefix("cmdstat_eval:calls=")?.split(',').next());
        calls += count.map_or(0, |count| count.parse().expect("a number"));
    }
    calls
}

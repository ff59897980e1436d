//! A server that is there and refuses, and what it does when it is full.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use adapter_redis::EvictionPolicy;
use domain::ports::{HoldResult, IdempotencyLock as _, Ownership};
use testkit::fixtures;

use crate::{
    own_server::{OwnServer, told},
    proxy::Proxy,
};

const HOLD: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_full_server_grants_nothing_and_still_lets_go() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));

    told(&mut direct, "CONFIG SET maxmemory 1").await;
    let error = store.acquire(&fixtures::key(), &token, HOLD).await.expect_err("it is full");
    assert!(error.to_string().contains("OOM"), "{error}");
    let error = store.ping().await.expect_err("it can take no lock");
    assert!(error.to_string().contains("OOM"), "{error}");
    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Held));
    assert_eq!(store.release(&key, &token).await, Ok(Ownership::Held));

    told(&mut direct, "CONFIG SET maxmemory 0").await;
    assert_eq!(store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_replica_grants_nothing_until_it_is_promoted() {
    let server = OwnServer::start().await;
    let proxy = Proxy::before(&server.address()).await;
    let (store, mut direct) = (server.store_at(proxy.url()), server.direct().await);
    let (key, token) = (fixtures::key(), fixtures::token());
    store.ping().await.expect("it is a primary");
    assert_eq!(proxy.accepted(), 1);

    told(&mut direct, "REPLICAOF 127.0.0.1 1").await;
    let error = store.acquire(&key, &token, HOLD).await.expect_err("a replica takes no lock");
    assert!(error.to_string().contains("READONLY"), "{error}");
    // Behind the name of the store there may be another primary by now, so the next one comes on a new connection.
    let error = store.ping().await.expect_err("a replica takes no lock");
    assert!(error.to_string().contains("READONLY"), "{error}");
    assert_eq!(proxy.accepted(), 2);

    told(&mut direct, "REPLICAOF NO ONE").await;
    assert_eq!(store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn credentials_that_are_missing_or_wrong_are_named_and_not_quoted() {
    let server = OwnServer::start().await;
    told(&mut server.direct().await, "CONFIG SET requirepass hunter2").await;

    let error = server.store().ping().await.expect_err("there is a password");
    assert!(error.to_string().contains("NOAUTH"), "{error}");
    let wrong = server.store_at(format!("redis://:hunter3@{}", server.address()));
    let error = wrong.ping().await.expect_err("it is the wrong password");
    assert!(error.to_string().contains("credentials") && !error.to_string().contains("hunter"), "{error}");
    server.store_at(format!("redis://:hunter2@{}", server.address())).ping().await.expect("the right one");
}

#[tokio::test]
async fn too_many_clients_are_named() {
    let server = OwnServer::start().await;
    let mut direct = server.direct().await;
    told(&mut direct, "CONFIG SET maxclients 1").await;
    let store = server.store();
    let error = store.ping().await.expect_err("we are the one client");
    assert!(error.to_string().contains("too many clients"), "{error}");
    told(&mut direct, "CONFIG SET maxclients 100").await;
    store.ping().await.expect("there is room");
}

#[tokio::test]
async fn a_tls_url_speaks_tls() {
    let server = OwnServer::start().await;
    let store = server.store_at(format!("rediss://{}", server.address()));
    let error = store.ping().await.expect_err("the server speaks no TLS");
    let told = ["TLS", "in time", "lost"].iter().any(|word| error.to_string().contains(word));
    assert!(told, "{error}");
}

#[tokio::test]
async fn a_server_that_evicts_is_found_out_also_where_config_is_forbidden() {
    let server = OwnServer::start().await;
    let mut direct = server.direct().await;
    let store = server.store();
    assert_eq!(store.eviction_policy().await, Ok(EvictionPolicy::NoEviction));

    told(&mut direct, "CONFIG SET maxmemory-policy allkeys-lru").await;
    let evicting = Ok(EvictionPolicy::Evicting("allkeys-lru".to_owned()));
    assert_eq!(store.eviction_policy().await, evicting);

    told(&mut direct, "ACL SETUSER managed on >hunter2 ~* +@all -config").await;
    let managed = server.store_at(format!("redis://managed:hunter2@{}", server.address()));
    assert_eq!(managed.eviction_policy().await, evicting);
    told(&mut direct, "ACL SETUSER managed -info").await;
    managed.eviction_policy().await.expect_err("it tells nothing");
    managed.ping().await.expect("it takes locks all the same");
}

#[tokio::test]
async fn a_server_that_evicts_or_does_not_tell_is_warned_about() {
    let server = OwnServer::start().await;
    let mut direct = server.direct().await;
    let log = Log::default();
    let (store, writer) = (server.store(), log.clone());
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    store.warn_unless_noeviction().await;
    assert_eq!(log.take(), "");
    told(&mut direct, "CONFIG SET maxmemory-policy volatile-ttl").await;
    store.warn_unless_noeviction().await;
    let warned = log.take();
    assert!(warned.contains("WARN") && warned.contains("volatile-ttl"), "{warned}");
    store.close();
    store.warn_unless_noeviction().await;
    let warned = log.take();
    assert!(warned.contains("WARN") && warned.contains("noeviction"), "{warned}");
}

/// What is logged while it is the subscriber's writer.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        let written = std::mem::take(&mut *self.0.lock().expect("nobody panics while logging"));
        String::from_utf8(written).expect("a log is text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while logging").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

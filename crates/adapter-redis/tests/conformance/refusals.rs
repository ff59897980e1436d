//! A server that refuses commands, and its eviction policy.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use adapter_redis::EvictionPolicy;
use domain::ports::{HoldResult, IdempotencyLock as _, LockRequest, Ownership};
use testkit::{fault_proxy::FaultProxy, fixtures};

use crate::{
    harness::HOLD,
    own_server::{OwnServer, run},
};

#[tokio::test]
async fn a_full_server_grants_nothing_and_still_releases() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));

    run(&mut direct, "CONFIG SET maxmemory 1").await;
    let error = store
        .acquire(&LockRequest::new(&fixtures::key(), &token, HOLD))
        .await
        .expect_err("the server is full");
    assert!(error.to_string().contains("OOM"), "{error}");
    let error = store.ping().await.expect_err("the server is full");
    assert!(error.to_string().contains("OOM"), "{error}");
    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Held));
    assert_eq!(store.release(&key, &token, &[]).await, Ok(Ownership::Held));

    run(&mut direct, "CONFIG SET maxmemory 0").await;
    assert_eq!(store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_replica_grants_nothing_until_it_is_promoted() {
    let server = OwnServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let (store, mut direct) =
        (server.store_at(format!("redis://{}", proxy.address())), server.direct().await);
    let (key, token) = (fixtures::key(), fixtures::token());
    store.ping().await.expect("the server is a primary");
    assert_eq!(proxy.accepted(), 1);

    run(&mut direct, "REPLICAOF 127.0.0.1 1").await;
    let error =
        store.acquire(&LockRequest::new(&key, &token, HOLD)).await.expect_err("a replica accepts no lock");
    assert!(error.to_string().contains("READONLY"), "{error}");
    // The host name may lead to another primary by now, so the store opens a new connection.
    let error = store.ping().await.expect_err("a replica accepts no lock");
    assert!(error.to_string().contains("READONLY"), "{error}");
    assert_eq!(proxy.accepted(), 2);

    run(&mut direct, "REPLICAOF NO ONE").await;
    assert_eq!(store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn credentials_that_are_missing_or_wrong_are_named_and_not_quoted() {
    let server = OwnServer::start().await;
    run(&mut server.direct().await, "CONFIG SET requirepass hunter2").await;

    let error = server.store().ping().await.expect_err("the server requires a password");
    assert!(error.to_string().contains("NOAUTH"), "{error}");
    let wrong = server.store_at(format!("redis://:hunter3@{}", server.address()));
    let error = wrong.ping().await.expect_err("the password is wrong");
    assert!(error.to_string().contains("credentials") && !error.to_string().contains("hunter"), "{error}");
    server
        .store_at(format!("redis://:hunter2@{}", server.address()))
        .ping()
        .await
        .expect("the password is right");
}

#[tokio::test]
async fn too_many_clients_are_named() {
    let server = OwnServer::start().await;
    let mut direct = server.direct().await;
    run(&mut direct, "CONFIG SET maxclients 1").await;
    let store = server.store();
    let error = store.ping().await.expect_err("the test is the only permitted client");
    assert!(error.to_string().contains("too many clients"), "{error}");
    run(&mut direct, "CONFIG SET maxclients 100").await;
    store.ping().await.expect("another client is permitted");
}

#[tokio::test]
async fn a_tls_url_speaks_tls() {
    let server = OwnServer::start().await;
    let store = server.store_at(format!("rediss://{}", server.address()));
    let error = store.ping().await.expect_err("the server has no TLS");
    let named = ["TLS", "time limit", "lost"].iter().any(|word| error.to_string().contains(word));
    assert!(named, "{error}");
}

#[tokio::test]
async fn a_server_that_evicts_is_detected_even_if_it_forbids_config() {
    let server = OwnServer::start().await;
    let mut direct = server.direct().await;
    let store = server.store();
    assert_eq!(store.eviction_policy().await, Ok(EvictionPolicy::NoEviction));

    run(&mut direct, "CONFIG SET maxmemory-policy allkeys-lru").await;
    let evicting = Ok(EvictionPolicy::Evicting("allkeys-lru".to_owned()));
    assert_eq!(store.eviction_policy().await, evicting);

    run(&mut direct, "ACL SETUSER managed on >hunter2 ~* +@all -config").await;
    let managed = server.store_at(format!("redis://managed:hunter2@{}", server.address()));
    assert_eq!(managed.eviction_policy().await, evicting);
    run(&mut direct, "ACL SETUSER managed -info").await;
    managed.eviction_policy().await.expect_err("the server forbids both commands");
    managed.ping().await.expect("the server still accepts locks");
}

#[tokio::test]
async fn a_server_that_evicts_or_hides_its_policy_causes_a_warning() {
    let server = OwnServer::start().await;
    let mut direct = server.direct().await;
    let log = Log::default();
    let (store, writer) = (server.store(), log.clone());
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    store.warn_unless_noeviction().await;
    assert_eq!(log.take(), "");
    run(&mut direct, "CONFIG SET maxmemory-policy volatile-ttl").await;
    store.warn_unless_noeviction().await;
    let warned = log.take();
    assert!(warned.contains("WARN") && warned.contains("volatile-ttl"), "{warned}");
    store.close();
    store.warn_unless_noeviction().await;
    let warned = log.take();
    assert!(warned.contains("WARN") && warned.contains("noeviction"), "{warned}");
}

/// A log writer that collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("no code panics while it holds this lock")
    }

    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.bytes())).expect("a log is text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

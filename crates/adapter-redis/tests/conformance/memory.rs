//! How much memory a call takes in the server: the figures of `docs/scaling.md`.

use std::time::Duration;

use deadpool_redis::redis::{self, AsyncCommands as _};
use domain::{
    Interval, Pace, PaceScope,
    ports::{
        ContextToStore, DayLimit, DayScope, HoldResult, IdempotencyLock as _, LockRequest, LockSettlement,
    },
};
use testkit::fixtures;

use crate::{harness::HOLD, own_server::OwnServer};

/// Prints what each key takes. The bounds are those of the page, with room for other versions of the server.
#[tokio::test]
async fn a_call_takes_as_much_memory_as_is_documented() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let from = fixtures::moment();
    let day = Interval { from, until: from.after(Duration::from_hours(24)) };
    let limit = |scope| DayLimit { scope, day, revision: 1, limit: 9, counted: Some(0), keep_for: HOLD };
    let limits = [
        limit(DayScope::User(fixtures::user_id())),
        limit(DayScope::Organization(fixtures::organization_id())),
    ];
    let paces = [Pace { scope: PaceScope::Trunk(fixtures::trunk_id()), interval: HOLD }];
    let (key, token) = (fixtures::key(), fixtures::token());
    let request = LockRequest { limits: &limits, paces: &paces, ..LockRequest::new(&key, &token, HOLD) };
    let granted = store.acquire(&request).await.expect("the server is available");
    assert!(matches!(granted, HoldResult::GrantedAfter { .. }), "{granted:?}");
    assert!(usage(&mut direct, "*:lock").await <= 300, "a lock while the phone rings");
    assert!(usage(&mut direct, "*:counted:*").await <= 350, "what has counted the request");
    assert!(usage(&mut direct, "*:user-calls:*").await <= 400, "a count of a day");
    assert!(usage(&mut direct, "*:trunk:*").await <= 350, "the slots of a trunk");

    let context = fixtures::context();
    let context_to_store = Some(ContextToStore { context: &context, ttl: HOLD });
    let settlement = LockSettlement {
        key: &key,
        token: &token,
        call: &domain::SettledCall::Placed(fixtures::call_reference()),
        hold_for: HOLD,
        context: context_to_store,
    };
    store.settle(&settlement).await.expect("the server is available");
    assert!(usage(&mut direct, "*:lock").await <= 800, "the result of a call");
    assert!(usage(&mut direct, "*:context").await <= 2000, "the context of a conversation");
}

/// The bytes of the only key with this name.
#[expect(clippy::print_stdout, reason = "the page about scaling has these figures")]
async fn usage(direct: &mut redis::aio::MultiplexedConnection, pattern: &str) -> u64 {
    let keys: Vec<String> = direct.keys(pattern).await.expect("KEYS succeeds");
    let [key] = &keys[..] else { panic!("one key is {pattern}, not {keys:?}") };
    let bytes: u64 =
        redis::cmd("MEMORY").arg("USAGE").arg(key).query_async(direct).await.expect("the key exists");
    println!("{pattern}: {bytes} bytes");
    bytes
}

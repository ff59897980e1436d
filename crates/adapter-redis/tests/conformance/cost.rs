//! What a call costs the server, counted.

use std::{collections::BTreeMap, time::Duration};

use deadpool_redis::redis::{self, aio::MultiplexedConnection};
use domain::{
    SettledCall,
    ports::{ContextCache as _, ContextToStore, HoldResult, IdempotencyLock as _, LockSettlement, Ownership},
};
use testkit::fixtures;

use crate::{
    harness::StoreHarness,
    own_server::{OwnServer, told},
    proxy::Mode,
};

const HOLD: Duration = Duration::from_secs(30);

/// How often each command was called since the counts were last reset, the test's own left out.
async fn calls(direct: &mut MultiplexedConnection) -> BTreeMap<String, u64> {
    let info: String = redis::cmd("INFO").arg("commandstats").query_async(direct).await.expect("counts");
    let calls = info.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let count = rest.split(',').next()?.parse().ok()?;
        Some((name.to_owned(), count)).filter(|(name, _)| name != "info" && !name.starts_with("config"))
    });
    let calls = calls.collect();
    told(direct, "CONFIG RESETSTAT").await;
    calls
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn a_call_costs_one_command_before_the_dial_and_one_pipeline_after_it() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let (key, token, context) = (fixtures::key(), fixtures::token(), fixtures::context());
    calls(&mut direct).await;

    // Opening the connection costs no command either.
    assert_eq!(store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
    assert_eq!(calls(&mut direct).await, counts([("set", 1)]));

    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Held));
    assert_eq!(calls(&mut direct).await, counts([("eval", 1), ("get", 1), ("pexpire", 1)]));

    let call = SettledCall::Placed(fixtures::call_reference());
    let rider = ContextToStore { context: &context, ttl: HOLD };
    let settlement =
        LockSettlement { key: &key, token: &token, call: &call, hold_for: HOLD, context: Some(rider) };
    store.settle(&settlement).await.expect("the store is there");
    // The script's own commands are counted too.
    assert_eq!(calls(&mut direct).await, counts([("eval", 1), ("get", 1), ("set", 2)]));

    store.acquire(&key, &fixtures::token(), HOLD).await.expect("the store is there");
    assert_eq!(calls(&mut direct).await, counts([("set", 1), ("get", 1), ("pttl", 1)]));
}

#[tokio::test]
async fn a_result_and_its_context_go_in_one_round_trip() {
    let harness = StoreHarness::new().await;
    let (key, token, context) = (fixtures::key(), fixtures::token(), fixtures::context());
    assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));

    // Without an answer nothing is sent that waits for one: both must be written by what was sent at once.
    harness.proxy.set(Mode::HoldAnswers);
    let (store, kept) = (harness.store.clone(), context.clone());
    let settling = tokio::spawn(async move {
        let call = SettledCall::Placed(fixtures::call_reference());
        let rider = ContextToStore { context: &kept, ttl: HOLD };
        let settlement =
            LockSettlement { key: &key, token: &token, call: &call, hold_for: HOLD, context: Some(rider) };
        store.settle(&settlement).await
    });
    while harness.keys().await.len() < 2 {
        assert!(!settling.is_finished(), "it gave up before both were written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    harness.proxy.set(Mode::Pass);
    let settled = settling.await.expect("no panic").expect("the answers came");
    assert_eq!((settled.ownership, settled.context_stored), (Ownership::Held, true));
    assert_eq!(
        harness.store.find(&context.conversation_id).await,
        Ok(Some(domain::ConversationContext::Outbound(context)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_operations_share_a_connection() {
    let harness = StoreHarness::new().await;
    let crowd: Vec<_> = (0..200)
        .map(|_| {
            let store = harness.store.clone();
            tokio::spawn(async move { store.acquire(&fixtures::key(), &fixtures::token(), HOLD).await })
        })
        .collect();
    for member in crowd {
        assert_eq!(member.await.expect("no panic"), Ok(HoldResult::Granted));
    }
    assert_eq!(harness.proxy.accepted(), 1);
}

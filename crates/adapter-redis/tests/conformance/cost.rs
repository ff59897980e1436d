//! The number of commands and round trips of a call.

use std::{collections::BTreeMap, time::Duration};

use deadpool_redis::redis::{self, aio::MultiplexedConnection};
use domain::{
    ConversationContext, SettledCall,
    ports::{ContextCache as _, HoldResult, IdempotencyLock as _, LockRequest, Ownership},
};
use testkit::{fault_proxy::Fault, fixtures};

use crate::{
    harness::{HOLD, StoreHarness, settlement},
    own_server::{OwnServer, run},
};

/// Returns how often each command was called since the last reset, without the test's own commands,
/// and resets the counts.
pub(crate) async fn take_counts(direct: &mut MultiplexedConnection) -> BTreeMap<String, u64> {
    let info: String =
        redis::cmd("INFO").arg("commandstats").query_async(direct).await.expect("INFO succeeds");
    let counts = info.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let count = rest.split(',').next()?.parse().ok()?;
        Some((name.to_owned(), count)).filter(|(name, _)| name != "info" && !name.starts_with("config"))
    });
    let counts = counts.collect();
    run(direct, "CONFIG RESETSTAT").await;
    counts
}

pub(crate) fn expected<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn a_call_costs_one_command_before_the_dial_and_one_pipeline_after_it() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let (key, token, context) = (fixtures::key(), fixtures::token(), fixtures::context());
    take_counts(&mut direct).await;

    // Opening the connection costs no command.
    assert_eq!(store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
    assert_eq!(take_counts(&mut direct).await, expected([("set", 1)]));

    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Held));
    assert_eq!(take_counts(&mut direct).await, expected([("eval", 1), ("get", 1), ("pexpire", 1)]));

    let call = SettledCall::Placed(fixtures::call_reference());
    store.settle(&settlement(&key, &token, &call, Some(&context))).await.expect("the store is available");
    // Redis also counts the commands in a script.
    assert_eq!(take_counts(&mut direct).await, expected([("eval", 1), ("get", 1), ("set", 2)]));

    store.acquire(&LockRequest::new(&key, &fixtures::token(), HOLD)).await.expect("the store is available");
    assert_eq!(take_counts(&mut direct).await, expected([("set", 1), ("get", 1), ("pttl", 1)]));
}

#[tokio::test]
async fn a_result_and_its_context_go_in_one_round_trip() {
    let harness = StoreHarness::new().await;
    let (key, token, context) = (fixtures::key(), fixtures::token(), fixtures::context());
    assert_eq!(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));

    // While replies are held, the store cannot send a second round trip: one must write both keys.
    harness.proxy.set(Fault::HoldAnswers);
    let (store, stored) = (harness.store.clone(), context.clone());
    let settling = tokio::spawn(async move {
        let call = SettledCall::Placed(fixtures::call_reference());
        store.settle(&settlement(&key, &token, &call, Some(&stored))).await
    });
    while harness.keys().await.len() < 2 {
        assert!(!settling.is_finished(), "the settlement ended before both keys were written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    harness.proxy.set(Fault::None);
    let settled = settling.await.expect("no panic").expect("the replies arrived");
    assert_eq!((settled.ownership, settled.context_stored), (Ownership::Held, true));
    assert_eq!(
        harness.store.find(&context.conversation_id).await,
        Ok(Some(ConversationContext::Outbound(context)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_operations_share_a_connection() {
    let harness = StoreHarness::new().await;
    let operations: Vec<_> = (0..200)
        .map(|_| {
            let store = harness.store.clone();
            tokio::spawn(async move {
                store.acquire(&LockRequest::new(&fixtures::key(), &fixtures::token(), HOLD)).await
            })
        })
        .collect();
    for operation in operations {
        assert_eq!(operation.await.expect("no panic"), Ok(HoldResult::Granted));
    }
    assert_eq!(harness.proxy.accepted(), 1);
}

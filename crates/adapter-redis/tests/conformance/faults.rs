//! Connections that are refused, stall, break, or lose a reply; a server that was restarted empty.

use std::time::Duration;

use domain::{
    ConversationContext, SettledCall,
    ports::{ContextCache as _, HoldResult, IdempotencyLock as _, LockRequest, Ownership, PortUnavailable},
};
use testkit::{fault_proxy::Fault, fixtures};

use crate::{
    harness::{HOLD, StoreHarness, settlement},
    own_server::OwnServer,
};

fn reason<T: std::fmt::Debug>(result: Result<T, PortUnavailable>) -> String {
    result.expect_err("the store is unavailable").to_string()
}

#[tokio::test]
async fn a_refused_store_is_back_with_the_first_operation_after_it() {
    let harness = StoreHarness::new().await;
    let (key, token) = (fixtures::key(), fixtures::token());
    harness.store.ping().await.expect("the store is available");

    harness.proxy.set(Fault::Refuse);
    reason(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await);
    reason(harness.store.find(&fixtures::conversation_id()).await);
    reason(harness.store.ping().await);

    harness.proxy.set(Fault::None);
    assert_eq!(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_stalled_connection_times_out_and_is_replaced() {
    let harness = StoreHarness::with_timeout(Duration::from_millis(400)).await;
    harness.store.ping().await.expect("the store is available");

    harness.proxy.set(Fault::Blackhole);
    let started = std::time::Instant::now();
    let result = harness.store.acquire(&LockRequest::new(&fixtures::key(), &fixtures::token(), HOLD)).await;
    assert!(started.elapsed() < Duration::from_secs(2), "the port promises a result within 2 s");
    assert!(reason(result).contains("time limit"));

    // The old connection stays dead, so only a new one can work.
    harness.proxy.set(Fault::None);
    let result = harness.store.acquire(&LockRequest::new(&fixtures::key(), &fixtures::token(), HOLD)).await;
    assert_eq!(result, Ok(HoldResult::Granted));
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_stall_together_reopen_one_connection() {
    let harness = StoreHarness::with_timeout(Duration::from_millis(400)).await;
    harness.store.ping().await.expect("the store is available");
    harness.proxy.set(Fault::Blackhole);
    let operations: Vec<_> = (0..50)
        .map(|_| {
            let store = harness.store.clone();
            tokio::spawn(async move { store.find(&fixtures::conversation_id()).await })
        })
        .collect();
    for operation in operations {
        reason(operation.await.expect("no panic"));
    }
    harness.proxy.set(Fault::None);
    for _ in 0..3 {
        harness.store.ping().await.expect("the store is available again");
    }
    // The first one, at most one that was opened during the stall, and the current one.
    assert!(harness.proxy.accepted() <= 3, "{} connections", harness.proxy.accepted());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_failure_spares_the_connection_that_replaced_its_own() {
    let harness = StoreHarness::with_timeout(Duration::from_millis(1000)).await;
    harness.store.ping().await.expect("the store is available");
    harness.proxy.set(Fault::Blackhole);
    let stalled = || {
        let store = harness.store.clone();
        tokio::spawn(async move { store.find(&fixtures::conversation_id()).await })
    };
    let early = stalled();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let late = stalled();
    reason(early.await.expect("no panic"));

    harness.proxy.set(Fault::None);
    harness.store.ping().await.expect("the store is available again");
    reason(late.await.expect("no panic"));
    harness.store.ping().await.expect("the store is available again");
    assert_eq!(harness.proxy.accepted(), 2);
}

#[tokio::test]
async fn a_lock_whose_grant_was_lost_on_the_way_is_granted() {
    for bytes in [0, 3] {
        let harness = StoreHarness::new().await;
        let (key, token) = (fixtures::key(), fixtures::token());
        harness.store.ping().await.expect("the store is available");

        harness.proxy.set_once(Fault::CutAnswer(bytes));
        assert_eq!(
            harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await,
            Ok(HoldResult::Granted),
            "{bytes}"
        );
        assert_eq!(harness.proxy.accepted(), 2);

        // Only the lost reply led to the grant: a held key is in flight for every request.
        let again = harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await;
        assert!(matches!(again, Ok(HoldResult::InFlight { .. })), "{again:?}");
    }
}

#[tokio::test]
async fn a_lock_of_another_owner_stays_theirs_when_a_reply_is_lost() {
    let harness = StoreHarness::new().await;
    let key = fixtures::key();
    assert_eq!(
        harness.store.acquire(&LockRequest::new(&key, &fixtures::token(), HOLD)).await,
        Ok(HoldResult::Granted)
    );

    harness.proxy.set_once(Fault::CutAnswer(0));
    let result = harness.store.acquire(&LockRequest::new(&key, &fixtures::token(), HOLD)).await;
    assert!(matches!(result, Ok(HoldResult::InFlight { .. })), "{result:?}");
}

#[tokio::test]
async fn a_settlement_whose_reply_was_lost_is_held() {
    let harness = StoreHarness::new().await;
    let (key, token, context) = (fixtures::key(), fixtures::token(), fixtures::context());
    assert_eq!(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
    let call = SettledCall::Placed(fixtures::call_reference());
    let settlement = settlement(&key, &token, &call, Some(&context));

    harness.proxy.set_once(Fault::CutAnswer(2));
    let settled = harness.store.settle(&settlement).await.expect("the request is sent again");
    assert_eq!((settled.ownership, settled.context_stored), (Ownership::Held, true));
    // The owner may settle again: after an error it cannot know what was executed.
    let settled = harness.store.settle(&settlement).await.expect("the store is available");
    assert_eq!(settled.ownership, Ownership::Held);
    let result = harness.store.acquire(&LockRequest::new(&key, &fixtures::token(), HOLD)).await;
    assert_eq!(result, Ok(HoldResult::Settled(call)));
}

#[tokio::test]
async fn a_lock_that_expires_while_it_is_read_is_granted() {
    let mut harness = StoreHarness::new().await;
    let key = fixtures::key();
    assert_eq!(
        harness.store.acquire(&LockRequest::new(&key, &fixtures::token(), HOLD)).await,
        Ok(HoldResult::Granted)
    );
    let name = harness.lock_name().await;

    // The reply that the key is held arrives after the key is gone.
    harness.proxy.set(Fault::HoldAnswers);
    let store = harness.store.clone();
    let acquiring =
        tokio::spawn(async move { store.acquire(&LockRequest::new(&key, &fixtures::token(), HOLD)).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    harness.delete(&name).await;
    harness.proxy.set(Fault::None);
    assert_eq!(acquiring.await.expect("no panic"), Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_reply_that_is_lost_on_a_new_connection_is_unavailable() {
    let harness = StoreHarness::new().await;
    // The store does not retry when a new connection breaks.
    harness.proxy.set_once(Fault::CutAnswer(0));
    let result = harness.store.acquire(&LockRequest::new(&fixtures::key(), &fixtures::token(), HOLD)).await;
    assert!(reason(result).contains("closed a new connection"));
}

#[tokio::test]
async fn a_store_that_lost_its_keys_loses_ownership_and_nothing_else() {
    let mut harness = StoreHarness::new().await;
    let (key, token, context) = (fixtures::key(), fixtures::token(), fixtures::context());
    assert_eq!(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
    for key in harness.keys().await {
        harness.delete(&key).await;
    }

    assert_eq!(harness.store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost));
    assert_eq!(harness.store.release(&key, &token, &[]).await, Ok(Ownership::Lost));
    let call = SettledCall::Placed(fixtures::call_reference());
    let settlement = settlement(&key, &token, &call, Some(&context));
    let settled = harness.store.settle(&settlement).await.expect("the store is available");
    assert_eq!((settled.ownership, settled.context_stored), (Ownership::Lost, true));
    assert_eq!(
        harness.store.find(&context.conversation_id).await,
        Ok(Some(ConversationContext::Outbound(context)))
    );
    assert_eq!(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_server_that_is_killed_and_restarted_empty_costs_no_failed_operation_afterwards() {
    let mut server = OwnServer::start().await;
    let store = server.store();
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Held));

    server.kill();
    assert!(reason(store.renew(&key, &token, HOLD).await).contains("refused"));
    server.restart().await;

    // The restarted server has not compiled the renewal script yet.
    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost));
    assert_eq!(store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));

    // No operation ran while the server was down, so this one finds the dead connection.
    server.kill();
    server.restart().await;
    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost));
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let harness = StoreHarness::new().await;
    harness.store.ping().await.expect("the store is available");
    harness.store.clone().close();
    assert!(reason(harness.store.ping().await).contains("closed"));
    assert_eq!(harness.proxy.accepted(), 1);
}

#[test]
fn connections_outlive_the_runtime_that_happened_to_open_them() {
    let home = tokio::runtime::Runtime::new().expect("a runtime");
    let harness = home.block_on(StoreHarness::new());
    for _ in 0..3 {
        let temporary =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        temporary.block_on(harness.store.ping()).expect("the store is available");
    }
    assert_eq!(harness.proxy.accepted(), 1);
}

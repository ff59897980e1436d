//! Connections that are refused, stall, break, or lose an answer; a server that was restarted empty.

use std::time::Duration;

use domain::{
    SettledCall,
    ports::{
        ContextCache as _, ContextToStore, HoldResult, IdempotencyLock as _, LockSettlement, Ownership,
        PortUnavailable,
    },
};
use testkit::fixtures;

use crate::{harness::StoreHarness, own_server::OwnServer, proxy::Mode};

const HOLD: Duration = Duration::from_secs(30);

fn reason<T: std::fmt::Debug>(answer: Result<T, PortUnavailable>) -> String {
    answer.expect_err("the store is away").to_string()
}

#[tokio::test]
async fn a_refused_store_is_back_with_the_first_operation_after_it() {
    let harness = StoreHarness::new().await;
    let (key, token) = (fixtures::key(), fixtures::token());
    harness.store.ping().await.expect("it is there");

    harness.proxy.set(Mode::Refuse);
    reason(harness.store.acquire(&key, &token, HOLD).await);
    reason(harness.store.find(&fixtures::conversation_id()).await);
    reason(harness.store.ping().await);

    harness.proxy.set(Mode::Pass);
    assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_stalled_connection_is_given_up_in_time_and_replaced() {
    let harness = StoreHarness::with_limit(Duration::from_millis(400)).await;
    harness.store.ping().await.expect("it is there");

    harness.proxy.set(Mode::Swallow);
    let begun = std::time::Instant::now();
    let answer = harness.store.acquire(&fixtures::key(), &fixtures::token(), HOLD).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "the port promises to answer within 2 s");
    assert!(reason(answer).contains("in time"));

    // The old connection stays dead, so only a new one can answer.
    harness.proxy.set(Mode::Pass);
    let answer = harness.store.acquire(&fixtures::key(), &fixtures::token(), HOLD).await;
    assert_eq!(answer, Ok(HoldResult::Granted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_stalls_together_reopens_one_connection() {
    let harness = StoreHarness::with_limit(Duration::from_millis(400)).await;
    harness.store.ping().await.expect("it is there");
    harness.proxy.set(Mode::Swallow);
    let crowd: Vec<_> = (0..50)
        .map(|_| {
            let store = harness.store.clone();
            tokio::spawn(async move { store.find(&fixtures::conversation_id()).await })
        })
        .collect();
    for member in crowd {
        reason(member.await.expect("no panic"));
    }
    harness.proxy.set(Mode::Pass);
    for _ in 0..3 {
        harness.store.ping().await.expect("it is back");
    }
    // The first one, at most one that was opened into the stall, and the one that serves now.
    assert!(harness.proxy.accepted() <= 3, "{} connections", harness.proxy.accepted());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_failure_spares_the_connection_that_replaced_its_own() {
    let harness = StoreHarness::with_limit(Duration::from_millis(1000)).await;
    harness.store.ping().await.expect("it is there");
    harness.proxy.set(Mode::Swallow);
    let stalled = || {
        let store = harness.store.clone();
        tokio::spawn(async move { store.find(&fixtures::conversation_id()).await })
    };
    let early = stalled();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let late = stalled();
    reason(early.await.expect("no panic"));

    harness.proxy.set(Mode::Pass);
    harness.store.ping().await.expect("it is back");
    reason(late.await.expect("no panic"));
    harness.store.ping().await.expect("it is back");
    assert_eq!(harness.proxy.accepted(), 2);
}

#[tokio::test]
async fn a_lock_whose_grant_was_lost_on_the_way_is_granted() {
    for bytes in [0, 3] {
        let harness = StoreHarness::new().await;
        let (key, token) = (fixtures::key(), fixtures::token());
        harness.store.ping().await.expect("it is there");

        harness.proxy.set(Mode::CutNextAnswer(bytes));
        assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted), "{bytes}");
        assert_eq!(harness.proxy.accepted(), 2);

        // Only because the answer was lost: a held key is in flight, whoever asks.
        let again = harness.store.acquire(&key, &token, HOLD).await;
        assert!(matches!(again, Ok(HoldResult::InFlight { .. })), "{again:?}");
    }
}

#[tokio::test]
async fn somebody_elses_lock_stays_theirs_when_an_answer_is_lost() {
    let harness = StoreHarness::new().await;
    let key = fixtures::key();
    assert_eq!(harness.store.acquire(&key, &fixtures::token(), HOLD).await, Ok(HoldResult::Granted));

    harness.proxy.set(Mode::CutNextAnswer(0));
    let answer = harness.store.acquire(&key, &fixtures::token(), HOLD).await;
    assert!(matches!(answer, Ok(HoldResult::InFlight { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_settlement_whose_answer_was_lost_is_held() {
    let harness = StoreHarness::new().await;
    let (key, token, context) = (fixtures::key(), fixtures::token(), fixtures::context());
    assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
    let call = SettledCall::Placed(fixtures::call_reference());
    let rider = ContextToStore { context: &context, ttl: HOLD };
    let settlement =
        LockSettlement { key: &key, token: &token, call: &call, hold_for: HOLD, context: Some(rider) };

    harness.proxy.set(Mode::CutNextAnswer(2));
    let settled = harness.store.settle(&settlement).await.expect("it is sent again");
    assert_eq!((settled.ownership, settled.context_stored), (Ownership::Held, true));
    // A caller may settle again too, since it cannot know what an error left behind.
    let settled = harness.store.settle(&settlement).await.expect("the store is there");
    assert_eq!(settled.ownership, Ownership::Held);
    let answer = harness.store.acquire(&key, &fixtures::token(), HOLD).await;
    assert_eq!(answer, Ok(HoldResult::Settled(call)));
}

#[tokio::test]
async fn a_lock_that_lapses_while_it_is_looked_at_is_taken() {
    let mut harness = StoreHarness::new().await;
    let key = fixtures::key();
    assert_eq!(harness.store.acquire(&key, &fixtures::token(), HOLD).await, Ok(HoldResult::Granted));
    let name = harness.intent_key().await;

    // The answer that the key is held arrives when it no longer is.
    harness.proxy.set(Mode::HoldAnswers);
    let store = harness.store.clone();
    let acquiring = tokio::spawn(async move { store.acquire(&key, &fixtures::token(), HOLD).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    deadpool_redis::redis::cmd("DEL").arg(name).exec_async(&mut harness.direct).await.expect("deleted");
    harness.proxy.set(Mode::Pass);
    assert_eq!(acquiring.await.expect("no panic"), Ok(HoldResult::Granted));
}

#[tokio::test]
async fn an_answer_that_is_lost_twice_is_unavailable() {
    let harness = StoreHarness::new().await;
    // A connection that breaks although it is new is not tried again.
    harness.proxy.set(Mode::CutNextAnswer(0));
    let answer = harness.store.acquire(&fixtures::key(), &fixtures::token(), HOLD).await;
    assert!(reason(answer).contains("closed at once"));
}

#[tokio::test]
async fn a_store_that_lost_its_keys_loses_ownership_and_nothing_else() {
    let mut harness = StoreHarness::new().await;
    let (key, token, context) = (fixtures::key(), fixtures::token(), fixtures::context());
    assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
    for key in harness.keys().await {
        deadpool_redis::redis::cmd("DEL").arg(key).exec_async(&mut harness.direct).await.expect("deleted");
    }

    assert_eq!(harness.store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost));
    assert_eq!(harness.store.release(&key, &token).await, Ok(Ownership::Lost));
    let call = SettledCall::Placed(fixtures::call_reference());
    let rider = ContextToStore { context: &context, ttl: HOLD };
    let settlement =
        LockSettlement { key: &key, token: &token, call: &call, hold_for: HOLD, context: Some(rider) };
    let settled = harness.store.settle(&settlement).await.expect("the store is there");
    assert_eq!((settled.ownership, settled.context_stored), (Ownership::Lost, true));
    assert_eq!(
        harness.store.find(&context.conversation_id).await,
        Ok(Some(domain::ConversationContext::Outbound(context)))
    );
    assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_server_that_is_killed_and_restarted_empty_costs_no_failed_operation_afterwards() {
    let mut server = OwnServer::start().await;
    let store = server.store();
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Held));

    server.kill();
    assert!(reason(store.renew(&key, &token, HOLD).await).contains("refused"));
    server.start_again().await;

    // The script that renews is not known to this server yet.
    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost));
    assert_eq!(store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));

    // Nor where nobody asked while it was away, and the dead connection is found by the operation itself.
    server.kill();
    server.start_again().await;
    assert_eq!(store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost));
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let harness = StoreHarness::new().await;
    harness.store.ping().await.expect("it is there");
    harness.store.clone().close();
    assert!(reason(harness.store.ping().await).contains("closed"));
    assert_eq!(harness.proxy.accepted(), 1);
}

#[test]
fn connections_outlive_the_runtime_that_happened_to_open_them() {
    let home = tokio::runtime::Runtime::new().expect("a runtime");
    let harness = home.block_on(StoreHarness::new());
    for _ in 0..3 {
        let passing = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        passing.block_on(harness.store.ping()).expect("it is there");
    }
    assert_eq!(harness.proxy.accepted(), 1);
}

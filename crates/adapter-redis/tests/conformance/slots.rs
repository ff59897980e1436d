//! The slots of calls: what they cost, and what happens to them when a reply, memory or the clock of the
//! server is lost.

use std::{slice, time::Duration};

use deadpool_redis::redis::AsyncCommands as _;
use domain::{
    Pace, PaceScope, Slot,
    ports::{HoldResult, IdempotencyLock as _, LockRequest, PortUnavailable},
};
use testkit::{fault_proxy::Fault, fixtures};

use crate::{
    cost::{expected, take_counts},
    harness::{HOLD, StoreHarness},
    own_server::{OwnServer, run},
};

const INTERVAL: Duration = Duration::from_secs(20);
const IMMEDIATELY: HoldResult = HoldResult::GrantedAfter { wait: Duration::ZERO };

fn of_trunk() -> Pace {
    Pace { scope: PaceScope::Trunk(fixtures::trunk_id()), interval: INTERVAL }
}

fn of_number() -> Pace {
    Pace { scope: PaceScope::Number(fixtures::provider_number_id()), interval: INTERVAL }
}

async fn acquire(store: &adapter_redis::RedisStore, paces: &[Pace]) -> Result<HoldResult, PortUnavailable> {
    let (key, token) = (fixtures::key(), fixtures::token());
    store.acquire(&LockRequest { paces, ..LockRequest::new(&key, &token, HOLD) }).await
}

#[tokio::test]
async fn a_slot_costs_no_round_trip() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let paces = [of_trunk(), of_number()];
    take_counts(&mut direct).await;

    // Redis also counts the commands in a script.
    assert_eq!(acquire(&store, &paces).await, Ok(IMMEDIATELY));
    let in_script = [("eval", 1), ("get", 1), ("pttl", 2), ("set", 3)];
    assert_eq!(take_counts(&mut direct).await, expected(in_script));

    let refused = acquire(&store, &paces).await;
    assert!(matches!(refused, Ok(HoldResult::TooFast { .. })), "{refused:?}");
    assert_eq!(take_counts(&mut direct).await, expected([("eval", 1), ("get", 3), ("pttl", 2)]));

    assert!(matches!(store.next_slot(&paces, INTERVAL).await, Ok(Slot::In(_))));
    assert_eq!(take_counts(&mut direct).await, expected([("eval", 1), ("get", 2), ("pttl", 2), ("set", 2)]));
}

/// The lock is there, and the slot is not known: the caller asks for the next one.
#[tokio::test]
async fn a_request_whose_reply_was_lost_has_a_lock_without_a_slot() {
    let harness = StoreHarness::new().await;
    harness.store.ping().await.expect("the store is available");
    harness.proxy.set_once(Fault::CutAnswer(0));
    assert_eq!(acquire(&harness.store, &[of_trunk()]).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_full_server_takes_no_slot() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let paces = [of_trunk(), of_number()];
    run(&mut direct, "CONFIG SET maxmemory 1").await;
    let error = acquire(&store, &paces).await.expect_err("the server is full");
    assert!(error.to_string().contains("OOM"), "{error}");
    let error = store.next_slot(&paces, INTERVAL).await.expect_err("the server is full");
    assert!(error.to_string().contains("OOM"), "{error}");
    run(&mut direct, "CONFIG SET maxmemory 0").await;
    assert_eq!(acquire(&store, &paces).await, Ok(IMMEDIATELY));
}

/// When the clock of the server is set back, its keys live longer by as much.
#[tokio::test]
async fn a_slot_from_before_the_clock_was_set_back_does_not_count() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let pace = of_trunk();
    assert_eq!(acquire(&store, slice::from_ref(&pace)).await, Ok(IMMEDIATELY));
    let keys: Vec<String> = direct.keys("*:{slots}:trunk:*").await.expect("KEYS succeeds");
    let [key] = &keys[..] else { panic!("one key has the slot, not {keys:?}") };
    let farthest = Slot::FARTHEST + INTERVAL;
    for (lives_for, is_counted) in
        [(farthest + Duration::from_secs(30), false), (farthest - Duration::from_secs(1), true)]
    {
        let millis = i64::try_from(lives_for.as_millis()).expect("minutes");
        let _: bool = direct.pexpire(key, millis).await.expect("PEXPIRE succeeds");
        let refused = matches!(acquire(&store, slice::from_ref(&pace)).await, Ok(HoldResult::TooFast { .. }));
        assert_eq!(refused, is_counted, "{lives_for:?}");
    }
}

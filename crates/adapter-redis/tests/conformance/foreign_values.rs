//! Values that this version cannot read: never a free key, never a panic, never quoted.

use std::time::Duration;

use deadpool_redis::redis::cmd;
use domain::ports::{ContextCache as _, HoldResult, IdempotencyLock as _, Ownership};
use domain::{CallContext, ConversationContext, ConversationId, InboundContext};
use testkit::fixtures;

use crate::harness::StoreHarness;

const HOLD: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_lock_that_cannot_be_read_is_held() {
    let mut harness = StoreHarness::new().await;
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
    let name = harness.intent_key().await;
    for value in ["", "secret", "pending:secret", "settled:secret:{}", "{\"v\":7}"] {
        cmd("SET")
            .arg(&name)
            .arg(value)
            .arg("PX")
            .arg(9000)
            .exec_async(&mut harness.direct)
            .await
            .expect("set");
        let error = harness.store.acquire(&key, &token, HOLD).await.expect_err("it is neither free nor ours");
        assert!(error.to_string().contains("not one that this version can read"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(harness.store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost));
        assert_eq!(harness.store.release(&key, &token).await, Ok(Ownership::Lost));
    }
}

#[tokio::test]
async fn a_token_is_compared_to_its_end() {
    let mut harness = StoreHarness::new().await;
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
    let name = harness.intent_key().await;
    for longer in [format!("pending:{}0", token.as_str()), format!("settled:{}0:x", token.as_str())] {
        cmd("SET").arg(&name).arg(&longer).exec_async(&mut harness.direct).await.expect("set");
        assert_eq!(harness.store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost), "{longer}");
        assert_eq!(harness.store.release(&key, &token).await, Ok(Ownership::Lost), "{longer}");
        let call = domain::SettledCall::Placed(fixtures::call_reference());
        let settlement = domain::ports::LockSettlement {
            key: &key,
            token: &token,
            call: &call,
            hold_for: HOLD,
            context: None,
        };
        let settled = harness.store.settle(&settlement).await.expect("the store is there");
        assert_eq!((settled.ownership, settled.context_stored), (Ownership::Lost, false), "{longer}");
        let kept: String = cmd("GET").arg(&name).query_async(&mut harness.direct).await.expect("got");
        assert_eq!(kept, longer);
    }
    cmd("DEL").arg(&name).exec_async(&mut harness.direct).await.expect("deleted");
}

#[tokio::test]
async fn a_lock_without_an_end_is_an_inconsistency() {
    let mut harness = StoreHarness::new().await;
    let key = fixtures::key();
    assert_eq!(harness.store.acquire(&key, &fixtures::token(), HOLD).await, Ok(HoldResult::Granted));
    let name = harness.intent_key().await;
    cmd("PERSIST").arg(&name).exec_async(&mut harness.direct).await.expect("persisted");
    let error = harness.store.acquire(&key, &fixtures::token(), HOLD).await.expect_err("nobody knows when");
    assert!(error.to_string().contains("without an end"), "{error}");
    cmd("DEL").arg(&name).exec_async(&mut harness.direct).await.expect("deleted");
}

#[tokio::test]
async fn a_key_of_a_foreign_type_is_unavailable() {
    let mut harness = StoreHarness::new().await;
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(harness.store.acquire(&key, &token, HOLD).await, Ok(HoldResult::Granted));
    let name = harness.intent_key().await;
    cmd("DEL").arg(&name).exec_async(&mut harness.direct).await.expect("deleted");
    cmd("RPUSH").arg(&name).arg("x").exec_async(&mut harness.direct).await.expect("pushed");
    let error = harness.store.acquire(&key, &token, HOLD).await.expect_err("it is not ours");
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    // Out of a script, servers before Redis 7 give no code.
    harness.store.renew(&key, &token, HOLD).await.expect_err("it is not ours");
    cmd("DEL").arg(&name).exec_async(&mut harness.direct).await.expect("deleted");
}

#[tokio::test]
async fn a_context_that_cannot_be_read_or_is_anothers_is_unavailable() {
    let mut harness = StoreHarness::new().await;
    let [mine, other] = [(); 2].map(|()| ConversationContext::Outbound(fixtures::context()));
    harness.store.store(&mine, HOLD).await.expect("kept");
    let my_key = harness.keys().await.remove(0);
    harness.store.store(&other, HOLD).await.expect("kept");
    let other_key = harness.keys().await.into_iter().find(|key| *key != my_key).expect("there are two");

    cmd("COPY")
        .arg(&other_key)
        .arg(&my_key)
        .arg("REPLACE")
        .exec_async(&mut harness.direct)
        .await
        .expect("copied");
    harness.store.find(mine.conversation_id()).await.expect_err("it is another conversation's");
    cmd("SET")
        .arg(&my_key)
        .arg("secret")
        .arg("PX")
        .arg(9000)
        .exec_async(&mut harness.direct)
        .await
        .expect("set");
    let error = harness.store.find(mine.conversation_id()).await.expect_err("it is no context");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(harness.store.find(other.conversation_id()).await, Ok(Some(other)));
}

/// Replicas of two releases share the store while one replaces the other.
#[tokio::test]
async fn what_the_release_before_wrote_of_a_placed_call_is_read() {
    let mut harness = StoreHarness::new().await;
    let conversation_id = ConversationId::parse("conv_1").expect("an id");
    let context = CallContext { conversation_id, ..fixtures::context() };
    let kept = ConversationContext::Outbound(context.clone());
    harness.store.store(&kept, HOLD).await.expect("kept");
    let key = harness.keys().await.remove(0);
    let written: String = cmd("GET").arg(&key).query_async(&mut harness.direct).await.expect("got");
    assert!(written.starts_with(r#"{"v":1,"conversationId":""#), "the release before reads no other version");

    let bare = format!(
        r#"{{"v":1,"conversationId":"{}","callId":"{}","organizationId":"o","userId":"u","contactId":"c","agentId":"a","providerAgentId":"p","from":"{}","to":"{}","startedAtUnixMillis":7}}"#,
        context.conversation_id.as_str(),
        context.identity.call_id.as_str(),
        context.identity.from.as_e164(),
        context.identity.to.as_e164(),
    );
    cmd("SET").arg(&key).arg(bare).arg("PX").arg(9000).exec_async(&mut harness.direct).await.expect("set");
    let Ok(Some(ConversationContext::Outbound(found))) = harness.store.find(&context.conversation_id).await
    else {
        panic!("it is the context of a placed call");
    };
    assert_eq!(
        (found.identity.call_id, found.reason, found.started_at.unix_millis()),
        (context.identity.call_id, None, 7)
    );
}

#[tokio::test]
async fn contexts_of_either_direction_replace_each_other() {
    let mut harness = StoreHarness::new().await;
    let placed = fixtures::context();
    let came_in = ConversationContext::Inbound(InboundContext {
        conversation_id: placed.conversation_id.clone(),
        organization_id: placed.identity.organization_id.clone(),
        user_id: placed.identity.user_id.clone(),
        contact_id: None,
        provider_agent_id: Some(placed.provider_agent_id.clone()),
        caller: placed.identity.to.clone(),
        called: placed.identity.from.clone(),
        started_at: placed.started_at,
    });
    let placed = ConversationContext::Outbound(placed);
    for kept in [&came_in, &placed, &came_in] {
        harness.store.store(kept, HOLD).await.expect("kept");
        assert_eq!(harness.store.find(placed.conversation_id()).await.as_ref(), Ok(&Some(kept.clone())));
    }
    assert_eq!(harness.keys().await.len(), 1, "one conversation, one key");
    let key = harness.keys().await.remove(0);
    let written: String = cmd("GET").arg(&key).query_async(&mut harness.direct).await.expect("got");
    assert!(written.starts_with(r#"{"v":2,"#), "the release before is to say that it cannot read it");
}

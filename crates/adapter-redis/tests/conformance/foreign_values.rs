//! Values that this release cannot read: they are no free keys, cause no panic and are not quoted.

use deadpool_redis::redis::cmd;
use domain::{
    CallContext, ConversationContext, ConversationId, InboundContext, SettledCall,
    ports::{ContextCache as _, HoldResult, IdempotencyLock as _, LockRequest, Ownership},
};
use testkit::fixtures;

use crate::harness::{HOLD, StoreHarness, settlement};

#[tokio::test]
async fn a_lock_that_cannot_be_read_is_held() {
    let mut harness = StoreHarness::new().await;
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
    let name = harness.lock_name().await;
    for value in ["", "secret", "pending:secret", "settled:secret:{}", "{\"v\":7}"] {
        harness.overwrite(&name, value).await;
        let error =
            harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await.expect_err("the lock is held");
        assert!(error.to_string().contains("this release cannot read"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(harness.store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost));
        assert_eq!(harness.store.release(&key, &token, &[]).await, Ok(Ownership::Lost));
    }
}

#[tokio::test]
async fn a_token_is_compared_to_its_end() {
    let mut harness = StoreHarness::new().await;
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
    let name = harness.lock_name().await;
    let longer = ["pending:{}0", "pending:{}0:run7:user-calls", "settled:{}0:x"];
    for longer in longer.map(|value| value.replace("{}", token.as_str())) {
        harness.overwrite(&name, &longer).await;
        assert_eq!(harness.store.renew(&key, &token, HOLD).await, Ok(Ownership::Lost), "{longer}");
        assert_eq!(harness.store.release(&key, &token, &[]).await, Ok(Ownership::Lost), "{longer}");
        let call = SettledCall::Placed(fixtures::call_reference());
        let settlement = settlement(&key, &token, &call, None);
        let settled = harness.store.settle(&settlement).await.expect("the store is available");
        assert_eq!((settled.ownership, settled.context_stored), (Ownership::Lost, false), "{longer}");
        assert_eq!(harness.read(&name).await, longer);
    }
    harness.delete(&name).await;
}

#[tokio::test]
async fn a_lock_without_an_end_is_an_inconsistency() {
    let mut harness = StoreHarness::new().await;
    let key = fixtures::key();
    assert_eq!(
        harness.store.acquire(&LockRequest::new(&key, &fixtures::token(), HOLD)).await,
        Ok(HoldResult::Granted)
    );
    let name = harness.lock_name().await;
    cmd("PERSIST").arg(&name).exec_async(&mut harness.direct).await.expect("PERSIST succeeds");
    let error = harness
        .store
        .acquire(&LockRequest::new(&key, &fixtures::token(), HOLD))
        .await
        .expect_err("it never expires");
    assert!(error.to_string().contains("no expiry time"), "{error}");
    harness.delete(&name).await;
}

#[tokio::test]
async fn a_key_of_a_foreign_type_is_unavailable() {
    let mut harness = StoreHarness::new().await;
    let (key, token) = (fixtures::key(), fixtures::token());
    assert_eq!(harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await, Ok(HoldResult::Granted));
    let name = harness.lock_name().await;
    harness.delete(&name).await;
    cmd("RPUSH").arg(&name).arg("x").exec_async(&mut harness.direct).await.expect("RPUSH succeeds");
    let error =
        harness.store.acquire(&LockRequest::new(&key, &token, HOLD)).await.expect_err("the key is a list");
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    // For an error in a script, servers before Redis 7 return no code.
    harness.store.renew(&key, &token, HOLD).await.expect_err("the key is a list");
    harness.delete(&name).await;
}

#[tokio::test]
async fn a_context_that_cannot_be_read_or_is_anothers_is_unavailable() {
    let mut harness = StoreHarness::new().await;
    let [mine, other] = [(); 2].map(|()| ConversationContext::Outbound(fixtures::context()));
    harness.store.store(&mine, HOLD).await.expect("stored");
    let my_key = harness.keys().await.remove(0);
    harness.store.store(&other, HOLD).await.expect("stored");
    let other_key = harness.keys().await.into_iter().find(|key| *key != my_key).expect("there are two");

    let others_value = harness.read(&other_key).await;
    harness.overwrite(&my_key, &others_value).await;
    let found = harness.store.find(mine.conversation_id()).await;
    found.expect_err("the value belongs to another conversation");
    harness.overwrite(&my_key, "secret").await;
    let error = harness.store.find(mine.conversation_id()).await.expect_err("the value is no context");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(harness.store.find(other.conversation_id()).await, Ok(Some(other)));
}

/// During an upgrade, replicas of two releases share the store.
#[tokio::test]
async fn a_context_of_a_placed_call_from_the_previous_release_is_read() {
    let mut harness = StoreHarness::new().await;
    let conversation_id = ConversationId::parse("conv_1").expect("an id");
    let context = CallContext { conversation_id, ..fixtures::context() };
    let stored = ConversationContext::Outbound(context.clone());
    harness.store.store(&stored, HOLD).await.expect("stored");
    let key = harness.keys().await.remove(0);
    let written = harness.read(&key).await;
    assert!(
        written.starts_with(r#"{"v":1,"conversationId":""#),
        "the previous release reads no other version"
    );

    let bare = format!(
        r#"{{"v":1,"conversationId":"{}","callId":"{}","organizationId":"o","userId":"u","contactId":"c","agentId":"a","providerAgentId":"p","from":"{}","to":"{}","startedAtUnixMillis":7}}"#,
        context.conversation_id.as_str(),
        context.identity.call_id.as_str(),
        context.identity.from.as_e164(),
        context.identity.to.as_e164(),
    );
    harness.overwrite(&key, &bare).await;
    let Ok(Some(ConversationContext::Outbound(found))) = harness.store.find(&context.conversation_id).await
    else {
        panic!("expected an outbound context");
    };
    assert_eq!(
        (found.identity.call_id, found.reason, found.started_at.unix_millis()),
        (context.identity.call_id, None, 7)
    );
}

#[tokio::test]
async fn contexts_of_either_direction_replace_each_other() {
    let mut harness = StoreHarness::new().await;
    let outbound = fixtures::context();
    let inbound = ConversationContext::Inbound(InboundContext {
        conversation_id: outbound.conversation_id.clone(),
        organization_id: outbound.identity.organization_id.clone(),
        user_id: outbound.identity.user_id.clone(),
        contact_id: None,
        provider_agent_id: Some(outbound.provider_agent_id.clone()),
        caller: outbound.identity.to.clone(),
        called: outbound.identity.from.clone(),
        started_at: outbound.started_at,
    });
    let outbound = ConversationContext::Outbound(outbound);
    for context in [&inbound, &outbound, &inbound] {
        harness.store.store(context, HOLD).await.expect("stored");
        assert_eq!(harness.store.find(outbound.conversation_id()).await.as_ref(), Ok(&Some(context.clone())));
    }
    assert_eq!(harness.keys().await.len(), 1, "one conversation, one key");
    let key = harness.keys().await.remove(0);
    let written = harness.read(&key).await;
    assert!(written.starts_with(r#"{"v":2,"#), "the first release must report that it cannot read it");
}

//! The suite of [`ContextCache`](domain::ports::ContextCache).

use std::time::Duration;

use domain::{CallContext, ConversationContext, InboundContext};

use crate::expect::{LOST_CACHE_BOUND, unavailable_within};
use crate::fixtures::{context, conversation_id, inbound_context};
use crate::harness::ContextCacheHarness;

suite! {
    $ context_cache_suite of context_cache:
    a_stored_context_is_found_in_full,
    a_stored_inbound_context_is_found_in_full,
    a_context_stored_again_is_replaced,
    an_unknown_conversation_has_no_context,
    a_context_is_forgotten_after_its_time,
    a_removed_context_is_absent,
    a_lost_context_store_is_unavailable,
}

const LONG: Duration = Duration::from_secs(24 * 3600);
const BRIEF: Duration = Duration::from_secs(4);

/// A removed context is absent, of either kind; the others stay. Removing an absent one does nothing.
pub async fn a_removed_context_is_absent(harness: &impl ContextCacheHarness) {
    let kept = context();
    store(harness, &kept, LONG).await;
    let removed = [ConversationContext::Outbound(context()), ConversationContext::Inbound(inbound_context())];
    for context in removed {
        harness.contexts().store(&context, LONG).await.expect("store is up");
        for _ in 0..2 {
            harness.contexts().remove(context.conversation_id()).await.expect("store is up");
            let found = harness.contexts().find(context.conversation_id()).await.expect("store is up");
            assert_eq!(found, None);
        }
    }
    assert_eq!(find(harness, &kept).await, Some(kept));
}

/// A context is found with every field, with and without the optional ones.
pub async fn a_stored_context_is_found_in_full(harness: &impl ContextCacheHarness) {
    let variants = [
        context(),
        CallContext { reason: None, ..context() },
        CallContext { carrier_call_id: None, ..context() },
        CallContext { reason: None, carrier_call_id: None, ..context() },
    ];
    for stored in variants {
        store(harness, &stored, LONG).await;
        assert_eq!(find(harness, &stored).await, Some(stored));
    }
}

/// The context of an inbound call is found with every field, with and without the optional ones.
pub async fn a_stored_inbound_context_is_found_in_full(harness: &impl ContextCacheHarness) {
    let variants = [
        inbound_context(),
        InboundContext { contact_id: None, ..inbound_context() },
        InboundContext { provider_agent_id: None, ..inbound_context() },
        InboundContext { contact_id: None, provider_agent_id: None, ..inbound_context() },
    ];
    for stored in variants.map(ConversationContext::Inbound) {
        harness.contexts().store(&stored, LONG).await.expect("store is up");
        let found = harness.contexts().find(stored.conversation_id()).await.expect("store is up");
        assert_eq!(found, Some(stored));
    }
}

/// A context that is stored again replaces the earlier one and its time to live, of the same kind
/// or of the other kind.
pub async fn a_context_stored_again_is_replaced(harness: &impl ContextCacheHarness) {
    let first = context();
    let second = CallContext { conversation_id: first.conversation_id.clone(), reason: None, ..context() };
    store(harness, &first, BRIEF).await;
    store(harness, &second, LONG).await;
    assert_eq!(find(harness, &first).await.as_ref(), Some(&second));
    harness.pass(BRIEF + Duration::from_secs(1)).await;
    assert_eq!(find(harness, &first).await, Some(second));

    let placed = context();
    let inbound = InboundContext { conversation_id: placed.conversation_id.clone(), ..inbound_context() };
    let (placed, inbound) = (ConversationContext::Outbound(placed), ConversationContext::Inbound(inbound));
    for (stored, ttl) in [(&placed, BRIEF), (&inbound, BRIEF), (&placed, BRIEF), (&inbound, LONG)] {
        harness.contexts().store(stored, ttl).await.expect("store is up");
        let found = harness.contexts().find(placed.conversation_id()).await.expect("store is up");
        assert_eq!(found.as_ref(), Some(stored), "the kind that was stored last");
    }
    harness.pass(BRIEF + Duration::from_secs(1)).await;
    let found = harness.contexts().find(placed.conversation_id()).await.expect("store is up");
    assert_eq!(found, Some(inbound), "with its own time to live");
}

/// A conversation without a stored context has none.
pub async fn an_unknown_conversation_has_no_context(harness: &impl ContextCacheHarness) {
    store(harness, &context(), LONG).await;
    let found = harness.contexts().find(&conversation_id()).await;
    assert_eq!(found.expect("an unknown id is no error"), None);
}

/// A context is found until its time to live has passed, and not after that.
pub async fn a_context_is_forgotten_after_its_time(harness: &impl ContextCacheHarness) {
    let (brief, lasting) = (context(), context());
    store(harness, &brief, BRIEF).await;
    store(harness, &lasting, LONG).await;
    assert_eq!(find(harness, &brief).await.as_ref(), Some(&brief));
    harness.pass(BRIEF + Duration::from_secs(1)).await;
    assert_eq!(find(harness, &brief).await, None);
    assert_eq!(find(harness, &lasting).await.as_ref(), Some(&lasting));
}

/// Without its store the port returns `PortUnavailable`, within 2 s and without quoting an id, a
/// number or the reason.
pub async fn a_lost_context_store_is_unavailable(harness: &impl ContextCacheHarness) {
    let (contexts, context) = (harness.contexts(), context());
    harness.lose().await;
    let reason = context.reason.as_ref().map_or("", |reason| reason.as_str());
    let private = [
        context.conversation_id.as_str(),
        context.identity.from.as_e164(),
        context.identity.to.as_e164(),
        reason,
    ];
    let stored = ConversationContext::Outbound(context.clone());
    unavailable_within(LOST_CACHE_BOUND, contexts.store(&stored, LONG), &private).await;
    unavailable_within(LOST_CACHE_BOUND, contexts.find(&context.conversation_id), &private).await;
    unavailable_within(LOST_CACHE_BOUND, contexts.remove(&context.conversation_id), &private).await;
}

async fn store(harness: &impl ContextCacheHarness, context: &CallContext, ttl: Duration) {
    let context = ConversationContext::Outbound(context.clone());
    harness.contexts().store(&context, ttl).await.expect("store is up");
}

async fn find(harness: &impl ContextCacheHarness, context: &CallContext) -> Option<CallContext> {
    match harness.contexts().find(&context.conversation_id).await.expect("store is up") {
        Some(ConversationContext::Outbound(found)) => Some(found),
        Some(ConversationContext::Inbound(_)) => panic!("an outbound context was stored"),
        None => None,
    }
}

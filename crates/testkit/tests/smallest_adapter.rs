//! The smallest adapter of a store, with its harness: the example of `docs/adapters.md`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ContextCache, PortUnavailable};
use domain::{ConversationContext, ConversationId};
use testkit::harness::{ContextCacheHarness, LosesStore, PassesTime};

/// A cache that lives as long as the process, on a clock that tests move. Clones share the data.
#[derive(Clone, Default)]
struct MemoryCache(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    is_lost: bool,
    now: Duration,
    /// Each context, and the time at which it expires.
    contexts: HashMap<ConversationId, (ConversationContext, Duration)>,
}

impl MemoryCache {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().expect("no panic while it is locked")
    }

    fn open(&self) -> Result<MutexGuard<'_, Contents>, PortUnavailable> {
        let contents = self.contents();
        if contents.is_lost { Err(PortUnavailable::new("memory", "the store is lost")) } else { Ok(contents) }
    }
}

#[async_trait]
impl ContextCache for MemoryCache {
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable> {
        let mut contents = self.open()?;
        let expires_at = contents.now + ttl;
        contents.contexts.insert(context.conversation_id().clone(), (context.clone(), expires_at));
        Ok(())
    }

    async fn find(&self, id: &ConversationId) -> Result<Option<ConversationContext>, PortUnavailable> {
        let contents = self.open()?;
        let found = contents.contexts.get(id).filter(|(_, expires_at)| contents.now < *expires_at);
        Ok(found.map(|(context, _)| context.clone()))
    }

    async fn remove(&self, id: &ConversationId) -> Result<(), PortUnavailable> {
        self.open()?.contexts.remove(id);
        Ok(())
    }
}

#[async_trait]
impl PassesTime for MemoryCache {
    async fn pass(&self, time: Duration) {
        self.contents().now += time;
    }
}

#[async_trait]
impl LosesStore for MemoryCache {
    async fn lose(&self) {
        self.contents().is_lost = true;
    }
}

impl ContextCacheHarness for MemoryCache {
    fn contexts(&self) -> Arc<dyn ContextCache> {
        Arc::new(self.clone())
    }
}

testkit::context_cache_suite!(MemoryCache::default());

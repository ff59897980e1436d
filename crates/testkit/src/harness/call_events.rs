use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{DeliveryQueue, EventFeed, WebhookEndpoints};

use super::CallsHarness;

/// What the suites of [`EventFeed`], [`WebhookEndpoints`] and [`DeliveryQueue`] need: the three
/// ports, and the ledger on the same store, whose writes produce call events. The store belongs to
/// this harness alone, because publishing and leases affect every other test.
///
/// [`PassesTime`](super::PassesTime) also moves due deliveries, the ends of leases, and the ends of
/// replaced secrets.
#[async_trait]
pub trait CallEventsHarness: CallsHarness {
    /// The feed, always the same one.
    fn feed(&self) -> Arc<dyn EventFeed>;

    /// The feed on the same data as another process would have it. What one publishes wakes the
    /// readers of the other.
    async fn other_feed(&self) -> Arc<dyn EventFeed>;

    /// The endpoints.
    fn endpoints(&self) -> Arc<dyn WebhookEndpoints>;

    /// The queue.
    fn queue(&self) -> Arc<dyn DeliveryQueue>;
}

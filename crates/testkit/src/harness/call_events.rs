use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{DeliveryQueue, EventFeed, WebhookEndpoints};

use super::CallsHarness;

/// What the suites of [`EventFeed`], [`WebhookEndpoints`] and [`DeliveryQueue`] need: each of the others, and the ledger and
/// the books of the same store, to have something happen. The store is to be the harness's own, since whoever publishes or
/// claims takes it from everybody.
///
/// [`PassesTime`](super::PassesTime) brings nearer what is due, the ends of leases, and the ends of replaced secrets.
#[async_trait]
pub trait CallEventsHarness: CallsHarness {
    /// The adapter, always the same.
    fn feed(&self) -> Arc<dyn EventFeed>;

    /// The adapter on the same data once more, as another process would have it: what it publishes wakes the readers of the
    /// first one, and the other way round.
    async fn other_feed(&self) -> Arc<dyn EventFeed>;

    /// The endpoints.
    fn endpoints(&self) -> Arc<dyn WebhookEndpoints>;

    /// The queue.
    fn queue(&self) -> Arc<dyn DeliveryQueue>;
}

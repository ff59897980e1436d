use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{
    DeliveryFailure, DeliveryFilter, DeliveryRecord, DueDelivery, EventSequence, OrganizationId,
    WebhookEndpointId,
};

/// The events that are on their way to endpoints: queued by `EventFeed::publish` in the very step that publishes them.
///
/// - MUST queue a published event once for each endpoint that its organization had by then and that asked for its kind
///   (`an_event_is_queued_for_each_endpoint_that_asked`).
/// - MUST hand a delivery out whole (`a_delivery_is_leased_with_every_field`), signed with a replaced secret too while its time lasts
///   (`a_replaced_secret_signs_for_its_time`), of one endpoint the longest due first (`the_longest_due_comes_first`).
/// - MUST hand out each delivery to one claimant at a time (`a_delivery_is_leased_to_one_worker`), and again when the lease has run
///   out (`an_abandoned_delivery_is_leased_again`).
/// - MUST have no more than `per_endpoint` deliveries of one endpoint out at once, so that one which is slow does not keep back
///   the others (`a_slow_endpoint_does_not_delay_the_others`), and hand out first to those that have the fewest out, so that
///   many which hang do not either (`the_endpoint_with_the_fewest_leases_is_first`).
/// - MUST hand out a postponed delivery at its time and not before (`a_postponed_delivery_waits`), and one that was delivered
///   or given up never (`a_concluded_delivery_is_not_leased`).
/// - MUST let a late claimant conclude nothing: only the newest attempt counts (`only_the_newest_attempt_concludes`), also where
///   a replay has begun to count anew (`an_attempt_before_a_replay_concludes_nothing`).
/// - MUST give up what has been queued for too long and is in nobody's hands, attempted or not
///   (`a_delivery_queued_for_too_long_is_expired`).
/// - MUST list deliveries, newest event first, by endpoint, state and page (`deliveries_are_listed_by_state_and_page`), of the
///   organization alone (`deliveries_are_the_tenants_own`).
/// - MUST revive dead deliveries by a replay, as if they were queued now, and no others unless they are asked for
///   (`a_replay_revives_dead_deliveries`, `a_replay_can_send_delivered_events_again`).
/// - MUST have it all still when the store comes back from a crash (`deliveries_survive_a_crash`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost (`a_lost_queue_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Takes some due deliveries, for their next attempt.
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable>;

    /// Says what an attempt came to. One that is not the newest of its delivery changes nothing.
    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable>;

    /// Gives up to `limit` deliveries up that have been queued for this long; says how many. For those that their endpoint never
    /// came to: a slow one has few attempts.
    async fn give_up(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable>;

    /// An organization's deliveries, newest event first.
    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable>;

    /// Queues deliveries anew that were concluded; says how many.
    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable>;
}

/// How many deliveries are taken, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryLease {
    /// How many at most.
    pub limit: u32,
    /// How many of one endpoint may be out at once, those taken before counted.
    pub per_endpoint: u32,
    /// For how long nobody else gets them.
    pub lease_for: Duration,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptConclusion {
    /// The receiver took it.
    Delivered,
    /// It failed, and is attempted again after this pause.
    Postponed {
        /// Why.
        failure: DeliveryFailure,
        /// How long from now.
        pause: Duration,
    },
    /// It failed, and is given up.
    GivenUp {
        /// Why.
        failure: DeliveryFailure,
    },
}

/// A client's filter, and the organization that the client may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryListQuery {
    /// The organization. It comes from the token, never from the client's filter.
    pub organization_id: OrganizationId,
    /// The client's filter.
    pub filter: DeliveryFilter,
}

/// Which deliveries to queue anew, for an operator: of all organizations, where none is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayQuery {
    /// Those of this organization alone.
    pub organization_id: Option<OrganizationId>,
    /// Those to this endpoint alone.
    pub endpoint_id: Option<WebhookEndpointId>,
    /// Those of events behind this place alone.
    pub after: Option<EventSequence>,
    /// Those that were delivered as well, and not the dead alone.
    pub delivered_too: bool,
}

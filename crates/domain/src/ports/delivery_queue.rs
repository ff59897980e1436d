use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{
    DeliveryFailure, DeliveryFilter, DeliveryRecord, DueDelivery, EventSequence, OrganizationId, Timestamp,
    WebhookEndpointId,
};

/// The queue of call events for webhook endpoints. `EventFeed::publish` adds a delivery in the same
/// step in which it publishes the event.
///
/// - MUST queue a published event once for each endpoint that its organization had at that time and
///   that asked for this kind of event (`an_event_is_queued_for_each_endpoint_that_asked`).
/// - MUST lease a delivery with every field (`a_delivery_is_leased_with_every_field`), with the
///   replaced secret too while it is valid (`a_replaced_secret_signs_for_its_time`), and for each
///   endpoint the delivery that has been due longest first (`the_longest_due_comes_first`).
/// - MUST lease each delivery to one worker at a time (`a_delivery_is_leased_to_one_worker`), and
///   again after the lease has expired (`an_abandoned_delivery_is_leased_again`).
/// - MUST lease at most `per_endpoint` deliveries of one endpoint at the same time, so that a slow
///   endpoint does not delay the others (`a_slow_endpoint_does_not_delay_the_others`), and prefer
///   the endpoints with the fewest leases, so that many slow endpoints do not either
///   (`the_endpoint_with_the_fewest_leases_is_first`).
/// - MUST lease deliveries of one organization only as far as they and the attempts that the worker
///   runs already are at most `per_organization`, so that the endpoints of one organization, however
///   many hang, leave attempts for the others (`one_organization_leaves_attempts_for_the_others`).
/// - MUST lease a delivery only if no earlier event of its call is leased for the same endpoint or
///   waits there for its first attempt, so that the first attempts of a call's events are made in
///   their order, however many workers there are (`the_events_of_a_call_are_leased_in_order`). An
///   event that failed and waits for its next attempt holds none back
///   (`a_failed_delivery_holds_nothing_back`).
/// - MUST lease a postponed delivery when it is due and not earlier (`a_postponed_delivery_waits`),
///   and never a concluded one (`a_concluded_delivery_is_not_leased`).
/// - MUST NOT lease a delivery of a suspended endpoint, and lease it when the endpoint is active again
///   (`a_suspended_endpoint_gets_nothing`).
/// - MUST suspend the endpoint of a receiver that is gone, with its delivery, unless the endpoint has
///   another URL by now or is already suspended (`a_receiver_that_is_gone_suspends_its_endpoint`),
///   and not for an attempt that is not the newest (`a_late_attempt_suspends_nothing`).
/// - MUST ignore the conclusion of an attempt that is not the newest
///   (`only_the_newest_attempt_concludes`), also after a replay has reset the number of attempts
///   (`an_attempt_before_a_replay_concludes_nothing`).
/// - MUST expire a delivery that was queued too long ago and is not leased, attempted or not
///   (`a_delivery_queued_for_too_long_is_expired`).
/// - MUST list deliveries, newest event first, by endpoint, state and page
///   (`deliveries_are_listed_by_state_and_page`), for one organization only
///   (`deliveries_are_the_tenants_own`).
/// - MUST queue dead deliveries again for a replay, as if they were new, and others only if the
///   query asks for them (`a_replay_revives_dead_deliveries`,
///   `a_replay_can_send_delivered_events_again`), and none of a suspended endpoint
///   (`a_replay_leaves_suspended_endpoints_alone`).
/// - MUST still have every delivery after a crash of the store (`deliveries_survive_a_crash`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_queue_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Leases some due deliveries for their next attempt.
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable>;

    /// Records the result of an attempt. Does nothing if it is not the newest attempt of its
    /// delivery.
    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable>;

    /// Expires at most `limit` deliveries older than `queued_for` and returns how many. It covers
    /// deliveries that were never attempted: a slow endpoint has few attempts.
    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable>;

    /// Lists an organization's deliveries, newest event first.
    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable>;

    /// Queues concluded deliveries again and returns how many.
    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable>;
}

/// How many deliveries to lease, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLease {
    /// The maximum number of deliveries.
    pub limit: u32,
    /// The maximum number of leases of one endpoint, earlier ones included.
    pub per_endpoint: u32,
    /// The maximum number of attempts of one organization in this worker, those in `running`
    /// included. Other workers have their own.
    pub per_organization: u32,
    /// How many attempts of each organization this worker runs already.
    pub running: BTreeMap<OrganizationId, u32>,
    /// How long other workers skip the leased deliveries.
    pub lease_for: Duration,
}

/// The result of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptConclusion {
    /// The receiver accepted the delivery.
    Delivered,
    /// The attempt failed. Attempt again after `pause`.
    Postponed {
        /// Why the attempt failed.
        failure: DeliveryFailure,
        /// The pause from now.
        pause: Duration,
    },
    /// The attempt failed, and it was the last one.
    GivenUp {
        /// Why the attempt failed.
        failure: DeliveryFailure,
    },
    /// The attempt failed and was the last one, because the receiver does not exist any more. The
    /// endpoint is suspended too.
    ReceiverGone {
        /// Why the attempt failed.
        failure: DeliveryFailure,
        /// The time of the suspension.
        at: Timestamp,
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

/// Which deliveries an operator queues again: those of all organizations if none is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayQuery {
    /// Only deliveries of this organization.
    pub organization_id: Option<OrganizationId>,
    /// Only deliveries to this endpoint.
    pub endpoint_id: Option<WebhookEndpointId>,
    /// Only deliveries of events after this sequence number.
    pub after: Option<EventSequence>,
    /// Include deliveries that the receiver accepted.
    pub delivered_too: bool,
}

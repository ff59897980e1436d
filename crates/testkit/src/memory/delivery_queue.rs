use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, PortUnavailable, ReplayQuery,
};
use domain::{
    DeliveryRecord, DeliveryState, DueDelivery, EndpointSuspension, OrganizationId, SuspensionReason,
    Timestamp, WebhookEndpoint, WebhookEndpointId,
};

use super::{Memory, QueuedDelivery, Tables};

#[async_trait]
impl DeliveryQueue for Memory {
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let (mut leased, mut running) = (Vec::new(), lease.running.clone());
        while leased.len() < lease.limit as usize {
            let is_full = |organization_id: &OrganizationId| {
                running.get(organization_id).copied().unwrap_or(0) >= lease.per_organization
            };
            let Some(index) = tables.next_delivery(lease.per_endpoint, is_full, now) else { break };
            let delivery = &mut tables.deliveries[index];
            *running.entry(delivery.event.identity.organization_id.clone()).or_default() += 1;
            delivery.attempts += 1;
            delivery.leased_until = Some(now.after(lease.lease_for));
            leased.extend(tables.due_delivery(index, now));
        }
        Ok(leased)
    }

    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let is_newest_attempt = |stored: &&mut QueuedDelivery| {
            stored.endpoint_id == delivery.endpoint_id
                && stored.event.sequence == delivery.event.sequence
                && stored.state == DeliveryState::Pending
                && stored.attempts == delivery.attempt
                && stored.queued_at == delivery.queued_at
        };
        let Some(stored) = tables.deliveries.iter_mut().find(is_newest_attempt) else { return Ok(()) };
        match conclusion {
            AttemptConclusion::Delivered => stored.conclude(DeliveryState::Delivered, now),
            AttemptConclusion::GivenUp { failure } => {
                stored.last_failure = Some(failure);
                stored.conclude(DeliveryState::Dead, now);
            }
            AttemptConclusion::ReceiverGone { failure, at } => {
                stored.last_failure = Some(failure);
                stored.conclude(DeliveryState::Dead, now);
                let is_its = |endpoint: &&mut WebhookEndpoint| {
                    endpoint.id == delivery.endpoint_id && endpoint.url == delivery.url
                };
                if let Some(endpoint) = tables.endpoints.iter_mut().find(is_its) {
                    let gone = EndpointSuspension { reason: SuspensionReason::Gone, since: at };
                    endpoint.suspension.get_or_insert(gone);
                }
            }
            AttemptConclusion::Postponed { failure, pause } => {
                stored.last_failure = Some(failure);
                stored.leased_until = None;
                stored.due = now.after(pause);
            }
        }
        Ok(())
    }

    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let is_old = |delivery: &&mut QueuedDelivery| {
            delivery.state == DeliveryState::Pending
                && !delivery.is_leased(now)
                && now.since(delivery.queued_at) >= queued_for
        };
        let mut expired = 0;
        for delivery in tables.deliveries.iter_mut().filter(is_old).take(limit as usize) {
            delivery.conclude(DeliveryState::Dead, now);
            expired += 1;
        }
        Ok(expired)
    }

    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        let tables = self.open()?;
        let listed = tables.deliveries.iter().filter(|delivery| is_listed(delivery, query));
        let mut listed: Vec<DeliveryRecord> = listed.map(record).collect();
        listed.sort_by(|a, b| (b.sequence, &b.endpoint_id).cmp(&(a.sequence, &a.endpoint_id)));
        listed.truncate(query.filter.limit as usize);
        Ok(listed)
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let mut replayed = 0;
        let Tables { deliveries, endpoints, .. } = &mut *tables;
        let is_replayed = |delivery: &&mut QueuedDelivery| {
            is_replayed(delivery, query) && !is_suspended(endpoints, &delivery.endpoint_id)
        };
        for delivery in deliveries.iter_mut().filter(is_replayed) {
            delivery.state = DeliveryState::Pending;
            delivery.attempts = 0;
            (delivery.queued_at, delivery.due) = (now, now);
            delivery.leased_until = None;
            delivery.concluded_at = None;
            replayed += 1;
        }
        Ok(replayed)
    }
}

impl QueuedDelivery {
    fn is_leased(&self, now: Timestamp) -> bool {
        self.state == DeliveryState::Pending && self.leased_until.is_some_and(|until| until > now)
    }

    fn conclude(&mut self, state: DeliveryState, now: Timestamp) {
        self.state = state;
        self.concluded_at = Some(now);
    }
}

impl Tables {
    /// The index of the delivery to lease next: of the endpoint with the fewest leases, the one
    /// that has been due the longest. None of an organization that is full.
    fn next_delivery(
        &self,
        per_endpoint: u32,
        is_full: impl Fn(&OrganizationId) -> bool,
        now: Timestamp,
    ) -> Option<usize> {
        let leases_of = |endpoint_id: &WebhookEndpointId| {
            let of_endpoint = self.deliveries.iter().filter(|one| one.endpoint_id == *endpoint_id);
            of_endpoint.filter(|one| one.is_leased(now)).count()
        };
        let candidates = self.deliveries.iter().enumerate().filter_map(|(index, delivery)| {
            let leases = leases_of(&delivery.endpoint_id);
            let is_due = delivery.state == DeliveryState::Pending
                && !delivery.is_leased(now)
                && delivery.due <= now
                && leases < per_endpoint as usize
                && !is_full(&delivery.event.identity.organization_id)
                && !is_suspended(&self.endpoints, &delivery.endpoint_id)
                && !self.waits_for_an_earlier_event(delivery, now);
            is_due.then_some((leases, delivery.due, index))
        });
        candidates.min().map(|(_, _, index)| index)
    }

    /// An earlier event of the call is leased for the same endpoint, or was never attempted.
    fn waits_for_an_earlier_event(&self, delivery: &QueuedDelivery, now: Timestamp) -> bool {
        self.deliveries.iter().any(|one| {
            one.endpoint_id == delivery.endpoint_id
                && one.event.identity.call_id == delivery.event.identity.call_id
                && one.event.sequence < delivery.event.sequence
                && one.state == DeliveryState::Pending
                && (one.attempts == 0 || one.is_leased(now))
        })
    }

    fn due_delivery(&self, index: usize, now: Timestamp) -> Option<DueDelivery> {
        let delivery = &self.deliveries[index];
        let is_its = |endpoint: &&WebhookEndpoint| endpoint.id == delivery.endpoint_id;
        let endpoint = self.endpoints.iter().find(is_its)?;
        let previous = endpoint.previous_secret.iter().filter(|(_, until)| *until > now);
        let secrets = std::iter::once(&endpoint.secret).chain(previous.map(|(secret, _)| secret));
        Some(DueDelivery {
            endpoint_id: endpoint.id.clone(),
            url: endpoint.url.clone(),
            secrets: secrets.cloned().collect(),
            event: delivery.event.clone(),
            attempt: delivery.attempts,
            queued_at: delivery.queued_at,
        })
    }
}

fn is_suspended(endpoints: &[WebhookEndpoint], id: &WebhookEndpointId) -> bool {
    endpoints.iter().any(|endpoint| endpoint.id == *id && endpoint.suspension.is_some())
}

fn is_listed(delivery: &QueuedDelivery, query: &DeliveryListQuery) -> bool {
    let filter = &query.filter;
    let position = (delivery.event.sequence, &delivery.endpoint_id);
    delivery.event.identity.organization_id == query.organization_id
        && filter.endpoint_id.as_ref().is_none_or(|id| *id == delivery.endpoint_id)
        && filter.state.is_none_or(|state| state == delivery.state)
        && filter.before.as_ref().is_none_or(|(sequence, id)| position < (*sequence, id))
}

fn is_replayed(delivery: &QueuedDelivery, query: &ReplayQuery) -> bool {
    let is_concluded = match delivery.state {
        DeliveryState::Pending => false,
        DeliveryState::Delivered => query.delivered_too,
        DeliveryState::Dead => true,
    };
    is_concluded
        && query.organization_id.as_ref().is_none_or(|id| *id == delivery.event.identity.organization_id)
        && query.endpoint_id.as_ref().is_none_or(|id| *id == delivery.endpoint_id)
        && query.after.is_none_or(|after| delivery.event.sequence > after)
}

fn record(delivery: &QueuedDelivery) -> DeliveryRecord {
    let next_attempt_at = delivery.leased_until.map_or(delivery.due, |until| delivery.due.max(until));
    DeliveryRecord {
        endpoint_id: delivery.endpoint_id.clone(),
        sequence: delivery.event.sequence,
        event_id: delivery.event.id.clone(),
        kind: delivery.event.kind,
        call_id: delivery.event.identity.call_id.clone(),
        state: delivery.state,
        attempts: delivery.attempts,
        queued_at: delivery.queued_at,
        next_attempt_at: (delivery.state == DeliveryState::Pending).then_some(next_attempt_at),
        concluded_at: delivery.concluded_at,
        last_failure: delivery.last_failure,
    }
}

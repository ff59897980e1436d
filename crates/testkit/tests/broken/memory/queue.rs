use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, PortUnavailable, ReplayQuery,
};
use domain::{
    CallEvent, DeliveryFailure, DeliveryRecord, DeliveryState, DueDelivery, Timestamp, WebhookEndpoint,
    WebhookEndpointId, WebhookSecret,
};

use super::{Memory, lock};
use crate::flaw::Flaw;

/// An event for an endpoint.
pub(super) struct Delivery {
    pub(super) endpoint_id: WebhookEndpointId,
    pub(super) event: CallEvent,
    pub(super) state: DeliveryState,
    pub(super) attempts: u32,
    pub(super) queued_at: Timestamp,
    pub(super) due: Duration,
    pub(super) claimed_until: Duration,
    pub(super) concluded_at: Option<Timestamp>,
    pub(super) last_failure: Option<DeliveryFailure>,
}

impl Memory {
    fn secrets(&self, endpoint: &WebhookEndpoint) -> Vec<WebhookSecret> {
        let now = self.time(self.now());
        let signs = |until: Timestamp| match self.flaw {
            Some(Flaw::SignsWithOldSecretsForEver) => true,
            Some(Flaw::SignsWithTheNewSecretAlone) => false,
            _ => until > now,
        };
        let previous = endpoint.previous_secret.as_ref().filter(|(_, until)| signs(*until));
        let previous = previous.map(|(secret, _)| secret.clone());
        [endpoint.secret.clone()].into_iter().chain(previous).collect()
    }

    fn listed(&self, delivery: &Delivery) -> DeliveryRecord {
        let is_pending = delivery.state == DeliveryState::Pending;
        DeliveryRecord {
            endpoint_id: delivery.endpoint_id.clone(),
            sequence: delivery.event.sequence,
            event_id: delivery.event.id.clone(),
            kind: delivery.event.kind,
            call_id: delivery.event.identity.call_id.clone(),
            state: delivery.state,
            attempts: delivery.attempts,
            queued_at: delivery.queued_at,
            next_attempt_at: is_pending.then(|| self.time(delivery.due.max(delivery.claimed_until))),
            concluded_at: delivery.concluded_at,
            last_failure: delivery.last_failure,
        }
    }

    fn is_asked_for(&self, delivery: &Delivery, query: &DeliveryListQuery) -> bool {
        let filters = [
            query.filter.endpoint_id.as_ref().map(|id| *id == delivery.endpoint_id),
            query.filter.state.map(|state| state == delivery.state),
        ];
        let mut given = filters.into_iter().flatten();
        let fits = match self.flaw {
            Some(Flaw::FiltersByOneThingAlone) => given.next().unwrap_or(true),
            _ => given.all(|fits| fits),
        };
        let behind = query.filter.before.as_ref().is_none_or(|(position, id)| match self.flaw {
            Some(Flaw::TurnsPagesByTimeAlone) => delivery.event.sequence < *position,
            _ => (delivery.event.sequence, &delivery.endpoint_id) < (*position, id),
        });
        self.is_of(&delivery.event.identity.organization_id, &query.organization_id) && fits && behind
    }

    fn is_replayed(&self, delivery: &Delivery, query: &ReplayQuery) -> bool {
        let delivered_too = match self.flaw {
            Some(Flaw::ReplaysWhatWasDelivered) => true,
            Some(Flaw::ReplaysTheDeadAlone) => false,
            _ => query.delivered_too,
        };
        let concluded = match delivery.state {
            DeliveryState::Pending => false,
            DeliveryState::Delivered => delivered_too,
            DeliveryState::Dead => true,
        };
        concluded
            && query
                .organization_id
                .as_ref()
                .is_none_or(|id| self.is_of(&delivery.event.identity.organization_id, id))
            && query.endpoint_id.as_ref().is_none_or(|id| *id == delivery.endpoint_id)
            && query.after.is_none_or(|place| delivery.event.sequence > place)
    }
}

#[async_trait]
impl DeliveryQueue for Memory {
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let urls =
            lock(&self.store.announcements).endpoints.iter().map(|one| one.url.as_str()).collect::<String>();
        self.reach(&urls).await?;
        let (limit, claimed_until, now) =
            (self.lease_limit(lease.limit), self.claimed_until(lease.lease_for), self.now());
        let mut announcements = lock(&self.store.announcements);
        let super::feed::Announcements { endpoints, deliveries, .. } = &mut *announcements;
        if self.has(Flaw::HandsOutByPlace) {
            deliveries.sort_by_key(|delivery| delivery.event.sequence);
        } else {
            deliveries.sort_by_key(|delivery| delivery.due);
        }
        let mut leased: Vec<DueDelivery> = Vec::new();
        let mut taken = Vec::new();
        while leased.len() < limit {
            let next = (0..deliveries.len()).filter(|place| !taken.contains(place)).filter_map(|place| {
                let delivery = &deliveries[place];
                let endpoint = endpoints.iter().find(|endpoint| endpoint.id == delivery.endpoint_id)?;
                let is_out = |one: &&Delivery| {
                    one.endpoint_id == endpoint.id
                        && one.state == DeliveryState::Pending
                        && one.claimed_until > now
                };
                let out = match self.flaw {
                    Some(Flaw::LetsOneEndpointFillTheLease) => 0,
                    Some(Flaw::CountsThisLeaseAlone) => {
                        leased.iter().filter(|one| one.endpoint_id == endpoint.id).count()
                    }
                    _ => deliveries.iter().filter(is_out).count(),
                };
                let waits_for = |one: &Delivery| {
                    let is_earlier = one.endpoint_id == delivery.endpoint_id
                        && one.event.identity.call_id == delivery.event.identity.call_id
                        && one.event.sequence < delivery.event.sequence
                        && one.state == DeliveryState::Pending;
                    is_earlier
                        && match self.flaw {
                            Some(Flaw::LeasesEventsOfACallTogether) => false,
                            Some(Flaw::WaitsForTheRetry) => true,
                            _ => one.attempts == 0 || one.claimed_until > now,
                        }
                };
                let is_due = delivery.state == DeliveryState::Pending
                    && delivery.due.max(delivery.claimed_until) <= now
                    && out < lease.per_endpoint as usize
                    && !deliveries.iter().any(waits_for);
                let turn = if self.has(Flaw::HandsOutByTimeAlone) { 0 } else { out };
                is_due.then_some((turn, place, endpoint))
            });
            let Some((_, place, endpoint)) = next.min_by_key(|(turn, place, _)| (*turn, *place)) else {
                break;
            };
            taken.push(place);
            let delivery = &mut deliveries[place];
            delivery.attempts += 1;
            delivery.claimed_until = claimed_until;
            let first = u32::from(!self.has(Flaw::CountsAttemptsFromNought));
            leased.push(DueDelivery {
                endpoint_id: endpoint.id.clone(),
                url: endpoint.url.clone(),
                secrets: self.secrets(endpoint),
                event: delivery.event.clone(),
                attempt: delivery.attempts - 1 + first,
                queued_at: delivery.queued_at,
            });
        }
        Ok(leased)
    }

    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable> {
        self.reach(delivery.url.as_str()).await?;
        let mut announcements = lock(&self.store.announcements);
        let attempted = |one: &&mut Delivery| {
            one.endpoint_id == delivery.endpoint_id
                && one.event.sequence == delivery.event.sequence
                && (one.state == DeliveryState::Pending || self.has(Flaw::OpensWhatIsPostponed))
                && (one.attempts == delivery.attempt || self.has(Flaw::LetsLateWorkersConclude))
                && (one.queued_at == delivery.queued_at || self.has(Flaw::ForgetsThatItWasReplayed))
        };
        let Some(stored) = announcements.deliveries.iter_mut().find(attempted) else { return Ok(()) };
        let (state, failure) = match conclusion {
            AttemptConclusion::Delivered => (DeliveryState::Delivered, stored.last_failure),
            AttemptConclusion::GivenUp { failure } => (DeliveryState::Dead, Some(failure)),
            AttemptConclusion::Postponed { failure, .. } => (DeliveryState::Pending, Some(failure)),
        };
        stored.last_failure = failure;
        if let AttemptConclusion::Postponed { pause, .. } = conclusion {
            stored.state = DeliveryState::Pending;
            if self.has(Flaw::PostponesInWordsOnly) {
                return Ok(());
            }
            stored.due = self.now() + pause;
            if !self.has(Flaw::PostponesToTheLeasesEnd) {
                stored.claimed_until = Duration::ZERO;
            }
        } else if !self.has(Flaw::ClosesInWordsOnly) {
            stored.state = state;
            stored.concluded_at = Some(self.time(self.now()));
        }
        Ok(())
    }

    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        self.reach(&self.called_numbers()).await?;
        let announcements = lock(&self.store.announcements);
        let asked_for = announcements.deliveries.iter().filter(|delivery| self.is_asked_for(delivery, query));
        let mut listed: Vec<DeliveryRecord> = asked_for.map(|delivery| self.listed(delivery)).collect();
        listed.sort_by(|a, b| (b.sequence, &b.endpoint_id).cmp(&(a.sequence, &a.endpoint_id)));
        if self.has(Flaw::ListsTheOldestFirst) {
            listed.reverse();
        }
        listed.truncate(query.filter.limit as usize);
        Ok(listed)
    }

    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.reach(&self.called_numbers()).await?;
        let now = self.time(self.now());
        let mut announcements = lock(&self.store.announcements);
        let mut given_up = 0;
        for delivery in announcements.deliveries.iter_mut().filter(|one| one.state == DeliveryState::Pending)
        {
            let is_out = delivery.claimed_until > self.now() && !self.has(Flaw::GivesUpWhatIsOut);
            let is_young = now.since(delivery.queued_at) < queued_for && !self.has(Flaw::GivesUpTheYoung);
            if !is_out && !is_young && given_up < u64::from(limit) {
                delivery.state = DeliveryState::Dead;
                delivery.concluded_at = Some(now);
                given_up += 1;
            }
        }
        Ok(given_up)
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        self.reach(&self.called_numbers()).await?;
        let mut announcements = lock(&self.store.announcements);
        let mut replayed = 0;
        for delivery in
            announcements.deliveries.iter_mut().filter(|delivery| self.is_replayed(delivery, query))
        {
            delivery.state = DeliveryState::Pending;
            delivery.attempts *= u32::from(self.has(Flaw::CountsOnAfterAReplay));
            (delivery.queued_at, delivery.due) = (self.time(self.now()), self.now());
            delivery.claimed_until = Duration::ZERO;
            delivery.concluded_at = None;
            replayed += 1;
        }
        Ok(replayed)
    }
}

impl Memory {
    fn called_numbers(&self) -> String {
        let announcements = lock(&self.store.announcements);
        announcements.deliveries.iter().map(|delivery| delivery.event.identity.to.as_e164()).collect()
    }
}

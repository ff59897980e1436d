use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, PortUnavailable, ReplayQuery,
};
use domain::{DeliveryRecord, DeliveryState, DueDelivery, EndpointSuspension, SuspensionReason, Timestamp};
use testkit::fixtures;
use testkit::memory::QueuedDelivery;

use super::{BrokenStore, NEVER};
use crate::flaw::Flaw;

impl BrokenStore {
    fn numbers_in_queue(&self) -> String {
        let tables = self.memory.tables();
        tables.deliveries.iter().map(|delivery| delivery.event.identity.to.as_e164()).collect()
    }

    fn change_deliveries(&self, change: impl FnMut(&mut QueuedDelivery)) {
        self.memory.tables().deliveries.iter_mut().for_each(change);
    }

    /// Changes the stored delivery that a worker has.
    fn change_delivery(&self, delivery: &DueDelivery, change: impl FnOnce(&mut QueuedDelivery)) {
        let mut tables = self.memory.tables();
        let stored = tables.deliveries.iter_mut().find(|stored| is_same(stored, delivery));
        if let Some(stored) = stored {
            change(stored);
        }
    }

    /// Leases while the deliveries that a worker has are not counted.
    async fn lease_uncounted(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let now = self.now();
        let is_leased = |delivery: &QueuedDelivery| delivery.leased_until.is_some_and(|until| until > now);
        let before = self.memory.tables().deliveries.clone();
        self.change_deliveries(|delivery| {
            if is_leased(delivery) {
                delivery.state = DeliveryState::Delivered;
            }
        });
        let leased = DeliveryQueue::lease(&self.memory, lease).await?;
        for (delivery, before) in self.memory.tables().deliveries.iter_mut().zip(before) {
            delivery.state = before.state;
        }
        Ok(leased)
    }

    /// Works while no endpoint counts as suspended.
    async fn as_if_active<T>(&self, work: impl AsyncFnOnce() -> T) -> T {
        let before = self.memory.tables().endpoints.clone();
        self.memory.tables().endpoints.iter_mut().for_each(|endpoint| endpoint.suspension = None);
        let done = work().await;
        self.memory.tables().endpoints = before;
        done
    }

    /// Leases as if each event were of a call of its own.
    async fn lease_events_of_a_call_together(
        &self,
        lease: &DeliveryLease,
    ) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let before = self.memory.tables().deliveries.clone();
        self.change_deliveries(|delivery| delivery.event.identity.call_id = fixtures::call_id());
        let mut leased = DeliveryQueue::lease(&self.memory, lease).await?;
        for (delivery, before) in self.memory.tables().deliveries.iter_mut().zip(before) {
            for leased in leased.iter_mut().filter(|leased| is_same(delivery, leased)) {
                leased.event = before.event.clone();
            }
            delivery.event = before.event;
        }
        Ok(leased)
    }

    /// Leases as if a delivery that waits for its next attempt were waiting for its first one.
    async fn lease_after_retries(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let (before, now) = (self.memory.tables().deliveries.clone(), self.now());
        self.change_deliveries(|delivery| {
            if delivery.due > now {
                delivery.attempts = 0;
            }
        });
        let leased = DeliveryQueue::lease(&self.memory, lease).await?;
        for (delivery, before) in self.memory.tables().deliveries.iter_mut().zip(before) {
            if before.due > now {
                delivery.attempts = before.attempts;
            }
        }
        Ok(leased)
    }

    /// Leases one delivery after another, each time the one that has been due the longest.
    async fn lease_by_time(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let mut leased = Vec::new();
        let mut by_time: Vec<_> = self.memory.tables().deliveries.clone();
        by_time.sort_by_key(|delivery| delivery.due);
        for longest_due in by_time {
            let is_it = |delivery: &QueuedDelivery| {
                delivery.endpoint_id == longest_due.endpoint_id && delivery.event.id == longest_due.event.id
            };
            let before = self.memory.tables().deliveries.clone();
            self.change_deliveries(|delivery| {
                if !is_it(delivery) {
                    delivery.due = NEVER;
                }
            });
            let one =
                DeliveryLease { limit: u32::from(leased.len() < lease.limit as usize), ..lease.clone() };
            leased.extend(DeliveryQueue::lease(&self.memory, &one).await?);
            for (delivery, before) in self.memory.tables().deliveries.iter_mut().zip(before) {
                delivery.due = before.due;
            }
        }
        Ok(leased)
    }
}

fn is_same(stored: &QueuedDelivery, delivery: &DueDelivery) -> bool {
    stored.endpoint_id == delivery.endpoint_id && stored.event.sequence == delivery.event.sequence
}

#[async_trait]
impl DeliveryQueue for BrokenStore {
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let urls: String =
            self.memory.tables().endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
        self.reach(&urls).await?;
        let lease = DeliveryLease {
            limit: self.lease_limit(lease.limit),
            lease_for: self.lease_time(lease.lease_for),
            ..lease.clone()
        };
        let mut leased = match self.flaw {
            Flaw::LeasesBySequence => {
                let now = self.now();
                self.change_deliveries(|delivery| {
                    if delivery.due <= now {
                        delivery.due = Timestamp::from_unix_millis(delivery.event.sequence.number());
                    }
                });
                DeliveryQueue::lease(&self.memory, &lease).await?
            }
            Flaw::LetsOneEndpointFillTheLease => {
                DeliveryQueue::lease(&self.memory, &DeliveryLease { per_endpoint: u32::MAX, ..lease }).await?
            }
            Flaw::LetsOneOrganizationFillTheLease => {
                let lease = DeliveryLease { per_organization: u32::MAX, ..lease };
                DeliveryQueue::lease(&self.memory, &lease).await?
            }
            Flaw::ForgetsTheRunningAttempts => {
                DeliveryQueue::lease(&self.memory, &DeliveryLease { running: BTreeMap::new(), ..lease })
                    .await?
            }
            Flaw::CountsThisLeaseAlone => self.lease_uncounted(&lease).await?,
            Flaw::LeasesEventsOfACallTogether => self.lease_events_of_a_call_together(&lease).await?,
            Flaw::WaitsForTheRetry => self.lease_after_retries(&lease).await?,
            Flaw::LeasesByTimeAlone => self.lease_by_time(&lease).await?,
            Flaw::SendsToSuspendedEndpoints => {
                self.as_if_active(async || DeliveryQueue::lease(&self.memory, &lease).await).await?
            }
            _ => DeliveryQueue::lease(&self.memory, &lease).await?,
        };
        let tables = self.memory.tables();
        for delivery in &mut leased {
            match self.flaw {
                Flaw::CountsAttemptsFromZero => delivery.attempt -= 1,
                Flaw::SignsWithTheNewSecretAlone => delivery.secrets.truncate(1),
                Flaw::SignsWithOldSecretsForEver => {
                    let endpoint = tables.endpoints.iter().find(|stored| stored.id == delivery.endpoint_id);
                    let previous = endpoint.and_then(|endpoint| endpoint.previous_secret.clone());
                    delivery.secrets.truncate(1);
                    delivery.secrets.extend(previous.map(|(secret, _)| secret));
                }
                _ => {}
            }
        }
        Ok(leased)
    }

    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable> {
        self.reach(&self.numbers_in_queue()).await?;
        let stored = self.memory.tables().deliveries.iter().find(|stored| is_same(stored, delivery)).cloned();
        let Some(stored) = stored else { return Ok(()) };
        let is_postponed = matches!(conclusion, AttemptConclusion::Postponed { .. });
        let mut delivery = delivery.clone();
        match self.flaw {
            Flaw::ClosesWithoutWriting if !is_postponed => return Ok(()),
            Flaw::ReopensPostponed => {
                self.change_delivery(&delivery, |stored| stored.state = DeliveryState::Pending);
            }
            Flaw::LetsLateWorkersConclude => delivery.attempt = stored.attempts,
            Flaw::BuriesWithoutSuspending => {
                if let AttemptConclusion::ReceiverGone { failure, .. } = conclusion {
                    return self.memory.conclude(&delivery, AttemptConclusion::GivenUp { failure }).await;
                }
            }
            Flaw::SuspendsWhateverTheUrl => {
                let tables = self.memory.tables();
                let endpoint = tables.endpoints.iter().find(|stored| stored.id == delivery.endpoint_id);
                delivery.url = endpoint.map_or(delivery.url, |endpoint| endpoint.url.clone());
            }
            Flaw::SuspendsForLateWorkers => {
                if let AttemptConclusion::ReceiverGone { at, .. } = conclusion {
                    let gone = EndpointSuspension { reason: SuspensionReason::Gone, since: at };
                    self.change_endpoint(&delivery.endpoint_id, |stored| stored.suspension = Some(gone));
                }
            }
            Flaw::ForgetsThatItWasReplayed => delivery.queued_at = stored.queued_at,
            _ => {}
        }
        self.memory.conclude(&delivery, conclusion).await?;
        if is_postponed {
            self.change_delivery(&delivery, |changed| match self.flaw {
                Flaw::PostponesWithoutWriting => {
                    (changed.due, changed.leased_until) = (stored.due, stored.leased_until);
                }
                Flaw::PostponesToTheLeasesEnd => changed.leased_until = stored.leased_until,
                _ => {}
            });
        }
        Ok(())
    }

    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.reach(&self.numbers_in_queue()).await?;
        match self.flaw {
            Flaw::ExpiresLeasedDeliveries => {
                self.change_deliveries(|delivery| delivery.leased_until = None);
                self.memory.expire(queued_for, limit).await
            }
            Flaw::ExpiresYoungDeliveries => self.memory.expire(Duration::ZERO, limit).await,
            _ => self.memory.expire(queued_for, limit).await,
        }
    }

    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        self.reach(&self.numbers_in_queue()).await?;
        let mut query = query.clone();
        let limit = query.filter.limit as usize;
        match self.flaw {
            Flaw::FiltersByOneThingAlone if query.filter.endpoint_id.is_some() => query.filter.state = None,
            Flaw::ListsTheOldestFirst => query.filter.limit = u32::MAX,
            Flaw::ForgetsTheTenant => {
                let owned = self.copy_with(|tables| {
                    let deliveries = tables.deliveries.iter_mut();
                    deliveries.for_each(|delivery| {
                        delivery.event.identity.organization_id = query.organization_id.clone();
                    });
                });
                return DeliveryQueue::list(&owned, &query).await;
            }
            _ => {}
        }
        let mut listed = DeliveryQueue::list(&self.memory, &query).await?;
        match (self.flaw, &query.filter.before) {
            (Flaw::ListsTheOldestFirst, _) => listed.reverse(),
            (Flaw::TurnsPagesByTimeAlone, Some((sequence, _))) => {
                listed.retain(|delivery| delivery.sequence < *sequence);
            }
            _ => {}
        }
        listed.truncate(limit);
        Ok(listed)
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        self.reach(&self.numbers_in_queue()).await?;
        let before = self.memory.tables().deliveries.clone();
        let mut query = query.clone();
        match self.flaw {
            Flaw::ReplaysDelivered => query.delivered_too = true,
            Flaw::ReplaysTheDeadAlone => query.delivered_too = false,
            Flaw::ForgetsTheTenant => query.organization_id = None,
            _ => {}
        }
        if self.has(Flaw::ReplaysToSuspendedEndpoints) {
            return self.as_if_active(async || self.memory.replay(&query).await).await;
        }
        let replayed = self.memory.replay(&query).await?;
        if self.has(Flaw::CountsOnAfterAReplay) {
            for (delivery, before) in self.memory.tables().deliveries.iter_mut().zip(before) {
                delivery.attempts = before.attempts;
            }
        }
        Ok(replayed)
    }
}

use std::collections::BTreeSet;
use std::sync::MutexGuard;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, PortUnavailable};
use domain::{CallEvent, CallEventKind, EventSequence, OrganizationId};
use tokio::time::{Instant, sleep, timeout_at};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    fn hidden(&self) -> MutexGuard<'_, BTreeSet<EventSequence>> {
        self.shared.hidden.lock().expect("no panic while it is locked")
    }

    fn wake(&self) {
        for (process, published) in self.shared.published.iter().enumerate() {
            if process == self.process || !self.has(Flaw::WakesItsOwnReadersAlone) {
                published.send_replace(());
            }
        }
    }

    /// Publishes, and hides the new events for a while: longer for every second batch.
    async fn publish_before_showing(&self, limit: u32) -> Result<usize, PortUnavailable> {
        let newest = self.memory.tables().events.iter().map(|event| event.sequence.number()).max();
        let next = (newest.unwrap_or_default() + 1..).filter_map(EventSequence::from_number);
        let new: BTreeSet<EventSequence> = next.take(limit as usize).collect();
        self.hidden().extend(&new);
        let published = self.memory.publish(limit).await?;
        let is_slow = {
            let mut batches = self.shared.batches.lock().expect("no panic while it is locked");
            *batches += 1;
            batches.is_multiple_of(2)
        };
        if is_slow {
            sleep(Duration::from_millis(40)).await;
        }
        self.hidden().retain(|sequence| !new.contains(sequence));
        Ok(published)
    }

    /// What is there to read now.
    async fn readable(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        let mut query = FeedQuery { wait: Duration::ZERO, ..query.clone() };
        if self.has(Flaw::ReadsFromTheSequenceOn) {
            query.after = EventSequence::from_number(query.after.number() - 1).unwrap_or(query.after);
        }
        let memory = match self.flaw {
            Flaw::ForgetsTheTenant => self.copy_with(|tables| {
                let events = tables.events.iter_mut();
                events.for_each(|event| event.identity.organization_id = query.organization_id.clone());
            }),
            _ => self.memory.clone(),
        };
        let mut events = memory.read(&query).await?;
        events.retain(|event| !self.hidden().contains(&event.sequence));
        Ok(events)
    }
}

#[async_trait]
impl EventFeed for BrokenStore {
    async fn publish(&self, limit: u32) -> Result<usize, PortUnavailable> {
        let numbers: String =
            self.memory.tables().events.iter().map(|event| event.identity.to.as_e164()).collect();
        self.reach(&numbers).await?;
        let published = match self.flaw {
            Flaw::PublishesBeforeItShows => self.publish_before_showing(limit).await?,
            Flaw::QueuesEveryKind => {
                let endpoints = self.memory.tables().endpoints.clone();
                self.memory
                    .tables()
                    .endpoints
                    .iter_mut()
                    .for_each(|endpoint| endpoint.kinds = CallEventKind::ALL.to_vec());
                let published = self.memory.publish(limit).await?;
                self.memory.tables().endpoints = endpoints;
                published
            }
            _ => self.memory.publish(limit).await?,
        };
        if published > 0 {
            self.wake();
        }
        Ok(published)
    }

    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        self.reach(query.organization_id.as_str()).await?;
        let until = Instant::now() + query.wait;
        let mut published = self.shared.published[self.process].subscribe();
        loop {
            let events = self.readable(query).await?;
            if !events.is_empty() {
                return Ok(events);
            }
            if self.has(Flaw::LooksBeforeItListens) {
                tokio::task::yield_now().await;
                published = self.shared.published[self.process].subscribe();
            }
            let waking = async {
                match self.flaw {
                    Flaw::PollsNowAndThen => sleep(Duration::from_secs(5)).await,
                    _ => published.changed().await.expect("the store lives as long as its ports"),
                }
            };
            if self.has(Flaw::NeverStopsWaiting) {
                waking.await;
            } else if timeout_at(until, waking).await.is_err() || self.has(Flaw::AnswersEveryWaking) {
                return self.readable(query).await;
            }
        }
    }

    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        self.reach(organization_id.as_str()).await?;
        let newest = self.memory.newest(organization_id).await?;
        let of_all = self.memory.tables().events.iter().map(|event| event.sequence).max();
        Ok(if self.has(Flaw::ForgetsTheTenant) { of_all.unwrap_or(newest) } else { newest })
    }

    async fn skip(&self, count: u32) -> Result<(), PortUnavailable> {
        self.reach("").await?;
        match self.flaw {
            Flaw::SkipsNothing => Ok(()),
            Flaw::SkipsOnce if self.memory.tables().skipped_to > 0 => Ok(()),
            _ => self.memory.skip(count).await,
        }
    }
}

use std::time::Duration;

use async_trait::async_trait;
use domain::CallId;
use domain::ports::{AcceptResult, ClosedBody, EventInbox, IncomingEvent, OpenEvent, PortUnavailable};

use super::{Memory, lock};
use crate::flaw::Flaw;

pub(super) type Events = Vec<Stored>;

pub(super) struct Stored {
    event: OpenEvent,
    open_at: Duration,
    closed: bool,
}

impl Memory {
    pub(super) fn lease_limit(&self, asked: u32) -> usize {
        if self.has(Flaw::LeasesMoreThanWasAsked) { usize::MAX } else { asked as usize }
    }

    /// When a claim of now ends.
    pub(super) fn claimed_until(&self, lease_for: Duration) -> Duration {
        match self.flaw {
            Some(Flaw::LeasesInWordsOnly) => Duration::ZERO,
            Some(Flaw::LeasesForEver) => Duration::MAX,
            _ => self.now() + lease_for,
        }
    }
}

fn is_stored(events: &[Stored], key: &str) -> bool {
    events.iter().any(|stored| stored.event.key == key)
}

#[async_trait]
impl EventInbox for Memory {
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        self.reach(event.key).await?;
        let was_unknown = self.has(Flaw::AcceptsTwice) && !is_stored(&lock(&self.store.events), event.key);
        if was_unknown {
            tokio::task::yield_now().await;
        }
        // Looked for and stored under one lock.
        let mut events = lock(&self.store.events);
        if !was_unknown && is_stored(&events, event.key) {
            return Ok(AcceptResult::Known);
        }
        let body = match self.flaw {
            Some(Flaw::KeepsTextsAlone) => String::from_utf8_lossy(event.body).into_owned().into_bytes(),
            _ => event.body.to_vec(),
        };
        let event = OpenEvent { key: event.key.to_owned(), body, received_at: event.received_at };
        events.push(Stored { event, open_at: self.now(), closed: false });
        Ok(AcceptResult::Accepted)
    }

    async fn lease(&self, limit: u32, lease_for: Duration) -> Result<Vec<OpenEvent>, PortUnavailable> {
        self.reach("nothing").await?;
        let (limit, claimed_until) = (self.lease_limit(limit), self.claimed_until(lease_for));
        let mut events = lock(&self.store.events);
        events.sort_by_key(|stored| stored.event.received_at);
        if self.has(Flaw::HandsOutTheNewestFirst) {
            events.reverse();
        }
        let open = events.iter_mut().filter(|stored| !stored.closed && stored.open_at <= self.now());
        let leased = open.take(limit).map(|stored| {
            stored.open_at = claimed_until;
            stored.event.clone()
        });
        Ok(leased.collect())
    }

    async fn close(
        &self,
        key: &str,
        _call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable> {
        self.reach(key).await?;
        let mut events = lock(&self.store.events);
        let forgets = self.has(Flaw::ForgetsWhatIsClosed)
            || body == ClosedBody::Dropped && self.has(Flaw::DropsTheKeyWithTheBody);
        if forgets {
            events.retain(|stored| stored.event.key != key);
        }
        if let Some(stored) = events.iter_mut().find(|stored| stored.event.key == key) {
            stored.closed = !self.has(Flaw::ClosesInWordsOnly);
            if body == ClosedBody::Dropped {
                stored.event.body.clear();
            }
        }
        Ok(())
    }

    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable> {
        self.reach(key).await?;
        let mut events = lock(&self.store.events);
        if let Some(stored) = events.iter_mut().find(|stored| stored.event.key == key) {
            let until = self.now() + pause;
            stored.closed &= !self.has(Flaw::OpensWhatIsPostponed);
            stored.open_at = match self.flaw {
                Some(Flaw::PostponesInWordsOnly) => stored.open_at,
                Some(Flaw::PostponesToTheLeasesEnd) => until.max(stored.open_at),
                _ => until,
            };
        }
        Ok(())
    }
}

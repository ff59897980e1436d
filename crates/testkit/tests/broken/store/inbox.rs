use std::time::Duration;

use async_trait::async_trait;
use domain::CallId;
use domain::ports::{
    AcceptResult, ClosedBody, EventInbox, InboxLease, IncomingEvent, OpenEvent, PortUnavailable,
};
use testkit::memory::InboxEvent;

use super::{BrokenStore, NEVER};
use crate::flaw::Flaw;

impl BrokenStore {
    fn change_inbox(&self, key: &str, change: impl FnOnce(&mut InboxEvent)) {
        let mut tables = self.memory.tables();
        if let Some(stored) = tables.inbox.iter_mut().find(|stored| stored.event.key == key) {
            change(stored);
        }
    }

    fn inbox_event(&self, key: &str) -> Option<InboxEvent> {
        self.memory.tables().inbox.iter().find(|stored| stored.event.key == key).cloned()
    }
}

#[async_trait]
impl EventInbox for BrokenStore {
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        self.reach(event.key).await?;
        let text = String::from_utf8_lossy(event.body).into_owned();
        match self.flaw {
            Flaw::AcceptsTwice if self.inbox_event(event.key).is_none() => {
                tokio::task::yield_now().await;
                self.memory.accept(event).await?;
                Ok(AcceptResult::Accepted)
            }
            Flaw::ForgetsWhoVerified => {
                self.memory.accept(&IncomingEvent { organization_id: None, ..*event }).await
            }
            Flaw::KeepsTextsAlone => {
                self.memory.accept(&IncomingEvent { body: text.as_bytes(), ..*event }).await
            }
            _ => self.memory.accept(event).await,
        }
    }

    async fn lease(&self, lease: &InboxLease) -> Result<Vec<OpenEvent>, PortUnavailable> {
        self.reach("nothing").await?;
        let mut lease = InboxLease { lease_for: self.lease_time(lease.lease_for), ..*lease };
        match self.flaw {
            Flaw::LeasesTheNewestFirst | Flaw::LeasesByArrival => {
                let whole = InboxLease { limit: u32::MAX, ..lease };
                let mut leased = EventInbox::lease(&self.memory, &whole).await?;
                if self.has(Flaw::LeasesTheNewestFirst) {
                    leased.reverse();
                }
                let rest = leased.split_off(leased.len().min(lease.limit as usize));
                for event in rest {
                    self.memory.postpone(&event.key, Duration::ZERO).await?;
                }
                return Ok(leased);
            }
            Flaw::LetsNewEventsWait => lease.recent_since = NEVER,
            _ => lease.limit = self.lease_limit(lease.limit),
        }
        EventInbox::lease(&self.memory, &lease).await
    }

    async fn close(
        &self,
        key: &str,
        call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable> {
        self.reach(key).await?;
        match self.flaw {
            Flaw::ClosesWithoutWriting => return Ok(()),
            Flaw::ForgetsClosedEvents => self.memory.tables().inbox.retain(|stored| stored.event.key != key),
            Flaw::DropsTheKeyWithTheBody if body == ClosedBody::Dropped => {
                self.memory.tables().inbox.retain(|stored| stored.event.key != key);
            }
            _ => {}
        }
        self.memory.close(key, call_id, body).await
    }

    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable> {
        self.reach(key).await?;
        let before = self.inbox_event(key).map(|stored| stored.open_at);
        if self.has(Flaw::PostponesWithoutWriting) {
            return Ok(());
        }
        self.memory.postpone(key, pause).await?;
        self.change_inbox(key, |stored| match self.flaw {
            Flaw::ReopensPostponed => stored.closed = None,
            Flaw::PostponesToTheLeasesEnd => {
                stored.open_at = stored.open_at.max(before.unwrap_or(stored.open_at))
            }
            _ => {}
        });
        Ok(())
    }
}

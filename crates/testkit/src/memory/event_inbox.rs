use std::cmp::Reverse;
use std::time::Duration;

use async_trait::async_trait;
use domain::CallId;
use domain::ports::{
    AcceptResult, ClosedBody, EventInbox, InboxLease, IncomingEvent, OpenEvent, PortUnavailable,
};

use super::{InboxEvent, Memory, Tables};

#[async_trait]
impl EventInbox for Memory {
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        if tables.inbox_event(event.key).is_some() {
            return Ok(AcceptResult::Known);
        }
        let IncomingEvent { key, kind, body, received_at, organization_id } = *event;
        let organization_id = organization_id.cloned();
        let event = OpenEvent { key: key.to_owned(), body: body.to_vec(), received_at, organization_id };
        tables.inbox.push(InboxEvent {
            event,
            kind: kind.to_owned(),
            open_at: now,
            closed: None,
            closed_at: None,
        });
        Ok(AcceptResult::Accepted)
    }

    async fn lease(&self, lease: &InboxLease) -> Result<Vec<OpenEvent>, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let is_open = |event: &&mut InboxEvent| event.closed.is_none() && event.open_at <= now;
        let mut open: Vec<&mut InboxEvent> = tables.inbox.iter_mut().filter(is_open).collect();
        // The recent ones first, the newest of them first; then those that are due the longest.
        open.sort_by_key(|event| {
            let received_at = event.event.received_at;
            let recent = Some(Reverse(received_at)).filter(|_| received_at > lease.recent_since);
            (recent.is_none(), recent, event.open_at, received_at)
        });
        let leased = open.into_iter().take(lease.limit as usize).map(|event| {
            event.open_at = now.after(lease.lease_for);
            event.event.clone()
        });
        let mut leased: Vec<OpenEvent> = leased.collect();
        leased.sort_by_key(|event| event.received_at);
        Ok(leased)
    }

    async fn close(
        &self,
        key: &str,
        call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let Some(event) = tables.inbox_event(key) else { return Ok(()) };
        event.closed = Some(call_id);
        event.closed_at = Some(now);
        if body == ClosedBody::Dropped {
            event.event.body.clear();
        }
        Ok(())
    }

    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        if let Some(event) = tables.inbox_event(key) {
            event.open_at = now.after(pause);
        }
        Ok(())
    }
}

impl Tables {
    fn inbox_event(&mut self, key: &str) -> Option<&mut InboxEvent> {
        self.inbox.iter_mut().find(|event| event.event.key == key)
    }
}

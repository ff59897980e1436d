use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, PortUnavailable};
use domain::{
    CallEvent, CallEventKind, CallId, CallStatus, DeliveryState, EndReason, EventId, EventSequence,
    OrganizationId, Timestamp,
};

use super::{Memory, QueuedDelivery, Tables};

#[async_trait]
impl EventFeed for Memory {
    async fn publish(&self, limit: u32) -> Result<usize, PortUnavailable> {
        let published = self.open()?.publish(limit, self.now());
        if published > 0 {
            self.store.published.send_replace(());
        }
        Ok(published)
    }

    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        let mut published = self.store.published.subscribe();
        let wait_ends = self.clock.sleep(query.wait);
        tokio::pin!(wait_ends);
        loop {
            let events = self.open()?.published(query);
            if !events.is_empty() {
                return Ok(events);
            }
            tokio::select! {
                () = &mut wait_ends => return Ok(self.open()?.published(query)),
                changed = published.changed() => changed.expect("the store lives as long as its ports"),
            }
        }
    }

    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        let tables = self.open()?;
        let events = tables.events.iter().filter(|event| event.identity.organization_id == *organization_id);
        Ok(events.map(|event| event.sequence).max().unwrap_or(EventSequence::START))
    }

    async fn skip(&self, count: u32) -> Result<(), PortUnavailable> {
        let mut tables = self.open()?;
        tables.skipped_to = tables.last_number() + i64::from(count);
        Ok(())
    }
}

impl Tables {
    pub(super) fn write_event(
        &mut self,
        call_id: &CallId,
        kind: CallEventKind,
        status: CallStatus,
        end_reason: Option<EndReason>,
        happened_at: Timestamp,
    ) {
        let Some(call) = self.call(call_id) else { return };
        let id = EventId::of(call_id, kind, status);
        let is_written = |event: &CallEvent| {
            let same_kind = event.identity.call_id == *call_id && event.kind == kind;
            event.id == id || same_kind && kind != CallEventKind::Ended
        };
        if self.events.iter().any(is_written) {
            return;
        }
        let event = CallEvent {
            identity: call.booking.identity.clone(),
            sequence: EventSequence::START,
            id,
            kind,
            status,
            end_reason: end_reason.filter(|_| kind == CallEventKind::Ended),
            conversation_id: call.progress.conversation_id.clone(),
            metadata: call.booking.metadata.clone(),
            happened_at,
        };
        self.events.push(event);
    }

    fn last_number(&self) -> i64 {
        let newest = self.events.iter().map(|event| event.sequence.number()).max();
        newest.unwrap_or_default().max(self.skipped_to)
    }

    /// Publishes the oldest unpublished events and queues their deliveries. Returns the number of
    /// events.
    fn publish(&mut self, limit: u32, now: Timestamp) -> usize {
        let newest = self.last_number();
        let unpublished = self.events.iter_mut().filter(|event| event.sequence == EventSequence::START);
        let mut published = 0;
        for (event, number) in unpublished.take(limit as usize).zip(newest + 1..) {
            event.sequence = EventSequence::from_number(number).expect("a positive number");
            published += 1;
            let wants = self.endpoints.iter().filter(|endpoint| {
                endpoint.organization_id == event.identity.organization_id
                    && endpoint.kinds.contains(&event.kind)
            });
            self.deliveries.extend(wants.map(|endpoint| QueuedDelivery {
                endpoint_id: endpoint.id.clone(),
                event: event.clone(),
                state: DeliveryState::Pending,
                attempts: 0,
                queued_at: now,
                due: now,
                leased_until: None,
                concluded_at: None,
                last_failure: None,
            }));
        }
        published
    }

    fn published(&self, query: &FeedQuery) -> Vec<CallEvent> {
        let is_asked_for = |event: &&CallEvent| {
            event.identity.organization_id == query.organization_id && event.sequence > query.after
        };
        // `after` is at least START, so unpublished events are left out.
        let mut events: Vec<CallEvent> = self.events.iter().filter(is_asked_for).cloned().collect();
        events.sort_by_key(|event| event.sequence);
        events.truncate(query.limit as usize);
        events
    }
}

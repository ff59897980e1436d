use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, PortUnavailable};
use domain::{
    CallEvent, CallEventKind, CallIdentity, CallStatus, DeliveryState, EventId, EventSequence,
    OrganizationId, WebhookEndpoint,
};
use tokio::time::{Instant, sleep, timeout_at};

use super::ledger::Entry;
use super::queue::Delivery;
use super::{Memory, lock};
use crate::flaw::Flaw;

/// What is told of calls, and to whom.
#[derive(Default)]
pub(super) struct Announcements {
    written: Vec<Written>,
    newest: i64,
    batches: u32,
    pub(super) endpoints: Vec<WebhookEndpoint>,
    pub(super) deliveries: Vec<Delivery>,
}

/// An event, at the start of the order until it is given its place.
struct Written {
    event: CallEvent,
    is_shown: bool,
}

impl Memory {
    /// Writes that a call was booked.
    pub(super) fn write_booking_event(&self, entry: &Entry) {
        self.tell(entry, CallEventKind::Initiated, CallStatus::Initiated);
    }

    /// Writes what a settlement did to a call that stood so before.
    pub(super) fn write_settlement_events(
        &self,
        entry: &Entry,
        before: Option<CallStatus>,
        settled: CallStatus,
    ) {
        let (before, after) = match self.flaw {
            Some(Flaw::TellsByTheSettlementAlone) => (CallStatus::Initiated, settled),
            _ => (before.unwrap_or(CallStatus::Initiated), entry.told.status.unwrap_or(settled)),
        };
        for kind in CallEventKind::between(before, after) {
            if kind != CallEventKind::Ended || !self.has(Flaw::LeavesEndsToUpdates) {
                self.tell(entry, kind, after);
            }
        }
    }

    /// Writes what an account did to a call that stood so before.
    pub(super) fn write_update_events(&self, entry: &Entry, before: Option<CallStatus>) {
        let Some(after) = entry.told.status else { return };
        let before =
            before.filter(|_| !self.has(Flaw::WritesAnEventForEveryUpdate)).unwrap_or(CallStatus::Initiated);
        let mut steps = CallEventKind::between(before, after);
        match self.flaw {
            Some(Flaw::TellsTheLastStepAlone) if steps.len() > 1 => drop(steps.remove(0)),
            Some(Flaw::LeavesAnswersToTheDial) => steps.retain(|kind| *kind != CallEventKind::Answered),
            _ => {}
        }
        for kind in steps {
            self.tell(entry, kind, after);
        }
    }

    /// Writes that a call has a recording.
    pub(super) fn write_recording_event(&self, entry: &Entry) {
        if !self.has(Flaw::TellsOfNoRecordings) {
            self.tell(
                entry,
                CallEventKind::RecordingReady,
                entry.told.status.unwrap_or(CallStatus::Initiated),
            );
        }
    }

    fn tell(&self, entry: &Entry, kind: CallEventKind, status: CallStatus) {
        let booking = entry.booking.clone();
        let id = EventId::of(&booking.identity.call_id, kind, status);
        let mut announcements = lock(&self.store.announcements);
        let once = match kind {
            CallEventKind::Answered => {
                !matches!(self.flaw, Some(Flaw::TellsEveryAnswer | Flaw::TellsByTheSettlementAlone))
            }
            CallEventKind::Ended => self.has(Flaw::TellsTheEndOnce),
            CallEventKind::Initiated | CallEventKind::RecordingReady => true,
        };
        let is_told = announcements.written.iter().map(|written| &written.event).any(|event| {
            event.id == id || once && event.identity.call_id == booking.identity.call_id && event.kind == kind
        });
        let again = match kind {
            CallEventKind::RecordingReady => self.has(Flaw::TellsEveryRecording),
            _ => self.has(Flaw::WritesAnEventForEveryUpdate),
        };
        if is_told && !again {
            return;
        }
        let known = entry.told.conversation_id.clone();
        let happened_at =
            if self.has(Flaw::TellsWhenItWasBooked) { booking.booked_at } else { self.time(self.now()) };
        let event = CallEvent {
            identity: CallIdentity {
                organization_id: booking.identity.organization_id,
                call_id: booking.identity.call_id,
                user_id: booking.identity.user_id,
                contact_id: booking.identity.contact_id,
                agent_id: booking.identity.agent_id,
                from: booking.identity.from,
                to: booking.identity.to,
            },
            sequence: EventSequence::START,
            id,
            kind,
            status,
            conversation_id: known.filter(|_| !self.has(Flaw::DropsTheEventsConversation)),
            happened_at,
        };
        announcements.written.push(Written { event, is_shown: false });
        if self.has(Flaw::PublishesWhatItWrites) {
            self.place(&mut announcements, usize::MAX, true);
        }
    }

    /// Gives places to as many events, and queues them; gives their places.
    fn place(&self, announcements: &mut Announcements, limit: usize, is_shown: bool) -> Vec<EventSequence> {
        let Announcements { written, newest, endpoints, deliveries, .. } = announcements;
        let unplaced = written.iter_mut().filter(|written| written.event.sequence == EventSequence::START);
        let mut places = Vec::new();
        for written in unplaced.take(limit) {
            *newest += 1;
            let place = EventSequence::from_number(*newest).expect("a count from 1");
            written.event.sequence = place;
            written.is_shown = is_shown;
            places.push(place);
            for endpoint in endpoints.iter() {
                let asked = endpoint.kinds.contains(&written.event.kind) || self.has(Flaw::QueuesEveryKind);
                if asked && endpoint.organization_id == written.event.identity.organization_id {
                    deliveries.push(self.delivery(endpoint, &written.event));
                }
            }
        }
        places
    }

    fn delivery(&self, endpoint: &WebhookEndpoint, event: &CallEvent) -> Delivery {
        Delivery {
            endpoint_id: endpoint.id.clone(),
            event: event.clone(),
            state: DeliveryState::Pending,
            attempts: 0,
            queued_at: self.time(self.now()),
            due: self.now(),
            claimed_until: Duration::ZERO,
            concluded_at: None,
            last_failure: None,
        }
    }

    fn wake(&self) {
        for (process, woken) in self.store.woken.iter().enumerate() {
            if process == self.process || !self.has(Flaw::WakesItsOwnReadersAlone) {
                woken.send_replace(());
            }
        }
    }

    fn published(&self, query: &FeedQuery) -> Vec<CallEvent> {
        let announcements = lock(&self.store.announcements);
        let shown = announcements.written.iter().filter(|written| written.is_shown);
        let mut events: Vec<CallEvent> = shown
            .map(|written| &written.event)
            .filter(|event| self.is_of(&event.identity.organization_id, &query.organization_id))
            .filter(|event| match self.flaw {
                Some(Flaw::ReadsFromThePlaceOn) => event.sequence >= query.after,
                _ => event.sequence > query.after,
            })
            .cloned()
            .collect();
        events.sort_by_key(|event| event.sequence);
        events.truncate(query.limit as usize);
        events
    }
}

#[async_trait]
impl EventFeed for Memory {
    async fn publish(&self, limit: u32) -> Result<usize, PortUnavailable> {
        self.reach(&self.written_numbers()).await?;
        let hides = self.has(Flaw::GivesPlacesBeforeItShows);
        let (places, is_slow) = {
            let mut announcements = lock(&self.store.announcements);
            announcements.batches += 1;
            let places = self.place(&mut announcements, limit as usize, !hides);
            (places, announcements.batches.is_multiple_of(2))
        };
        if hides {
            if is_slow {
                sleep(Duration::from_millis(40)).await;
            }
            let mut announcements = lock(&self.store.announcements);
            let placed = |written: &&mut Written| places.contains(&written.event.sequence);
            announcements.written.iter_mut().filter(placed).for_each(|written| written.is_shown = true);
        }
        if !places.is_empty() {
            self.wake();
        }
        Ok(places.len())
    }

    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        self.reach(query.organization_id.as_str()).await?;
        let until = Instant::now() + query.wait;
        let mut woken = self.store.woken[self.process].subscribe();
        loop {
            let events = self.published(query);
            if !events.is_empty() {
                return Ok(events);
            }
            if self.has(Flaw::LooksBeforeItListens) {
                tokio::task::yield_now().await;
                woken = self.store.woken[self.process].subscribe();
            }
            let waking = async {
                match self.flaw {
                    Some(Flaw::LooksNowAndThen) => sleep(Duration::from_secs(5)).await,
                    _ => woken.changed().await.expect("the store lives as long as its ports"),
                }
            };
            if self.has(Flaw::NeverStopsWaiting) {
                waking.await;
            } else if timeout_at(until, waking).await.is_err() || self.has(Flaw::AnswersEveryWaking) {
                return Ok(self.published(query));
            }
        }
    }

    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        self.reach(organization_id.as_str()).await?;
        let announcements = lock(&self.store.announcements);
        let own = announcements
            .written
            .iter()
            .filter(|written| written.is_shown)
            .map(|written| &written.event)
            .filter(|event| self.is_of(&event.identity.organization_id, organization_id));
        Ok(own.map(|event| event.sequence).max().unwrap_or(EventSequence::START))
    }
}

impl Memory {
    /// What must not be told by whoever cannot publish.
    fn written_numbers(&self) -> String {
        let announcements = lock(&self.store.announcements);
        announcements.written.iter().map(|written| written.event.identity.to.to_string()).collect()
    }
}

//! Events to follow, published by the test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, PortUnavailable};
use domain::{
    AgentId, CallEvent, CallEventKind, CallId, CallIdentity, CallStatus, ContactId, ConversationId, EventId,
    EventSequence, OrganizationId, PhoneNumber, Timestamp, UserId,
};
use tokio::sync::watch;

/// What was published, and what was asked.
#[derive(Clone)]
pub(crate) struct Feed {
    published: watch::Sender<Vec<CallEvent>>,
    away: watch::Sender<bool>,
    pub(crate) asked: Arc<Mutex<Vec<FeedQuery>>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            published: watch::Sender::new(Vec::new()),
            away: watch::Sender::new(false),
            asked: Arc::default(),
        }
    }
}

/// An event at this place, of the organization that the tests' user is of.
pub(crate) fn event(position: i64, kind: CallEventKind, status: CallStatus) -> CallEvent {
    let call_id = CallId::parse(&format!("call-{position}")).expect("an id");
    CallEvent {
        identity: CallIdentity {
            organization_id: OrganizationId::parse("organization of u1").expect("an id"),
            call_id: call_id.clone(),
            user_id: UserId::parse("u1").expect("an id"),
            contact_id: ContactId::parse("c1").expect("an id"),
            agent_id: AgentId::parse("a1").expect("an id"),
            from: PhoneNumber::parse("+14165550100").expect("a number"),
            to: PhoneNumber::parse("+14165550111").expect("a number"),
        },
        sequence: EventSequence::from_number(position).expect("a place"),
        id: EventId::of(&call_id, kind, status),
        kind,
        status,
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        happened_at: Timestamp::from_unix_millis(1_772_442_755_120),
    }
}

/// An event of a call that has ended.
pub(crate) fn ended(position: i64) -> CallEvent {
    event(position, CallEventKind::Ended, CallStatus::Completed)
}

impl Feed {
    pub(crate) fn of(events: impl IntoIterator<Item = CallEvent>) -> Self {
        Self { published: watch::Sender::new(events.into_iter().collect()), ..Self::default() }
    }

    pub(crate) fn tell(&self, event: CallEvent) {
        self.published.send_modify(|published| published.push(event));
    }

    /// Fails whoever reads, and whoever waits.
    pub(crate) fn go_away(&self) {
        self.away.send_replace(true);
    }

    pub(crate) fn asked(&self) -> Vec<FeedQuery> {
        self.asked.lock().expect("no reader panics").clone()
    }

    fn behind(&self, query: &FeedQuery) -> Vec<CallEvent> {
        let published = self.published.borrow();
        let wanted = |event: &&CallEvent| {
            event.sequence > query.after && event.identity.organization_id == query.organization_id
        };
        published.iter().filter(wanted).take(query.limit.try_into().expect("fits")).cloned().collect()
    }

    async fn something_behind(&self, query: &FeedQuery) {
        let mut published = self.published.subscribe();
        while self.behind(query).is_empty() {
            published.changed().await.expect("the feed outlives its readers");
        }
    }
}

#[async_trait]
impl EventFeed for Feed {
    async fn publish(&self, _: u32) -> Result<usize, PortUnavailable> {
        unreachable!("a handler publishes nothing")
    }

    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        self.asked.lock().expect("no reader panics").push(query.clone());
        let mut away = self.away.subscribe();
        tokio::select! {
            biased;
            _ = away.wait_for(|away| *away) => Err(PortUnavailable::new("postgres", "secret detail")),
            _ = tokio::time::timeout(query.wait, self.something_behind(query)) => Ok(self.behind(query)),
        }
    }

    async fn newest(&self, _: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        let published = self.published.borrow();
        Ok(published.last().map_or(EventSequence::START, |event| event.sequence))
    }
}

/// Longer than any test.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

//! Following an organization's calls while they run.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{EventFeed, FeedQuery, PortUnavailable, UserRepo};
use crate::{CallEvent, EventSequence, OrganizationId, ReadCallsError, UserId};

/// Reads the call events of a user's organization.
pub struct FollowCalls {
    users: Arc<dyn UserRepo>,
    feed: Arc<dyn EventFeed>,
}

/// A reader of call events, and the sequence number of the last event that it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    organization_id: OrganizationId,
    sequence: EventSequence,
}

/// The maximum number of events in one read.
const PAGE: u32 = 100;

impl Following {
    /// The organization whose events are read.
    #[must_use]
    pub const fn organization_id(&self) -> &OrganizationId {
        &self.organization_id
    }

    /// The sequence number of the last event that was read. A reader that got no event yet
    /// continues after it.
    #[must_use]
    pub const fn sequence(&self) -> EventSequence {
        self.sequence
    }
}

impl FollowCalls {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(users: Arc<dyn UserRepo>, feed: Arc<dyn EventFeed>) -> Self {
        Self { users, feed }
    }

    /// Starts after the last event that the reader saw, or with the next event.
    ///
    /// If no event has that sequence number, the store lost events, for example when it was
    /// restored from a backup. It will assign the number again, so the reader starts after the
    /// newest event instead of missing all events up to that number.
    pub async fn start(
        &self,
        user: &UserId,
        last_seen: Option<EventSequence>,
    ) -> Result<Following, ReadCallsError> {
        let user = self.users.find(user).await?.ok_or(ReadCallsError::UserNotFound)?;
        let organization_id = user.organization.id;
        let newest = self.feed.newest(&organization_id).await?;
        let sequence = last_seen.map_or(newest, |seen| seen.min(newest));
        Ok(Following { organization_id, sequence })
    }

    /// Returns the next events, in order, or none if there are none within `wait`. The next call
    /// continues after them.
    pub async fn next(
        &self,
        following: &mut Following,
        wait: Duration,
    ) -> Result<Vec<CallEvent>, PortUnavailable> {
        let query = FeedQuery {
            organization_id: following.organization_id.clone(),
            after: following.sequence,
            limit: PAGE,
            wait,
        };
        let events = self.feed.read(&query).await?;
        if let Some(last) = events.last() {
            following.sequence = last.sequence;
        }
        Ok(events)
    }
}

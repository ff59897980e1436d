//! Following an organization's calls while they go on.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{EventFeed, FeedQuery, PortUnavailable, UserRepo};
use crate::{CallEvent, EventSequence, OrganizationId, ReadCallsError, UserId};

/// Reads the events of calls, for a user and of the user's organization.
pub struct FollowCalls {
    users: Arc<dyn UserRepo>,
    feed: Arc<dyn EventFeed>,
}

/// Somebody who follows, and how far they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    organization_id: OrganizationId,
    sequence: EventSequence,
}

/// How many events are read at once.
const PAGE: u32 = 100;

impl Following {
    /// Behind which place they are: where nothing is told before they stop, they go on here.
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

    /// Starts to follow: behind the last event that was seen, or with the next one. A place that no event has yet is one of before
    /// the store lost some, restored from a backup say: it is given out anew, and whoever waited there would miss all up to it.
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

    /// The next events, in order; none if there are none within `wait`. Asking again goes on behind them.
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

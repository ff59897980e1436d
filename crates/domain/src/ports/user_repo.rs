use async_trait::async_trait;

use super::PortUnavailable;
use crate::{User, UserId};

/// The users that tokens name.
///
/// - MUST find a stored user with its organization's id and name (`a_user_is_found_with_its_organization`).
/// - MUST answer nothing for an id that is not stored (`an_unknown_user_is_absent`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_user_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UserRepo: Send + Sync {
    /// The user with this id, in one round trip.
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable>;
}

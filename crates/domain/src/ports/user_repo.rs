use async_trait::async_trait;

use super::PortUnavailable;
use crate::{User, UserId};

/// Finds the users that tokens name.
///
/// - MUST find a stored user with its role, and with the id and the name of its organization
///   (`a_user_is_found_with_its_organization`).
/// - MUST return `None` for an id that is not stored (`an_unknown_user_is_absent`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_user_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UserRepo: Send + Sync {
    /// Finds the user with this id. One round trip.
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable>;
}

use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{AgentId, CallerNumber, OrganizationId, PhoneNumber, ProviderNumberId, Timestamp, UserId};

/// Stores whether AI calls are placed from a caller number, one change of a number at a time: a change
/// also concerns the voice provider, and two at the same time would leave its account and the store in
/// different states.
///
/// - MUST return a number that it holds with every field as it was saved, and the agent of the last
///   change (`a_held_number_is_returned_whole`).
/// - MUST NOT hold a number that the user does not have, or of another organization
///   (`a_number_of_another_user_or_tenant_is_absent`).
/// - MUST hold a number for one change at a time, also when many begin at the same time
///   (`a_number_is_held_for_one_change`), and also if another organization has the same number
///   (`a_number_of_two_tenants_is_held_for_one_change`).
/// - MUST report whether another organization has the number enabled
///   (`a_number_that_another_tenant_uses_is_reported`).
/// - MUST hold the number again once it is released (`a_released_number_is_held_again`) or its time is
///   over. MUST NOT store the change of the earlier hold then, nor let it release the later one
///   (`an_expired_hold_is_taken_over`).
/// - MUST store all of a change, with an audit record in the same step, and end its hold
///   (`a_change_is_stored_and_audited`). MUST change nothing else (`no_other_number_is_changed`).
/// - MUST keep the agent of a number when an import replaces the number
///   (`an_import_keeps_the_agent_of_a_number`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_ai_numbers_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AiNumbers: Send + Sync {
    /// Holds a number for a change, for this time at most.
    async fn hold(&self, number: &NumberOfUser, hold_for: Duration) -> Result<HoldNumber, PortUnavailable>;

    /// Stores a change, and ends its hold.
    async fn store(&self, change: &NumberToggle) -> Result<StoreToggleResult, PortUnavailable>;

    /// Ends a hold without a change. Without effect if it has ended.
    async fn release(&self, phone_number: &PhoneNumber, hold: NumberHold) -> Result<(), PortUnavailable>;
}

/// The number of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberOfUser {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its user.
    pub user_id: UserId,
    /// The number.
    pub phone_number: PhoneNumber,
}

/// A hold of a number: its end by the store's own clock, in whole milliseconds. Two holds of a number
/// never have the same one, because the later hold ends later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberHold(pub Timestamp);

/// The result of [`AiNumbers::hold`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldNumber {
    /// The number is held.
    Held(Box<HeldNumber>),
    /// Another change of the number holds it.
    HeldByOther,
    /// The user has no such number.
    Absent,
}

/// A number that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldNumber {
    /// The number.
    pub number: CallerNumber,
    /// The agent that answers calls to it, if AI calls were enabled with one.
    pub agent_id: Option<AgentId>,
    /// Whether another organization has the same number enabled for AI calls.
    pub is_used_by_others: bool,
    /// The hold.
    pub hold: NumberHold,
}

/// The new state of a number, and who changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberToggle {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The number.
    pub phone_number: PhoneNumber,
    /// Whether AI calls may use it.
    pub ai_enabled: bool,
    /// Whether it is on the trunk.
    pub on_trunk: bool,
    /// The voice provider's id of it.
    pub provider_number_id: Option<ProviderNumberId>,
    /// The agent that answers calls to it.
    pub agent_id: Option<AgentId>,
    /// Who changes it.
    pub changed_by: UserId,
    /// When.
    pub at: Timestamp,
    /// The hold of the number.
    pub hold: NumberHold,
}

/// The result of [`AiNumbers::store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreToggleResult {
    /// The change is stored.
    Stored,
    /// The hold has ended. Nothing was changed.
    HoldEnded,
}

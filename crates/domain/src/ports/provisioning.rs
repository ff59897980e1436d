use async_trait::async_trait;

use super::PortUnavailable;
use crate::{
    Agent, AgentId, CallingPolicy, Carrier, NumberRecord, OrganizationId, PhoneNumber, ProviderAgentId,
    ProviderNumberId, TrunkId, User, UserId,
};

/// What the gateway stores of the vendors' accounts. It reads the records of all organizations: it is
/// for the operator, never for a client.
///
/// - MUST list the users, agents and numbers of every organization with every field, users and agents
///   in the byte order of their ids, numbers in that of the organization and then of the number
///   (`records_of_every_tenant_are_listed`).
/// - MUST list every organization in the byte order of the ids, with its calling policy if it stored
///   one (`every_organization_is_listed_with_its_own_policy`).
/// - MUST list at most `limit` records, those after `after`
///   (`pages_of_all_tenants_neither_repeat_nor_miss_a_record`).
/// - MUST change what the vendors know of the records that a change names
///   (`what_the_vendors_know_is_stored`), nothing else of them, no other record, and not one of
///   another organization (`nothing_else_is_changed`). A record that is not stored is skipped
///   (`a_change_of_an_absent_record_is_skipped`).
/// - MUST store the limit of a trunk, and replace it (`the_limit_of_a_trunk_is_replaced`). MUST forget
///   every other trunk of the same carrier: its numbers are on this one (`a_carrier_has_one_trunk`). If an
///   earlier release has stored several, the limit of none is known, so that it is stored again.
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_provisioning_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Provisioning: Send + Sync {
    /// Lists all organizations.
    async fn organizations(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<OrganizationPolicy>, PortUnavailable>;

    /// Lists users of all organizations.
    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, PortUnavailable>;

    /// Lists agents of all organizations.
    async fn agents(&self, after: Option<AgentId>, limit: u32) -> Result<Vec<Agent>, PortUnavailable>;

    /// Lists numbers of all organizations.
    async fn numbers(
        &self,
        after: Option<(OrganizationId, PhoneNumber)>,
        limit: u32,
    ) -> Result<Vec<NumberRecord>, PortUnavailable>;

    /// Stores what the vendors know. Pass some hundreds of changes at a time.
    async fn apply(&self, changes: &ProvisioningChanges) -> Result<(), PortUnavailable>;

    /// How many calls may start in a second on a trunk; `None` if that was never stored, or if several
    /// trunks of its carrier are stored.
    async fn calls_per_second(&self, trunk: &TrunkId) -> Result<Option<u32>, PortUnavailable>;
}

/// An organization, and what it decided about its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationPolicy {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its calling policy, if it stored one.
    pub policy: Option<CallingPolicy>,
}

/// What changes. Each change has the whole new state of what the vendors know of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvisioningChanges {
    /// Numbers.
    pub numbers: Vec<ProvisionedNumber>,
    /// Agents.
    pub agents: Vec<ProvisionedAgent>,
    /// The carrier's trunk.
    pub trunk: Option<ProvisionedTrunk>,
}

/// What a carrier knows of its trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedTrunk {
    /// The carrier's id of it.
    pub id: TrunkId,
    /// The carrier.
    pub carrier: Carrier,
    /// How many calls may start in a second.
    pub calls_per_second: u32,
}

/// What the vendors know of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedNumber {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The number.
    pub phone_number: PhoneNumber,
    /// Whether it is on the trunk.
    pub on_trunk: bool,
    /// The voice provider's id of it.
    pub provider_number_id: Option<ProviderNumberId>,
}

/// What the voice provider knows of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedAgent {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The agent.
    pub agent_id: AgentId,
    /// The voice provider's id of it.
    pub provider_agent_id: ProviderAgentId,
}

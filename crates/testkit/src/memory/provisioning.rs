use async_trait::async_trait;
use domain::ports::{
    OrganizationPolicy, PortUnavailable, ProvisionedTrunk, Provisioning, ProvisioningChanges,
};
use domain::{Agent, AgentId, NumberRecord, OrganizationId, PhoneNumber, TrunkId, User, UserId};

use super::{Memory, Tables};

#[async_trait]
impl Provisioning for Memory {
    async fn organizations(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<OrganizationPolicy>, PortUnavailable> {
        let tables = self.open()?;
        let mut ids: Vec<_> = tables.directory.organizations.iter().map(|it| it.id.clone()).collect();
        ids.retain(|id| after.as_ref().is_none_or(|after| id > after));
        ids.sort();
        ids.truncate(limit as usize);
        let policy = |id: &OrganizationId| tables.policies.get(id).map(|stored| stored.policy.clone());
        let organizations = ids.into_iter();
        Ok(organizations.map(|id| OrganizationPolicy { policy: policy(&id), organization_id: id }).collect())
    }

    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, PortUnavailable> {
        let tables = self.open()?;
        let mut users: Vec<User> = tables.directory.users.iter().map(|it| tables.user(it)).collect();
        users.retain(|user| after.as_ref().is_none_or(|after| user.id > *after));
        users.sort_by(|one, other| one.id.cmp(&other.id));
        users.truncate(limit as usize);
        Ok(users)
    }

    async fn agents(&self, after: Option<AgentId>, limit: u32) -> Result<Vec<Agent>, PortUnavailable> {
        let mut agents = self.open()?.directory.agents.clone();
        agents.retain(|agent| after.as_ref().is_none_or(|after| agent.id > *after));
        agents.sort_by(|one, other| one.id.cmp(&other.id));
        agents.truncate(limit as usize);
        Ok(agents)
    }

    async fn numbers(
        &self,
        after: Option<(OrganizationId, PhoneNumber)>,
        limit: u32,
    ) -> Result<Vec<NumberRecord>, PortUnavailable> {
        let key = |it: &NumberRecord| (it.number.organization_id.clone(), it.number.phone_number.clone());
        let mut numbers = self.open()?.directory.numbers.clone();
        numbers.retain(|record| after.as_ref().is_none_or(|after| key(record) > *after));
        numbers.sort_by_key(key);
        numbers.truncate(limit as usize);
        Ok(numbers)
    }

    async fn apply(&self, changes: &ProvisioningChanges) -> Result<(), PortUnavailable> {
        let mut tables = self.open()?;
        for change in &changes.numbers {
            for NumberRecord { number, .. } in &mut tables.directory.numbers {
                if number.organization_id == change.organization_id
                    && number.phone_number == change.phone_number
                {
                    number.on_trunk = change.on_trunk;
                    number.provider_number_id.clone_from(&change.provider_number_id);
                }
            }
        }
        for change in &changes.agents {
            for agent in &mut tables.directory.agents {
                if agent.organization_id == change.organization_id && agent.id == change.agent_id {
                    agent.provider_agent_id = Some(change.provider_agent_id.clone());
                }
            }
        }
        if let Some(trunk) = &changes.trunk {
            tables.put_trunk(trunk);
        }
        Ok(())
    }

    async fn calls_per_second(&self, trunk: &TrunkId) -> Result<Option<u32>, PortUnavailable> {
        let tables = self.open()?;
        let stored = tables.trunks.iter().find(|stored| stored.id == *trunk);
        Ok(stored.map(|stored| stored.calls_per_second))
    }
}

impl Tables {
    /// Stores the trunk of a carrier, in the place of the one before.
    pub(super) fn put_trunk(&mut self, trunk: &ProvisionedTrunk) {
        self.trunks.retain(|stored| stored.carrier != trunk.carrier && stored.id != trunk.id);
        self.trunks.push(trunk.clone());
    }
}

use async_trait::async_trait;
use domain::ports::{OrganizationPolicy, PortUnavailable, Provisioning, ProvisioningChanges};
use domain::{
    Agent, AgentId, DirectoryRecord, NumberRecord, OrganizationId, PhoneNumber, TrunkId, User, UserId,
};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl Provisioning for BrokenStore {
    async fn organizations(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<OrganizationPolicy>, PortUnavailable> {
        self.reach(after.as_ref().map_or("", OrganizationId::as_str)).await?;
        let mut organizations = self.memory.organizations(after, limit).await?;
        if self.has(Flaw::ListsOrganizationsWithPolicies) {
            organizations.retain(|it| it.policy.is_some());
        }
        Ok(organizations)
    }

    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, PortUnavailable> {
        self.reach(after.as_ref().map_or("", UserId::as_str)).await?;
        let mut users = Provisioning::users(&self.memory, after, limit).await?;
        if self.has(Flaw::DropsTheRole) {
            users.iter_mut().for_each(|user| user.access_role = None);
        }
        Ok(users)
    }

    async fn agents(&self, after: Option<AgentId>, limit: u32) -> Result<Vec<Agent>, PortUnavailable> {
        self.reach(after.as_ref().map_or("", AgentId::as_str)).await?;
        let mut agents = Provisioning::agents(&self.memory, after, limit).await?;
        if self.has(Flaw::DropsTheProvidersNumber) {
            agents.iter_mut().for_each(|agent| agent.provider_agent_id = None);
        }
        Ok(agents)
    }

    async fn numbers(
        &self,
        after: Option<(OrganizationId, PhoneNumber)>,
        limit: u32,
    ) -> Result<Vec<NumberRecord>, PortUnavailable> {
        self.reach(after.as_ref().map_or("", |(id, _)| id.as_str())).await?;
        if self.has(Flaw::TurnsPagesByTheNumberAlone)
            && let Some((_, number)) = &after
        {
            let key = |it: &NumberRecord| (it.number.organization_id.clone(), it.number.phone_number.clone());
            let mut numbers = self.memory.tables().directory.numbers.clone();
            numbers.retain(|record| record.number.phone_number > *number);
            numbers.sort_by_key(key);
            numbers.truncate(limit as usize);
            return Ok(numbers);
        }
        let mut numbers = Provisioning::numbers(&self.memory, after, limit).await?;
        if self.has(Flaw::IgnoresThePosition) {
            numbers.iter_mut().for_each(|record| record.position = 0);
        }
        Ok(numbers)
    }

    async fn apply(&self, changes: &ProvisioningChanges) -> Result<(), PortUnavailable> {
        self.reach(changes.trunk.as_ref().map_or("", |trunk| trunk.id.as_str())).await?;
        match self.flaw {
            Flaw::ForgetsTheTenant => {
                let mut tables = self.memory.tables();
                for change in &changes.numbers {
                    let numbers = tables.directory.numbers.iter_mut().map(|record| &mut record.number);
                    for number in numbers.filter(|number| number.phone_number == change.phone_number) {
                        number.on_trunk = change.on_trunk;
                        number.provider_number_id.clone_from(&change.provider_number_id);
                    }
                }
                return Ok(());
            }
            Flaw::StoresTheTrunkAlone => {
                let trunk = changes.trunk.clone();
                return self.memory.apply(&ProvisioningChanges { trunk, ..Default::default() }).await;
            }
            Flaw::FailsForAbsentRecords => {
                let tables = self.memory.tables();
                let is_stored = |number: &PhoneNumber| {
                    tables.directory.numbers.iter().any(|record| record.number.phone_number == *number)
                };
                if changes.numbers.iter().any(|change| !is_stored(&change.phone_number)) {
                    return Err(PortUnavailable::new("memory", "a record is not stored"));
                }
            }
            Flaw::MovesNumbersToTheFront => {
                self.memory.apply(changes).await?;
                let mut numbers = self.memory.tables().directory.numbers.clone();
                numbers
                    .retain(|it| changes.numbers.iter().any(|of| of.phone_number == it.number.phone_number));
                numbers.iter_mut().for_each(|record| record.position = 0);
                self.memory.import(&numbers.into_iter().map(DirectoryRecord::Number).collect::<Vec<_>>());
                return Ok(());
            }
            Flaw::KeepsTheFirstLimit => {
                let mut changes = changes.clone();
                let tables = self.memory.tables().trunks.clone();
                changes.trunk =
                    changes.trunk.filter(|trunk| !tables.iter().any(|stored| stored.id == trunk.id));
                return self.memory.apply(&changes).await;
            }
            Flaw::KeepsOldTrunks => {
                let before = self.memory.tables().trunks.clone();
                self.memory.apply(changes).await?;
                let mut tables = self.memory.tables();
                let is_stored = |id| tables.trunks.iter().any(|stored| stored.id == id);
                let old: Vec<_> = before.into_iter().filter(|old| !is_stored(old.id.clone())).collect();
                tables.trunks.extend(old);
                return Ok(());
            }
            _ => {}
        }
        self.memory.apply(changes).await
    }

    async fn calls_per_second(&self, trunk: &TrunkId) -> Result<Option<u32>, PortUnavailable> {
        self.reach(trunk.as_str()).await?;
        self.memory.calls_per_second(trunk).await
    }
}

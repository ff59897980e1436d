use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AiNumbers, HoldNumber, NumberHold, NumberOfUser, NumberToggle, PortUnavailable, StoreToggleResult,
};
use domain::{DirectoryRecord, PhoneNumber};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    /// An import that replaces every column of a number.
    pub(super) fn forget_agents_of_numbers(&self, records: &[DirectoryRecord]) {
        if self.has(Flaw::DropsTheAgentWithAnImport) {
            let is_imported = |number: &PhoneNumber| {
                records.iter().any(|record| match record {
                    DirectoryRecord::Number(record) => record.number.phone_number == *number,
                    _ => false,
                })
            };
            self.memory.tables().number_agents.retain(|(_, number), _| !is_imported(number));
        }
    }

    /// Whether two organizations have this number.
    fn is_shared(&self, number: &PhoneNumber) -> bool {
        let tables = self.memory.tables();
        tables.directory.numbers.iter().filter(|record| record.number.phone_number == *number).count() > 1
    }
}

#[async_trait]
impl AiNumbers for BrokenStore {
    async fn hold(&self, number: &NumberOfUser, hold_for: Duration) -> Result<HoldNumber, PortUnavailable> {
        self.reach(number.phone_number.as_e164()).await?;
        let mut number = number.clone();
        if self.has(Flaw::LendsNumbersToColleagues) {
            let stored = self.memory.tables().directory.numbers.clone();
            let owner = stored.iter().map(|record| &record.number).find(|it| {
                it.organization_id == number.organization_id && it.phone_number == number.phone_number
            });
            number.user_id = owner.map_or(number.user_id, |owner| owner.user_id.clone());
        }
        let takes_over = self.has(Flaw::GrantsTwice)
            || self.has(Flaw::HoldsNumbersByTenant) && self.is_shared(&number.phone_number);
        if takes_over && !self.memory.is_lost() {
            self.memory.tables().number_holds.remove(&number.phone_number);
        }
        let mut result = self.memory.hold(&number, self.lease_time(hold_for)).await?;
        if let HoldNumber::Held(held) = &mut result {
            match self.flaw {
                Flaw::DropsTheNumbersAgent => held.agent_id = None,
                Flaw::DropsTheProvidersNumber => held.number.provider_number_id = None,
                Flaw::SeesNoOtherTenant => held.is_used_by_others = false,
                _ => {}
            }
        }
        Ok(result)
    }

    async fn store(&self, change: &NumberToggle) -> Result<StoreToggleResult, PortUnavailable> {
        self.reach(change.phone_number.as_e164()).await?;
        let result = AiNumbers::store(&self.memory, change).await?;
        let mut tables = self.memory.tables();
        match (self.flaw, result) {
            (Flaw::ForgetsTheTenant, StoreToggleResult::Stored) => {
                let same = |number: &PhoneNumber| *number == change.phone_number;
                for record in tables.directory.numbers.iter_mut().filter(|it| same(&it.number.phone_number)) {
                    record.number.ai_enabled = change.ai_enabled;
                }
            }
            (Flaw::ForgetsTheUserOfAChange, StoreToggleResult::Stored) => {
                tables.audit_records.iter_mut().for_each(|record| record.user_id = None);
            }
            _ => {}
        }
        Ok(result)
    }

    async fn release(&self, phone_number: &PhoneNumber, hold: NumberHold) -> Result<(), PortUnavailable> {
        self.reach(phone_number.as_e164()).await?;
        match self.flaw {
            Flaw::ReleasesWithoutWriting if !self.memory.is_lost() => Ok(()),
            Flaw::ReleasesForEveryone if !self.memory.is_lost() => {
                self.memory.tables().number_holds.remove(phone_number);
                Ok(())
            }
            _ => AiNumbers::release(&self.memory, phone_number, hold).await,
        }
    }
}

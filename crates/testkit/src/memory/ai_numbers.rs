use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AiNumbers, HeldNumber, HoldNumber, NumberHold, NumberOfUser, NumberToggle, PortUnavailable,
    StoreToggleResult,
};
use domain::{AuditAction, AuditRecord, CallerNumber, NumberRecord, PhoneNumber};
use serde_json::json;

use super::Memory;

#[async_trait]
impl AiNumbers for Memory {
    async fn hold(&self, number: &NumberOfUser, hold_for: Duration) -> Result<HoldNumber, PortUnavailable> {
        let now = self.now();
        let mut tables = self.open()?;
        let is_it = |it: &&CallerNumber| {
            it.organization_id == number.organization_id
                && it.user_id == number.user_id
                && it.phone_number == number.phone_number
        };
        let stored = || tables.directory.numbers.iter().map(|record| &record.number);
        let Some(found) = stored().find(is_it).cloned() else { return Ok(HoldNumber::Absent) };
        let is_used_by_others = stored().any(|it| {
            it.phone_number == found.phone_number
                && it.organization_id != found.organization_id
                && it.ai_enabled
        });
        if tables.number_holds.get(&number.phone_number).is_some_and(|until| *until > now) {
            return Ok(HoldNumber::HeldByOther);
        }
        let until = now.after(hold_for);
        tables.number_holds.insert(number.phone_number.clone(), until);
        let key = (number.organization_id.clone(), number.phone_number.clone());
        Ok(HoldNumber::Held(Box::new(HeldNumber {
            agent_id: tables.number_agents.get(&key).cloned(),
            number: found,
            is_used_by_others,
            hold: NumberHold(until),
        })))
    }

    async fn store(&self, change: &NumberToggle) -> Result<StoreToggleResult, PortUnavailable> {
        let now = self.now();
        let mut tables = self.open()?;
        let hold = tables.number_holds.get(&change.phone_number);
        if hold != Some(&change.hold.0) || change.hold.0 <= now {
            return Ok(StoreToggleResult::HoldEnded);
        }
        tables.number_holds.remove(&change.phone_number);
        for NumberRecord { number, .. } in &mut tables.directory.numbers {
            if number.organization_id == change.organization_id && number.phone_number == change.phone_number
            {
                number.ai_enabled = change.ai_enabled;
                number.on_trunk = change.on_trunk;
                number.provider_number_id.clone_from(&change.provider_number_id);
            }
        }
        let key = (change.organization_id.clone(), change.phone_number.clone());
        match &change.agent_id {
            Some(id) => tables.number_agents.insert(key, id.clone()),
            None => tables.number_agents.remove(&key),
        };
        let action = if change.ai_enabled { AuditAction::NumberEnabled } else { AuditAction::NumberDisabled };
        tables.audit(AuditRecord {
            sequence: 0,
            organization_id: change.organization_id.clone(),
            at: change.at,
            user_id: Some(change.changed_by.clone()),
            action: action.as_str().into(),
            object_id: Some(change.phone_number.as_e164().into()),
            detail: change.agent_id.as_ref().map(|id| json!({ "agentId": id.as_str() }).to_string().into()),
        });
        Ok(StoreToggleResult::Stored)
    }

    async fn release(&self, phone_number: &PhoneNumber, hold: NumberHold) -> Result<(), PortUnavailable> {
        let mut tables = self.open()?;
        if tables.number_holds.get(phone_number) == Some(&hold.0) {
            tables.number_holds.remove(phone_number);
        }
        Ok(())
    }
}

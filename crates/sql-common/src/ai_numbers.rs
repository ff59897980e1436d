use domain::ports::NumberToggle;
use domain::{AgentId, CallerNumber, PhoneNumber};
use serde_json::json;

use crate::caller_number::CALLER_NUMBERS;
use crate::{Columns, ListedNumberColumns, Unreadable};

/// The lease of a change of this number.
pub fn number_job(phone_number: &PhoneNumber) -> String {
    format!("number {}", phone_number.as_e164())
}

/// A number that is held for a change.
pub struct HeldNumberColumns {
    pub organization_id: String,
    pub user_id: String,
    pub phone_number: String,
    pub carrier: String,
    pub ai_enabled: bool,
    pub on_trunk: bool,
    pub provider_number_id: Option<String>,
    pub ai_agent_id: Option<String>,
    pub is_used_by_others: bool,
}

impl Columns for HeldNumberColumns {
    /// The number, its agent, and whether another organization uses the number.
    type Value = (CallerNumber, Option<AgentId>, bool);

    fn read(self) -> Result<Self::Value, Unreadable> {
        let agent_id = CALLER_NUMBERS.read_optional("ai_agent_id", self.ai_agent_id)?;
        let number = ListedNumberColumns {
            organization_id: self.organization_id,
            user_id: self.user_id,
            phone_number: self.phone_number,
            carrier: self.carrier,
            ai_enabled: self.ai_enabled,
            on_trunk: self.on_trunk,
            provider_number_id: self.provider_number_id,
        };
        Ok((number.read()?, agent_id, self.is_used_by_others))
    }
}

/// What the audit record of a change says beside its number.
pub fn toggle_detail(change: &NumberToggle) -> Option<String> {
    change.agent_id.as_ref().map(|id| json!({ "agentId": id.as_str() }).to_string())
}

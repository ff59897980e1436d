//! The parties of a call that will be placed, in one row.

use domain::ports::OutboundParties;

use crate::calling_facts::{read_calling_facts, read_pacing_facts};
use crate::{AgentColumns, CallerNumberColumns, Columns, ContactColumns, Unreadable, UserColumns};

/// The columns of a contact, an agent or a caller number are null if the organization or the user
/// has none.
pub struct OutboundPartiesColumns {
    pub user_id: String,
    pub full_name: String,
    pub organization_id: String,
    pub organization_name: String,
    pub access_role: Option<String>,
    pub contact_id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub contact_number: Option<String>,
    pub agent_id: Option<String>,
    pub agent_name: Option<String>,
    pub voice_enabled: Option<bool>,
    pub provider_agent_id: Option<String>,
    pub caller_number: Option<String>,
    pub carrier: Option<String>,
    pub ai_enabled: Option<bool>,
    pub on_trunk: Option<bool>,
    pub provider_number_id: Option<String>,
    /// As in [`CallerNumberColumns`].
    pub other_numbers: Option<String>,
    pub recipient_is_own_number: bool,
    /// As in [`CallerNumberColumns`].
    pub organization_numbers: Option<String>,
    /// The columns of the policy are null if the organization stored none. Times are in milliseconds.
    pub policy: Option<String>,
    pub policy_revision: Option<i64>,
    pub policy_changed_at: Option<i64>,
    pub policy_changed_by: Option<String>,
    pub time_zone: Option<String>,
    pub region: Option<String>,
    pub is_suppressed: bool,
    /// A JSON array of objects with `name`, `dated` (YYYY-MM-DD) and `hasNumber`.
    pub do_not_call_lists: Option<String>,
    /// A JSON array of objects with `kind`, and `givenAt`, `expiresAt` and `revokedAt` in milliseconds.
    pub consents: Option<String>,
    /// A JSON array of times in milliseconds.
    pub attempts: Option<String>,
    /// A JSON object with `conversation` and `decline` in milliseconds, and `caller`, each of which may
    /// be null. Null if the statement did not look for the latest calls.
    pub latest_calls: Option<String>,
    /// A JSON array of objects with `carrier`, `id` and `callsPerSecond`, and `calls` if the statement
    /// counted calls.
    pub trunks: Option<String>,
    /// Null if the statement counted no calls.
    pub organization_calls: Option<i64>,
}

impl Columns for OutboundPartiesColumns {
    type Value = OutboundParties;

    fn read(mut self) -> Result<OutboundParties, Unreadable> {
        let calling = read_calling_facts(&mut self)?;
        let pacing = read_pacing_facts(self.trunks.as_deref(), self.organization_calls)?;
        // Each statement joins only rows of the user's organization, and numbers of the user.
        let organization_id = || self.organization_id.clone();
        let contact = self.contact_id.map(|id| ContactColumns {
            id,
            organization_id: organization_id(),
            first_name: self.first_name,
            last_name: self.last_name,
            phone_number: self.contact_number,
        });
        let agent = match (self.agent_id, self.agent_name, self.voice_enabled) {
            (Some(id), Some(name), Some(voice_enabled)) => Some(AgentColumns {
                id,
                organization_id: organization_id(),
                name,
                voice_enabled,
                provider_agent_id: self.provider_agent_id,
            }),
            _ => None,
        };
        let numbers = CallerNumberColumns {
            organization_id: Some(organization_id()),
            user_id: Some(self.user_id.clone()),
            phone_number: self.caller_number,
            carrier: self.carrier,
            ai_enabled: self.ai_enabled,
            on_trunk: self.on_trunk,
            provider_number_id: self.provider_number_id,
            other_numbers: self.other_numbers,
            recipient_is_own_number: self.recipient_is_own_number,
            organization_numbers: self.organization_numbers,
        };
        let user = UserColumns {
            id: self.user_id,
            full_name: self.full_name,
            organization_id: self.organization_id,
            organization_name: self.organization_name,
            access_role: self.access_role,
        };
        Ok(OutboundParties {
            user: user.read()?,
            contact: contact.map(Columns::read).transpose()?,
            agent: agent.map(Columns::read).transpose()?,
            numbers: numbers.read()?,
            calling,
            pacing,
        })
    }
}

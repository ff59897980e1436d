use domain::{AgentId, PhoneNumber, ToggleNumberRequest, ToggledNumber, UserId};
use event_json::schema::always_true;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::json_object::json_object;
use super::parameters::Problems;
use crate::failure::InvalidRequest;

/// Which number, and whether AI calls may use it. Unknown fields are ignored.
// Without `Debug`: it is personal data.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(
    as = CallsToggleAiPhoneNumberRequest,
    example = json!({
        "userId": "64f0a1b2c3d4e5f6a7b8aa00",
        "phoneNumber": "+14165550100",
        "aiEnabled": true,
        "aiAgentId": "64f0a1b2c3d4e5f6a7b8cc00"
    })
)]
pub(crate) struct NumberToggleRequest {
    /// The user who has the number.
    #[schema(value_type = String, required = true, max_length = 128)]
    user_id: Value,
    /// The number, E.164, exactly as `GET /api/numbers` shows it.
    #[schema(value_type = String, required = true)]
    phone_number: Value,
    /// Whether AI calls may be placed from the number.
    #[schema(value_type = bool, required = true)]
    ai_enabled: Value,
    /// The voice agent that answers calls to the number. Needed to give another agent to a number that
    /// is enabled. Without it, the number keeps its agent, or gets the organization's default agent.
    #[schema(value_type = String, required = false, max_length = 128)]
    ai_agent_id: Value,
}

/// The number is changed, at the vendors and in the directory.
#[derive(Serialize, ToSchema)]
#[schema(
    as = CallsToggleAiPhoneNumberResponse,
    example = json!({ "success": true, "message": "AI calls are enabled for the number" })
)]
pub(crate) struct NumberToggledResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    /// What was done, for people to read.
    message: &'static str,
}

impl NumberToggleRequest {
    /// Parses a body: one JSON object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let fields = serde_json::from_str(json_object(body)?);
        fields.map_err(|_| InvalidRequest::body("a field is given twice"))
    }

    pub(crate) fn read(&self) -> Result<ToggleNumberRequest, InvalidRequest> {
        let mut problems = Problems::default();
        let user_id = self.user_id.as_str().and_then(|text| UserId::parse(text).ok());
        if user_id.is_none() {
            problems.add("userId", "must be the ID of a user");
        }
        let phone_number = self.phone_number.as_str().and_then(|text| PhoneNumber::parse(text).ok());
        if phone_number.is_none() {
            problems.add("phoneNumber", "must be an E.164 number, like +14165550100");
        }
        let ai_enabled = self.ai_enabled.as_bool();
        if ai_enabled.is_none() {
            problems.add("aiEnabled", "must be true or false");
        }
        let agent_id = match &self.ai_agent_id {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            id => {
                let id = id.as_str().and_then(|text| AgentId::parse(text).ok());
                if id.is_none() {
                    problems.add("aiAgentId", "must be the ID of an agent");
                }
                id
            }
        };
        let (Some(user_id), Some(phone_number), Some(ai_enabled)) = (user_id, phone_number, ai_enabled)
        else {
            return Err(problems.into());
        };
        problems.none_or(ToggleNumberRequest { user_id, phone_number, ai_enabled, agent_id })
    }
}

impl NumberToggledResponse {
    pub(crate) const fn new(toggled: ToggledNumber) -> Self {
        let message = match (toggled.ai_enabled, toggled.trunk_was_read) {
            (true, true) => "AI calls are enabled for the number",
            (true, false) => {
                "AI calls are enabled for the number; the carrier was not asked if it is on the trunk, because its \
                 account is not configured"
            }
            (false, _) => "AI calls are disabled for the number",
        };
        Self { success: true, message }
    }
}

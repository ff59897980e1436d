use domain::{ConversationId, OptOutResult};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::json_object::json_object;
use crate::failure::InvalidRequest;

/// What the agent reports. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(
    as = WebhooksOptOutRequest,
    example = json!({ "conversation_id": "eleven-conv-abc123", "phone_number": "+14165550110" })
)]
pub(crate) struct OptOutRequest {
    /// The provider's ID of the conversation, by which the gateway finds the call.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 128)]
    conversation_id: Value,
    /// The callee's number, E.164. It counts only if no call has the conversation.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    phone_number: Value,
}

/// What the agent may say.
#[derive(Serialize, ToSchema)]
#[schema(
    as = WebhooksOptOutResponse,
    example = json!({ "success": true, "message": "The number will not be called again." })
)]
pub(crate) struct OptOutResponse {
    /// Whether the callee is suppressed by now.
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    error: Option<&'static str>,
}

impl OptOutRequest {
    /// The conversation and the number, if they are texts. An agent fills both in: what is not
    /// usable counts as absent.
    pub(crate) fn parse(body: &[u8]) -> Result<(Option<ConversationId>, Option<String>), InvalidRequest> {
        let text = json_object(body)?;
        let request: Self =
            serde_json::from_str(text).map_err(|_| InvalidRequest::body("a field is given twice"))?;
        let conversation_id = request.conversation_id.as_str().and_then(|id| ConversationId::parse(id).ok());
        Ok((conversation_id, request.phone_number.as_str().map(str::to_owned)))
    }
}

impl From<OptOutResult> for OptOutResponse {
    fn from(result: OptOutResult) -> Self {
        match result {
            OptOutResult::Suppressed => {
                let message = Some("The number will not be called again.");
                Self { success: true, message, error: None }
            }
            OptOutResult::Unmatched => {
                let error = Some("The call was not found. A person will look at it.");
                Self { success: false, message: None, error }
            }
        }
    }
}

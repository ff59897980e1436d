//! The accounts that an organization has of its own at the vendors: `/api/calls/voice-ai/config`.

use actix_web::web;

use crate::auth::CurrentUser;
use crate::extract::{JsonBytes, NoParameters};
use crate::respond::Json;
use crate::state::Gateway;
use crate::voice_config_error::VoiceConfigFailure;
use crate::wire::{VoiceConfigRequest, VoiceConfigResponse, VoiceConfigSavedResponse};
use crate::{documented, paths};

/// Get the voice configuration
///
/// Which voice provider places the organization's calls, which secrets the organization has stored, and
/// its numbers of the carrier that serves these calls. No response shows a secret.
#[utoipa::path(
    get,
    path = paths::VOICE_CONFIG,
    tag = "Organization",
    operation_id = "get_calls_voice_ai_config",
    responses(
        (status = 200, description = "What is configured", body = VoiceConfigResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_config(
    user: CurrentUser,
    _: NoParameters,
    gateway: web::Data<Gateway>,
) -> Result<Json<VoiceConfigResponse>, VoiceConfigFailure> {
    let config = gateway.parts().voice_config.clone();
    let viewing = async move { config.view(&user.id).await };
    Ok(Json(gateway.run::<_, _, VoiceConfigFailure>(viewing).await?.into()))
}

/// Change the voice configuration
///
/// Changes what the body names, and clears what it names as `null`. Only for users with the role
/// `SUPERADMIN`. The vendors are asked about new keys first: if one refuses a key, nothing is stored. After
/// that the gateway registers its webhook in the workspace of a new API key, and stores the webhook's
/// secret; a failure of this is not an error. The change is audited, with its user and without values.
///
/// With `generateToolSecret` the response has a new tool secret. No other response shows it: put it into
/// the workspace now. Other processes of the gateway use a change some seconds later.
#[utoipa::path(
    post,
    path = paths::VOICE_CONFIG,
    tag = "Organization",
    operation_id = "post_calls_voice_ai_config",
    request_body(content = VoiceConfigRequest),
    responses(
        (status = 200, description = "The change is stored", body = VoiceConfigSavedResponse),
        documented::InvalidVoiceConfig,
        documented::Unauthorized,
        documented::NotSuperadmin,
        documented::UserNotFound,
        documented::VoiceConfigNotSaved
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn post_config(
    user: CurrentUser,
    _: NoParameters,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<Json<VoiceConfigSavedResponse>, VoiceConfigFailure> {
    let change = VoiceConfigRequest::parse(&body.0)?;
    let config = gateway.parts().voice_config.clone();
    let saving = async move { config.save(&user.id, change).await };
    Ok(Json(gateway.run::<_, _, VoiceConfigFailure>(saving).await?.into()))
}

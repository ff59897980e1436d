//! `POST /api/calls/voice-ai/phone-number/toggle`.

use actix_web::web;

use crate::auth::CurrentUser;
use crate::extract::{JsonBytes, NoParameters};
use crate::number_toggle_error::ToggleError;
use crate::respond::Json;
use crate::state::Gateway;
use crate::wire::{NumberToggleRequest, NumberToggledResponse};
use crate::{documented, paths};

/// Enable or disable AI calls from a number
///
/// To enable, the number must be on the carrier's trunk. It is imported into the voice provider's
/// workspace, or found there, and linked to the agent, which answers calls to it. To disable, it is
/// removed from the workspace; it stays on the trunk. The agent of a call that the gateway places is
/// that of its request. Only for users with the role `SUPERADMIN`.
///
/// The vendors are changed before anything is stored: if one refuses, nothing is. The request may be
/// repeated. The change is audited, with its user.
#[utoipa::path(
    post,
    path = paths::NUMBER_TOGGLE,
    tag = "Organization",
    operation_id = "post_calls_voice_ai_phone_number_toggle",
    request_body(content = NumberToggleRequest),
    responses(
        (status = 200, description = "The number is changed", body = NumberToggledResponse),
        documented::ToggleRefused,
        documented::Unauthorized,
        documented::NotSuperadmin,
        documented::NumberNotFound,
        documented::ToggleConflict,
        documented::ToggleFailed
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn toggle_number(
    user: CurrentUser,
    _: NoParameters,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<Json<NumberToggledResponse>, ToggleError> {
    let request = NumberToggleRequest::parse(&body.0)?.read()?;
    let numbers = gateway.parts().toggle_number.clone();
    let toggling = async move { numbers.execute(&user.id, &request).await };
    let toggled = gateway.run::<_, _, ToggleError>(toggling).await?;
    Ok(Json(NumberToggledResponse::new(toggled)))
}

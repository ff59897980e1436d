//! `POST /api/calls/ai/outbound`.

use actix_web::{HttpRequest, web};
use domain::PlaceCallCommand;

use crate::auth::CurrentUser;
use crate::extract::JsonBytes;
use crate::place_call_error::PlaceError;
use crate::respond::Json;
use crate::state::Gateway;
use crate::wire::{PlaceCallRequest, PlacedResponse};
use crate::{documented, paths};

/// Initiate an outbound AI voice call
///
/// Places an outbound call to a contact using the configured AI voice provider. Resolves or creates
/// the contact, picks a voice-enabled agent, picks an AI-enabled Sinch number to call from, and
/// requests the call from the provider. The response comes when the callee has answered or cannot
/// be reached, which takes as long as the phone rings.
///
/// Guarded by a 30 s idempotency lock keyed on user, contact, agent and number, renewed while the
/// phone rings: a duplicate of a call in flight gets 429 with `OUTBOUND_IN_FLIGHT` and
/// `Retry-After`; a duplicate within 30 s of the result gets the earlier call's IDs with
/// `deduplicated: true`. A client that disconnects does not stop the call.
#[utoipa::path(
    post,
    path = paths::PLACE_CALL,
    tag = "Calls",
    operation_id = "post_calls_ai_outbound",
    request_body(content = PlaceCallRequest),
    responses(
        (status = 200, description = "AI call initiated", body = PlacedResponse),
        documented::InvalidCall,
        documented::Unauthorized,
        documented::ContactOrUserNotFound,
        documented::InFlight,
        documented::PlacingFailed
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn place_call(
    user: CurrentUser,
    body: JsonBytes,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<PlacedResponse>, PlaceError> {
    let request = PlaceCallRequest::parse(&body.0, request.query_string())?;
    let command = PlaceCallCommand::parse(user.id, &request.as_raw())?;
    let placed = gateway.parts().calls.place(command).await?;
    Ok(Json(PlacedResponse::new(placed, request.ignored())))
}

//! `POST /api/calls/ai/outbound`, and its dry run.

use actix_web::{CustomizeResponder, HttpRequest, Responder, web};
use domain::PlaceCallCommand;

use crate::auth::CurrentUser;
use crate::extract::JsonBytes;
use crate::idempotency::{CallRequest, PlaceFailure};
use crate::place_call_error::PlaceError;
use crate::respond::{IDEMPOTENT_REPLAYED, Json};
use crate::state::Gateway;
use crate::wire::{DecisionResponse, IdempotencyKeyHeader, PlaceCallRequest, PlacedResponse};
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
///
/// A call that may not be made now is refused with 400, the first reason as its code, and all reasons
/// in `refusals`: opt-outs, do-not-call lists, consent, calling hours, holidays and caps, as far as the
/// organization's policy enforces them. Nothing is dialled or recorded.
///
/// A call waits for some seconds if calls start too fast over its trunk or from its caller number. If it
/// would wait for longer, or if too many calls have not ended, it gets 429 with `RATE_LIMITED` and
/// `Retry-After`. Nothing is dialled or recorded.
///
/// With an `Idempotency-Key`, the same request may be sent again at any time: it gets the result of
/// its call, with `deduplicated: true` and `Idempotent-Replayed: true`, until 24 hours after the end
/// of that call, and never dials twice. If the outcome of that call is not known, it gets
/// `CALL_OUTCOME_UNKNOWN` until a report decides it. `retry` in each error says what to do.
#[utoipa::path(
    post,
    path = paths::PLACE_CALL,
    tag = "Calls",
    operation_id = "post_calls_ai_outbound",
    params(IdempotencyKeyHeader),
    request_body(content = PlaceCallRequest),
    responses(
        (
            status = 200,
            description = "AI call initiated",
            body = PlacedResponse,
            headers(("Idempotent-Replayed" = String, description = "`true` if this is the result of the call that the \
                     request's `Idempotency-Key` has; otherwise absent"))
        ),
        documented::InvalidCall,
        documented::Unauthorized,
        documented::ContactOrUserNotFound,
        documented::InFlight,
        documented::PlacingFailed
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn place_call(
    call: CallRequest,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<CustomizeResponder<Json<PlacedResponse>>, PlaceFailure> {
    let has_key = call.key.is_some();
    let request = PlaceCallRequest::parse(&call.body, request.query_string());
    let request = request.map_err(PlaceFailure::of(has_key))?;
    let command =
        PlaceCallCommand::parse(call.user_id, &request.as_raw()).map_err(PlaceFailure::of(has_key))?;
    let command = command.with_idempotency_key(call.key);
    let placed = gateway.parts().calls.place(command).await.map_err(PlaceFailure::of(has_key))?;
    let is_replay = placed.replayed;
    let response = Json(PlacedResponse::new(placed, request.ignored())).customize();
    Ok(if is_replay { response.insert_header((IDEMPOTENT_REPLAYED, "true")) } else { response })
}

/// Decide on an outbound AI voice call without placing it
///
/// Takes the request for a call and returns what it would do now: the decision with every reason
/// against the call, what the provider would get, and whether a duplicate is in flight or settled. It
/// creates no contact, takes no lock, books nothing and calls no provider. An error of the request for
/// the call that comes before the decision is the same here. The answer is of this moment: the request
/// for the call decides again.
#[utoipa::path(
    post,
    path = paths::DECIDE_CALL,
    tag = "Calls",
    operation_id = "post_calls_ai_outbound_decision",
    request_body(content = PlaceCallRequest),
    responses(
        (status = 200, description = "The decision, whether the call is allowed or refused", body = DecisionResponse),
        documented::InvalidCall,
        documented::Unauthorized,
        documented::ContactOrUserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn decide_call(
    user: CurrentUser,
    body: JsonBytes,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<DecisionResponse>, PlaceError> {
    let request = PlaceCallRequest::parse(&body.0, request.query_string())?;
    let command = PlaceCallCommand::parse(user.id, &request.as_raw())?;
    let preview: Result<_, PlaceError> = gateway.run(gateway.parts().calls.preview(command)).await;
    Ok(Json(DecisionResponse::new(preview?, request.ignored())))
}

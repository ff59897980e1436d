//! `GET /api/calls/refusals`.

use actix_web::{HttpRequest, web};

use crate::auth::CurrentUser;
use crate::read_calls_error::ReadError;
use crate::respond::Json;
use crate::state::Gateway;
use crate::wire::{RefusalParameters, RefusalsResponse};
use crate::{documented, paths};

/// Count refused requests
///
/// How many requests for calls of the user's organization were refused because the call may not be
/// made, for each hour and each code of the responses. The requests of the last seconds may be
/// missing. Empty parameters count as absent; unknown ones are refused.
#[utoipa::path(
    get,
    path = paths::REFUSALS,
    tag = "Calls",
    operation_id = "get_calls_refusals",
    params(RefusalParameters),
    responses(
        (status = 200, description = "The numbers of refused requests", body = RefusalsResponse),
        documented::InvalidSpan,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_refusals(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<RefusalsResponse>, ReadError> {
    let span = RefusalParameters::parse(request.query_string())?;
    let refusals = gateway.parts().refusals.clone();
    let listing = async move { refusals.list(&user.id, span.from, span.until).await };
    Ok(Json(RefusalsResponse::new(gateway.run::<_, _, ReadError>(listing).await?)))
}

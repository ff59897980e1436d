//! The opt-outs and consents of an organization: `/api/suppressions` and `/api/consents`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use domain::{CalleeRecordsError, ConsentId, SuppressionId};

use crate::auth::CurrentUser;
use crate::callee_records_error::CalleeError;
use crate::extract::{JsonBytes, NoFields, NoParameters};
use crate::respond::Json;
use crate::state::Gateway;
use crate::wire::{
    AddConsentRequest, AddSuppressionRequest, CalleeParameters, ConsentResponse, ConsentsResponse,
    SuppressionRemovedResponse, SuppressionResponse, SuppressionsResponse,
};
use crate::{documented, paths};

/// The suppression that the path names. A text that is not an id is the id of no suppression.
pub(crate) struct SuppressionInPath(SuppressionId);

/// The consent that the path names.
pub(crate) struct ConsentInPath(ConsentId);

impl FromRequest for SuppressionInPath {
    type Error = CalleeError;
    type Future = Ready<Result<Self, CalleeError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().load::<String>().ok();
        let id = text.and_then(|text| SuppressionId::parse(&text).ok());
        ready(id.map(Self).ok_or(CalleeError::Refused(CalleeRecordsError::SuppressionNotFound)))
    }
}

impl FromRequest for ConsentInPath {
    type Error = CalleeError;
    type Future = Ready<Result<Self, CalleeError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().load::<String>().ok();
        let id = text.and_then(|text| ConsentId::parse(&text).ok());
        ready(id.map(Self).ok_or(CalleeError::Refused(CalleeRecordsError::ConsentNotFound)))
    }
}

/// Suppress a callee
///
/// From the next request for a call on, every call of the organization to the number or the contact is
/// refused with `CALLEE_OPTED_OUT`. To suppress a callee again is no error: the response has the first
/// suppression, with the later end of both. With a contact, its number is suppressed too.
#[utoipa::path(
    post,
    path = paths::SUPPRESSIONS,
    tag = "Callees",
    operation_id = "post_suppressions",
    request_body(content = AddSuppressionRequest),
    responses(
        (status = 200, description = "The callee is suppressed", body = SuppressionResponse),
        documented::CalleeRefused,
        documented::Unauthorized,
        documented::ContactOrUserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn add_suppression(
    user: CurrentUser,
    _: NoParameters,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<Json<SuppressionResponse>, CalleeError> {
    let request = AddSuppressionRequest::parse(&body.0)?.read()?;
    let records = gateway.parts().callee_records.clone();
    let adding = async move { records.suppress(&user.id, request).await };
    let stored = gateway.run::<_, _, CalleeError>(adding).await?;
    Ok(Json(SuppressionResponse::new(&stored)))
}

/// List suppressions
///
/// The suppressions of the organization, newest first, also those that have ended. Opt-outs that
/// callees said in a call are among them. A client gets the next page with the `nextCursor` of one
/// page as `before` of the next. Empty parameters count as absent; unknown ones are refused.
#[utoipa::path(
    get,
    path = paths::SUPPRESSIONS,
    tag = "Callees",
    operation_id = "get_suppressions",
    params(CalleeParameters),
    responses(
        (status = 200, description = "A page of suppressions", body = SuppressionsResponse),
        documented::InvalidCalleeParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_suppressions(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<SuppressionsResponse>, CalleeError> {
    let page = CalleeParameters::parse(request.query_string(), |id| SuppressionId::parse(id).ok())?;
    let (records, limit) = (gateway.parts().callee_records.clone(), page.limit);
    let listing = async move { records.suppressions(&user.id, page).await };
    let listed = gateway.run::<_, _, CalleeError>(listing).await?;
    Ok(Json(SuppressionsResponse::new(&listed, limit)))
}

/// Remove a suppression
///
/// The callee may be called again, unless another suppression names them. Only a user with the access
/// role `ADMIN` or `SUPERADMIN` may do this.
#[utoipa::path(
    delete,
    path = paths::SUPPRESSION,
    tag = "Callees",
    operation_id = "delete_suppression",
    params(("suppressionId" = String, Path, description = "The suppression's ID", max_length = 128)),
    responses(
        (status = 200, description = "The suppression is removed", body = SuppressionRemovedResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::Forbidden,
        documented::SuppressionNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn remove_suppression(
    user: CurrentUser,
    _: NoParameters,
    suppression: SuppressionInPath,
    gateway: web::Data<Gateway>,
) -> Result<Json<SuppressionRemovedResponse>, CalleeError> {
    let records = gateway.parts().callee_records.clone();
    let removing = async move { records.remove_suppression(&user.id, &suppression.0).await };
    gateway.run::<_, _, CalleeError>(removing).await?;
    Ok(Json(SuppressionRemovedResponse::new()))
}

/// Record a consent
///
/// Records that a callee permits calls, with what proves it. The same consent (callee, kind and
/// `givenAt`) is recorded once: the response then has the first one.
#[utoipa::path(
    post,
    path = paths::CONSENTS,
    tag = "Callees",
    operation_id = "post_consents",
    request_body(content = AddConsentRequest),
    responses(
        (status = 200, description = "The consent is recorded", body = ConsentResponse),
        documented::CalleeRefused,
        documented::Unauthorized,
        documented::ContactOrUserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn add_consent(
    user: CurrentUser,
    _: NoParameters,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<Json<ConsentResponse>, CalleeError> {
    let request = AddConsentRequest::parse(&body.0)?.read()?;
    let records = gateway.parts().callee_records.clone();
    let adding = async move { records.add_consent(&user.id, request).await };
    let stored = gateway.run::<_, _, CalleeError>(adding).await?;
    Ok(Json(ConsentResponse::new(&stored)))
}

/// List consents
///
/// The consents of the organization, newest first, also those that were revoked or have ended. A
/// client gets the next page with the `nextCursor` of one page as `before` of the next. Empty
/// parameters count as absent; unknown ones are refused.
#[utoipa::path(
    get,
    path = paths::CONSENTS,
    tag = "Callees",
    operation_id = "get_consents",
    params(CalleeParameters),
    responses(
        (status = 200, description = "A page of consents", body = ConsentsResponse),
        documented::InvalidCalleeParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_consents(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<ConsentsResponse>, CalleeError> {
    let page = CalleeParameters::parse(request.query_string(), |id| ConsentId::parse(id).ok())?;
    let (records, limit) = (gateway.parts().callee_records.clone(), page.limit);
    let listing = async move { records.consents(&user.id, page).await };
    let listed = gateway.run::<_, _, CalleeError>(listing).await?;
    Ok(Json(ConsentsResponse::new(&listed, limit)))
}

/// Revoke a consent
///
/// It permits no call any more. To revoke it again changes nothing: the first time counts.
#[utoipa::path(
    post,
    path = paths::CONSENT_REVOCATION,
    tag = "Callees",
    operation_id = "post_consent_revoke",
    params(("consentId" = String, Path, description = "The consent's ID", max_length = 128)),
    responses(
        (status = 200, description = "The consent is revoked", body = ConsentResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::ConsentNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn revoke_consent(
    user: CurrentUser,
    _: NoParameters,
    consent: ConsentInPath,
    _: NoFields,
    gateway: web::Data<Gateway>,
) -> Result<Json<ConsentResponse>, CalleeError> {
    let records = gateway.parts().callee_records.clone();
    let revoking = async move { records.revoke_consent(&user.id, &consent.0).await };
    let revoked = gateway.run::<_, _, CalleeError>(revoking).await?;
    Ok(Json(ConsentResponse::new(&revoked)))
}

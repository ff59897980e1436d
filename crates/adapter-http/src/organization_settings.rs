//! What an organization decides about its calls: `/api/calling-policy`, and who changed it: `/api/audit`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::{FromRequest, HttpRequest, Responder, web};
use domain::VersionedPolicy;

use crate::auth::CurrentUser;
use crate::extract::{JsonBytes, NoParameters};
use crate::failure::InvalidRequest;
use crate::organization_settings_error::SettingsError;
use crate::respond::Json;
use crate::state::Gateway;
use crate::wire::{AuditParameters, AuditResponse, CallingPolicyResponse, IfMatch, read_policy};
use crate::{documented, paths};

/// The revision in `If-Match`; 0 without one, which no stored policy has.
pub(crate) struct ExpectedRevision(u64);

impl FromRequest for ExpectedRevision {
    type Error = InvalidRequest;
    type Future = Ready<Result<Self, InvalidRequest>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all(IF_MATCH);
        let revision = match (values.next(), values.next()) {
            (None, _) => Some(0),
            (Some(value), None) => value.to_str().ok().and_then(revision),
            (Some(_), Some(_)) => None,
        };
        ready(revision.map(Self).ok_or_else(|| {
            InvalidRequest::field("If-Match", "must be the ETag of a response, with its quotation marks")
        }))
    }
}

/// Reads an entity tag of ours. A proxy that compresses responses marks it as weak.
fn revision(tag: &str) -> Option<u64> {
    let tag = tag.trim();
    let digits = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Get the calling policy
///
/// What the user's organization decides about its calls. The default policy, with revision 0, if it
/// has stored none.
#[utoipa::path(
    get,
    path = paths::CALLING_POLICY,
    tag = "Organization",
    operation_id = "get_calling_policy",
    responses(
        (
            status = 200,
            description = "The policy",
            body = CallingPolicyResponse,
            headers(("ETag" = String, description = "The revision, for `If-Match`: `\"3\"`"))
        ),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_policy(
    user: CurrentUser,
    _: NoParameters,
    gateway: web::Data<Gateway>,
) -> Result<impl Responder, SettingsError> {
    let settings = gateway.parts().settings.clone();
    let policy = gateway.run::<_, _, SettingsError>(async move { settings.policy(&user.id).await }).await?;
    Ok(shown(&policy))
}

/// Replace the calling policy
///
/// Replaces the whole policy: a field that the body lacks gets its default. The next decision on a call
/// uses it, at every replica. Only for users with the role `ADMIN` or `SUPERADMIN`. The change is
/// audited, with its user.
///
/// `If-Match` names the policy that is replaced, so that no change of another user is lost. Without it
/// the request is for an organization that has stored no policy yet.
#[utoipa::path(
    put,
    path = paths::CALLING_POLICY,
    tag = "Organization",
    operation_id = "put_calling_policy",
    params(IfMatch),
    request_body(content = policy_json::PolicyDocument<'_>),
    responses(
        (
            status = 200,
            description = "The policy is stored",
            body = CallingPolicyResponse,
            headers(("ETag" = String, description = "The new revision: `\"4\"`"))
        ),
        documented::InvalidPolicy,
        documented::Unauthorized,
        documented::Forbidden,
        documented::UserNotFound,
        documented::PolicyChanged,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn put_policy(
    user: CurrentUser,
    _: NoParameters,
    expected: ExpectedRevision,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<impl Responder, SettingsError> {
    let policy = read_policy(&body.0)?;
    let settings = gateway.parts().settings.clone();
    let replacing = async move { settings.replace_policy(&user.id, expected.0, policy).await };
    let policy = gateway.run::<_, _, SettingsError>(replacing).await?;
    Ok(shown(&policy))
}

fn shown(policy: &VersionedPolicy) -> impl Responder + use<> {
    let tag = format!("\"{}\"", policy.revision);
    Json(CallingPolicyResponse::new(policy)).customize().insert_header((ETAG, tag))
}

/// List audit records
///
/// Who changed what in the organization, newest first. Only for users with the role `ADMIN` or
/// `SUPERADMIN`. A client gets the next page with the `nextCursor` of one page as `before` of the next.
/// Empty parameters count as absent; unknown ones are refused.
#[utoipa::path(
    get,
    path = paths::AUDIT,
    tag = "Organization",
    operation_id = "get_audit",
    params(AuditParameters),
    responses(
        (status = 200, description = "A page of records", body = AuditResponse),
        documented::InvalidAuditParameter,
        documented::Unauthorized,
        documented::Forbidden,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_audit(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<AuditResponse>, SettingsError> {
    let page = AuditParameters::parse(request.query_string())?;
    let (settings, limit) = (gateway.parts().settings.clone(), page.limit);
    let listing = async move { settings.audit(&user.id, page.before, page.action, limit).await };
    let records = gateway.run::<_, _, SettingsError>(listing).await?;
    Ok(Json(AuditResponse::new(records, limit)))
}

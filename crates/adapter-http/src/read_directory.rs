//! `GET /api/agents`, `GET /api/numbers` and `GET /api/contacts`.

use actix_web::{HttpRequest, web};
use domain::{AgentId, ContactId, PhoneNumber};

use crate::auth::CurrentUser;
use crate::read_calls_error::ReadError;
use crate::respond::Json;
use crate::state::Gateway;
use crate::wire::{
    AgentsResponse, ContactsResponse, DirectoryParameters, NumbersResponse, TransferableAgentsResponse,
    TransferableParameters,
};
use crate::{documented, paths};

/// List agents
///
/// The voice agents of the user's organization, in the order of their IDs. A request for a call may
/// name one that is `voiceEnabled` and has a `providerAgentId`. Unknown parameters are refused.
#[utoipa::path(
    get,
    path = paths::AGENTS,
    tag = "Directory",
    operation_id = "get_agents",
    params(DirectoryParameters),
    responses(
        (status = 200, description = "A page of agents", body = AgentsResponse),
        documented::InvalidDirectoryParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_agents(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<AgentsResponse>, ReadError> {
    let page = DirectoryParameters::parse(request.query_string(), |id| AgentId::parse(id).ok())?;
    let (directory, limit) = (gateway.parts().read_directory.clone(), page.limit);
    let listing = async move { directory.agents(&user.id, page.after, limit).await };
    let listed = gateway.run::<_, _, ReadError>(listing).await?;
    Ok(Json(AgentsResponse::new(listed, limit)))
}

/// List the agents that a call can be transferred to
///
/// The agents of the user's organization that may speak on the phone and are synced with the voice
/// provider, in the order of their IDs. Unknown parameters are refused.
#[utoipa::path(
    get,
    path = paths::TRANSFERABLE_AGENTS,
    tag = "Directory",
    operation_id = "get_calls_voice_ai_transferable_agents",
    params(TransferableParameters),
    responses(
        (status = 200, description = "The agents", body = TransferableAgentsResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_transferable(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<TransferableAgentsResponse>, ReadError> {
    let excluded = TransferableParameters::parse(request.query_string())?;
    let directory = gateway.parts().read_directory.clone();
    let listing = async move { directory.transferable_agents(&user.id, excluded.as_ref()).await };
    let agents = gateway.run::<_, _, ReadError>(listing).await?;
    Ok(Json(TransferableAgentsResponse::new(agents)))
}

/// List numbers
///
/// The numbers that users of the user's organization call from, in the order of their digits. A
/// request for a call may name one of its own user that is `aiEnabled` and `onTrunk`, has a
/// `providerNumberId`, and has a carrier that the voice provider serves. Unknown parameters are
/// refused.
#[utoipa::path(
    get,
    path = paths::NUMBERS,
    tag = "Directory",
    operation_id = "get_numbers",
    params(DirectoryParameters),
    responses(
        (status = 200, description = "A page of numbers", body = NumbersResponse),
        documented::InvalidDirectoryParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_numbers(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<NumbersResponse>, ReadError> {
    let page = DirectoryParameters::parse(request.query_string(), |it| PhoneNumber::parse(it).ok())?;
    let (directory, limit) = (gateway.parts().read_directory.clone(), page.limit);
    let listing = async move { directory.numbers(&user.id, page.after, limit).await };
    let listed = gateway.run::<_, _, ReadError>(listing).await?;
    Ok(Json(NumbersResponse::new(listed, limit)))
}

/// List contacts
///
/// The contacts of the user's organization, in the order of their IDs, also those that calls to new
/// numbers created. A new contact may come before the cursor. Unknown parameters are refused.
#[utoipa::path(
    get,
    path = paths::CONTACTS,
    tag = "Directory",
    operation_id = "get_contacts",
    params(DirectoryParameters),
    responses(
        (status = 200, description = "A page of contacts", body = ContactsResponse),
        documented::InvalidDirectoryParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_contacts(
    user: CurrentUser,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<ContactsResponse>, ReadError> {
    let page = DirectoryParameters::parse(request.query_string(), |id| ContactId::parse(id).ok())?;
    let (directory, limit) = (gateway.parts().read_directory.clone(), page.limit);
    let listing = async move { directory.contacts(&user.id, page.after, limit).await };
    let listed = gateway.run::<_, _, ReadError>(listing).await?;
    Ok(Json(ContactsResponse::new(listed, limit)))
}

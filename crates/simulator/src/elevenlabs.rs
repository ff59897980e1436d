//! ElevenLabs' surface: the routes, the key, and what the demo uses of it.

mod catalogue;
mod conversations;
mod errors;
mod events;
mod outbound_call;
mod outcome;
mod paging;
mod recording;
mod request;

pub use catalogue::{DEMO_AGENT_ID, DEMO_CALLER_NUMBER, DEMO_PHONE_NUMBER_ID};
pub(crate) use events::events_of;

use crate::state::State;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpResponse, web};
use serde_json::json;

/// The longest body that a request may have.
const LONGEST_BODY_BYTES: usize = 256 << 10;

/// The prefix of ids that do not exist.
const MISSING: &str = "missing_";

/// The routes.
pub(crate) fn configure(service: &mut web::ServiceConfig) {
    service
        .service(
            web::scope("/v1/convai")
                .wrap(from_fn(authorize))
                .app_data(web::PayloadConfig::new(LONGEST_BODY_BYTES))
                .service(resource("/sip-trunk/outbound-call", web::post().to(outbound_call::over_sip_trunk)))
                .service(resource("/twilio/outbound-call", web::post().to(outbound_call::over_twilio)))
                .service(resource("/conversations", web::get().to(conversations::list)))
                .service(resource("/conversations/{id}", web::get().to(conversations::find)))
                .service(resource("/conversations/{id}/audio", web::get().to(conversations::audio)))
                .service(resource("/phone-numbers", web::get().to(catalogue::list_phone_numbers)))
                .service(resource("/phone-numbers/{id}", web::get().to(catalogue::find_phone_number)))
                .service(resource("/agents", web::get().to(catalogue::list_agents)))
                .service(resource("/agents/{id}", web::get().to(catalogue::find_agent)))
                .default_service(web::to(no_such_path)),
        )
        .default_service(web::to(no_such_path));
}

fn resource(path: &'static str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(route).default_service(web::to(no_such_method))
}

async fn authorize(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let wanted = request.app_data::<web::Data<State>>().and_then(|state| state.api_key.as_deref());
    let given = request.headers().get("xi-api-key").map(|key| key.as_bytes()).unwrap_or_default();
    let refusal = match wanted {
        _ if given.is_empty() => errors::no_key(),
        Some(wanted) if wanted.as_bytes() != given => errors::wrong_key(),
        _ => return next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    };
    Ok(request.into_response(refusal))
}

async fn no_such_path() -> HttpResponse {
    HttpResponse::NotFound().json(json!({ "detail": "Not Found" }))
}

async fn no_such_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed().json(json!({ "detail": "Method Not Allowed" }))
}

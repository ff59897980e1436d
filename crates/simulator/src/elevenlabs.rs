//! ElevenLabs' API: the routes, the key, and the resources of the demo.

mod catalogue;
mod conversations;
pub(crate) mod demo;
mod errors;
mod events;
mod outbound_call;
mod outcome;
mod paging;
mod phone_numbers;
mod recording;
mod request;
mod workspace;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpResponse, web};
use serde_json::json;

pub use self::demo::{DEMO_AGENT_ID, DEMO_CALLER_NUMBER, DEMO_PHONE_NUMBER_ID};
pub(crate) use self::events::events_of;
use crate::MAX_BODY_BYTES;
use crate::state::State;

pub(crate) fn configure(service: &mut web::ServiceConfig) {
    service
        .service(
            web::scope("/v1/convai")
                .wrap(from_fn(authorize))
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .service(resource("/sip-trunk/outbound-call", web::post().to(outbound_call::over_sip_trunk)))
                .service(resource("/twilio/outbound-call", web::post().to(outbound_call::over_twilio)))
                .service(resource("/conversations", web::get().to(conversations::list)))
                .service(resource("/conversations/{id}", web::get().to(conversations::find)))
                .service(resource("/conversations/{id}/audio", web::get().to(conversations::audio)))
                .service(
                    web::resource("/phone-numbers")
                        .route(web::get().to(phone_numbers::list_phone_numbers))
                        .route(web::post().to(phone_numbers::import_phone_number))
                        .default_service(web::to(no_such_method)),
                )
                .service(
                    web::resource("/phone-numbers/{id}")
                        .route(web::get().to(phone_numbers::find_phone_number))
                        .route(web::patch().to(phone_numbers::change_phone_number))
                        .route(web::delete().to(phone_numbers::remove_phone_number))
                        .default_service(web::to(no_such_method)),
                )
                .service(resource("/agents", web::get().to(catalogue::list_agents)))
                .service(resource("/agents/{id}", web::get().to(catalogue::find_agent)))
                .service(
                    web::resource("/settings")
                        .route(web::get().to(workspace::find_settings))
                        .route(web::patch().to(workspace::change_settings)),
                )
                .default_service(web::to(no_such_path)),
        )
        .service(
            web::scope("/v1/workspace")
                .wrap(from_fn(authorize))
                .service(
                    web::resource("/webhooks")
                        .route(web::get().to(workspace::list_webhooks))
                        .route(web::post().to(workspace::create_webhook)),
                )
                .service(resource("/webhooks/{id}", web::patch().to(workspace::change_webhook)))
                .default_service(web::to(no_such_path)),
        )
        .default_service(web::to(no_such_path));
}

fn resource(path: &'static str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(route).default_service(web::to(no_such_method))
}

/// A test reads the first ones.
const MAX_PATHS_OF_A_KEY: usize = 1000;

async fn authorize(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let expected = request.app_data::<web::Data<State>>().and_then(|state| state.api_key.as_deref());
    let given = request.headers().get("xi-api-key").map(|key| key.as_bytes()).unwrap_or_default();
    if let Some(state) = request.app_data::<web::Data<State>>() {
        let key = String::from_utf8_lossy(given).into_owned();
        let mut paths_of_keys = state.paths_of_keys();
        let paths = paths_of_keys.entry(key).or_default();
        if paths.len() < MAX_PATHS_OF_A_KEY {
            paths.push(request.path().to_owned());
        }
    }
    let refusal = match expected {
        _ if given.is_empty() => errors::no_key(),
        Some(expected) if expected.as_bytes() != given => errors::wrong_key(),
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

//! Which path leads where.

use actix_web::http::header::ALLOW;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use crate::error_answer::{ErrorAnswer, ErrorCode};
use crate::{documents, health, place_call, read_calls, receive_event};

/// Every route. Anything else is answered in the envelope too: 404 for a path that is not here, 405 with `Allow` for a
/// method that a path does not have.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(only_post(place_call::PATH).route(web::post().to(place_call::post_calls_ai_outbound)))
        // Before the route of one call, which would take its name for an id.
        .service(only_get(read_calls::HISTORY_PATH).route(web::get().to(read_calls::get_calls_history)))
        .service(only_get(read_calls::CALL_PATH).route(web::get().to(read_calls::get_call)))
        .service(only_post(receive_event::PATH).route(web::post().to(receive_event::post_webhook_elevenlabs)))
        .service(only_get("/healthz").route(web::get().to(health::healthz)))
        .service(only_get("/readyz").route(web::get().to(health::readyz)))
        .service(only_get("/openapi.yaml").route(web::get().to(documents::openapi_yaml)))
        .service(only_get("/docs").route(web::get().to(documents::docs_redirect)))
        .service(only_get("/docs/{file:.*}").route(web::get().to(documents::docs)))
        .default_service(web::to(not_found));
}

/// Nothing is here.
pub(crate) async fn not_found() -> HttpResponse {
    ErrorAnswer::new(ErrorCode::NotFound, "no such path").into_response()
}

fn only_post(path: &'static str) -> Resource {
    web::resource(path).default_service(web::to(async || method_not_allowed("POST")))
}

fn only_get(path: &'static str) -> Resource {
    web::resource(path).default_service(web::to(async || method_not_allowed("GET")))
}

fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let answer = ErrorAnswer::new(ErrorCode::MethodNotAllowed, "this path does not have that method");
    let mut response = answer.into_response();
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static(allowed));
    response
}

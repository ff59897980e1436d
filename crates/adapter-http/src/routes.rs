//! Which path leads where.

use actix_web::http::header::ALLOW;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use crate::error_answer::{ErrorAnswer, ErrorCode};
use crate::{
    documents, follow_calls, health, personalize_call, place_call, read_calls, read_recording, receive_event,
    webhook_endpoints,
};

/// Every route. Anything else is answered in the envelope too: 404 for a path that is not here, 405 with `Allow` for a
/// method that a path does not have.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(only("POST", place_call::PATH).route(web::post().to(place_call::post_calls_ai_outbound)))
        // Before the route of one call, which would take their names for ids.
        .service(only("GET", read_calls::HISTORY_PATH).route(web::get().to(read_calls::get_calls_history)))
        .service(only("GET", follow_calls::PATH).route(web::get().to(follow_calls::get_calls_events)))
        .service(only("GET", read_calls::CALL_PATH).route(web::get().to(read_calls::get_call)))
        .service(only("GET", read_recording::PATH).route(web::get().to(read_recording::get_call_recording)))
        .configure(configure_webhooks)
        .service(only("GET", "/healthz").route(web::get().to(health::healthz)))
        .service(only("GET", "/readyz").route(web::get().to(health::readyz)))
        .service(only("GET", "/openapi.yaml").route(web::get().to(documents::openapi_yaml)))
        .service(only("GET", "/docs").route(web::get().to(documents::docs_redirect)))
        .service(only("GET", "/docs/{file:.*}").route(web::get().to(documents::docs)))
        .default_service(web::to(not_found));
}

/// Nothing is here.
pub(crate) async fn not_found() -> HttpResponse {
    ErrorAnswer::new(ErrorCode::NotFound, "no such path").into_response()
}

/// What the voice provider sends, and what organizations are sent.
fn configure_webhooks(config: &mut ServiceConfig) {
    use personalize_call::post_webhook_elevenlabs_personalization;
    use receive_event::post_webhook_elevenlabs;
    use webhook_endpoints::{
        DELIVERIES_PATH, ENDPOINT_PATH, LIST_PATH, SECRET_PATH, delete_webhook_endpoint,
        get_webhook_endpoint_deliveries, get_webhook_endpoints, post_webhook_endpoint_secret,
        post_webhook_endpoints,
    };
    let endpoints = only("GET, POST", LIST_PATH).route(web::get().to(get_webhook_endpoints));
    config
        .service(only("POST", receive_event::PATH).route(web::post().to(post_webhook_elevenlabs)))
        .service(
            only("POST", personalize_call::PATH)
                .route(web::post().to(post_webhook_elevenlabs_personalization)),
        )
        .service(endpoints.route(web::post().to(post_webhook_endpoints)))
        .service(only("DELETE", ENDPOINT_PATH).route(web::delete().to(delete_webhook_endpoint)))
        .service(only("POST", SECRET_PATH).route(web::post().to(post_webhook_endpoint_secret)))
        .service(only("GET", DELIVERIES_PATH).route(web::get().to(get_webhook_endpoint_deliveries)));
}

/// A path that has these methods alone.
fn only(methods: &'static str, path: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move { method_not_allowed(methods) }))
}

fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let answer = ErrorAnswer::new(ErrorCode::MethodNotAllowed, "this path does not have that method");
    let mut response = answer.into_response();
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static(allowed));
    response
}

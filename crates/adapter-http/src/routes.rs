//! Which path has which handlers.

use actix_web::guard;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};

use crate::failure::{ErrorCode, Failure};
use crate::{
    callee_records, documents, follow_calls, number_toggle, organization_settings, paths, place_call, probes,
    provider_requests, read_calls, read_directory, read_refusals, voice_config, webhook_endpoints,
};

/// Registers every route. The other requests get an error response too: 404 for an unknown path,
/// 405 with `Allow` for another method.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(path("POST", paths::PLACE_CALL).route(web::post().to(place_call::place_call)))
        .service(path("POST", paths::DECIDE_CALL).route(web::post().to(place_call::decide_call)))
        // Before the route of one call, which would match these paths too.
        .service(path(GET, paths::CALL_HISTORY).route(get().to(read_calls::list_calls)))
        .service(path(GET, paths::CALL_EVENTS).route(get().to(follow_calls::follow_calls)))
        .service(path(GET, paths::REFUSALS).route(get().to(read_refusals::list_refusals)))
        .service(
            path("GET, HEAD, POST", paths::VOICE_CONFIG)
                .route(get().to(voice_config::get_config))
                .route(web::post().to(voice_config::post_config)),
        )
        .service(path(GET, paths::CALL).route(get().to(read_calls::get_call)))
        .service(path(GET, paths::CALL_RECORDING).route(get().to(read_calls::get_recording)))
        .service(path(GET, paths::TRANSFERABLE_AGENTS).route(get().to(read_directory::list_transferable)))
        .service(path("POST", paths::NUMBER_TOGGLE).route(web::post().to(number_toggle::toggle_number)))
        .service(path(GET, paths::AGENTS).route(get().to(read_directory::list_agents)))
        .service(path(GET, paths::NUMBERS).route(get().to(read_directory::list_numbers)))
        .service(path(GET, paths::CONTACTS).route(get().to(read_directory::list_contacts)))
        .service(
            path("GET, HEAD, PUT", paths::CALLING_POLICY)
                .route(get().to(organization_settings::get_policy))
                .route(web::put().to(organization_settings::put_policy)),
        )
        .service(path(GET, paths::AUDIT).route(get().to(organization_settings::list_audit)))
        .configure(configure_provider_webhooks)
        .configure(configure_webhook_endpoints)
        .configure(configure_callee_records)
        .service(path(GET, paths::HEALTHZ).route(get().to(probes::healthz)))
        .service(path(GET, paths::READYZ).route(get().to(probes::readyz)))
        .service(path(GET, paths::OPENAPI).route(get().to(documents::openapi_yaml)))
        .service(path(GET, paths::OPENAPI_JSON).route(get().to(documents::openapi_json)))
        .service(path(GET, paths::DOCS).route(get().to(documents::docs_redirect)))
        .service(path(GET, paths::DOCS_FILES).route(get().to(documents::docs)))
        .default_service(web::to(documents::not_found));
}

fn configure_provider_webhooks(config: &mut ServiceConfig) {
    // With a slash too, as some operators type them. The provider does not repeat an event that got 404.
    for slash in ["", "/"] {
        let [events, of_organization, question, opt_out] =
            [paths::PROVIDER_EVENTS, paths::ORGANIZATION_EVENTS, paths::PERSONALIZATION, paths::OPT_OUT_TOOL]
                .map(|it| format!("{it}{slash}"));
        let of_organization = path("POST", of_organization);
        config
            .service(path("POST", events).route(web::post().to(provider_requests::receive_event)))
            .service(of_organization.route(web::post().to(provider_requests::receive_event_of_organization)))
            .service(path("POST", question).route(web::post().to(provider_requests::personalize)))
            .service(path("POST", opt_out).route(web::post().to(provider_requests::opt_out)));
    }
}

fn configure_webhook_endpoints(config: &mut ServiceConfig) {
    use webhook_endpoints as handlers;
    config
        .service(
            path("GET, HEAD, POST", paths::WEBHOOK_ENDPOINTS)
                .route(get().to(handlers::list_endpoints))
                .route(web::post().to(handlers::register_endpoint)),
        )
        .service(
            path("DELETE, PATCH", paths::WEBHOOK_ENDPOINT)
                .route(web::delete().to(handlers::remove_endpoint))
                .route(web::patch().to(handlers::change_endpoint)),
        )
        .service(path("POST", paths::WEBHOOK_ENDPOINT_TEST).route(web::post().to(handlers::test_endpoint)))
        .service(path("POST", paths::WEBHOOK_ENDPOINT_SECRET).route(web::post().to(handlers::replace_secret)))
        .service(path(GET, paths::WEBHOOK_ENDPOINT_DELIVERIES).route(get().to(handlers::list_deliveries)));
}

fn configure_callee_records(config: &mut ServiceConfig) {
    use callee_records as handlers;
    config
        .service(
            path("GET, HEAD, POST", paths::SUPPRESSIONS)
                .route(get().to(handlers::list_suppressions))
                .route(web::post().to(handlers::add_suppression)),
        )
        .service(path("DELETE", paths::SUPPRESSION).route(web::delete().to(handlers::remove_suppression)))
        .service(
            path("GET, HEAD, POST", paths::CONSENTS)
                .route(get().to(handlers::list_consents))
                .route(web::post().to(handlers::add_consent)),
        )
        .service(path("POST", paths::CONSENT_REVOCATION).route(web::post().to(handlers::revoke_consent)));
}

/// What `Allow` lists for [`get`].
const GET: &str = "GET, HEAD";

/// A response to `HEAD` is that to `GET` without its body, which [`without_body`] removes.
///
/// [`without_body`]: crate::head_requests::without_body
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A path with these methods; another method gets 405.
fn path(methods: &'static str, path: impl Into<String>) -> Resource {
    web::resource(path.into()).default_service(web::to(move || async move { method_not_allowed(methods) }))
}

fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let failure = Failure::new(ErrorCode::MethodNotAllowed, "this path does not have that method");
    let mut response = failure.into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

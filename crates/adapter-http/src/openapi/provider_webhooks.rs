//! The document of what the voice provider sends. It is of use to the operator, who configures both
//! ends: a client that is generated for users has no such methods.

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

use super::{OpenSchemas, RequestIds};
use crate::documented::{SIGNATURE_HEADER, SIGNATURE_SCHEME, TOOL_SECRET_SCHEME};
use crate::failure::{ErrorDetail, ErrorResponse};
use crate::{paths, provider_requests};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Outdial: webhooks of the voice provider",
        description = "What the voice provider sends to the gateway.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "http://127.0.0.1:2212", description = "The gateway")),
    paths(
        provider_requests::receive_event,
        provider_requests::receive_event_of_organization,
        provider_requests::personalize,
        provider_requests::opt_out
    ),
    components(schemas(ErrorResponse, ErrorDetail)),
    tags((name = "Webhooks", description = "What the voice provider sends to the gateway")),
    modifiers(&ProviderCredentials, &OpenSchemas, &RequestIds)
)]
pub(super) struct Document;

/// How the voice provider authenticates.
struct ProviderCredentials;

impl Modify for ProviderCredentials {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let described = "`t=<Unix seconds>,v0=<HMAC-SHA256 of the time, a dot and the body, in hex>`";
        let signature = ApiKeyValue::with_description(SIGNATURE_HEADER, described);
        let signature = SecurityScheme::ApiKey(ApiKey::Header(signature));
        components.add_security_scheme(SIGNATURE_SCHEME, signature);
        let secret = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The tool secret"));
        components.add_security_scheme(TOOL_SECRET_SCHEME, SecurityScheme::Http(secret.build()));

        let mut require = |path: &str, schemes: &[&str]| {
            let none: [&str; 0] = [];
            let schemes = schemes.iter().map(|scheme| SecurityRequirement::new(*scheme, none)).collect();
            let path = document.paths.paths.get_mut(path).expect("the handlers document this path");
            path.post.as_mut().expect("the provider sends POST requests").security = Some(schemes);
        };
        require(paths::PROVIDER_EVENTS, &[SIGNATURE_SCHEME, TOOL_SECRET_SCHEME]);
        require(paths::ORGANIZATION_EVENTS, &[SIGNATURE_SCHEME, TOOL_SECRET_SCHEME]);
        require(paths::PERSONALIZATION, &[TOOL_SECRET_SCHEME]);
        require(paths::OPT_OUT_TOOL, &[TOOL_SECRET_SCHEME]);
    }
}

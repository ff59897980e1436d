//! The OpenAPI document, generated from the handlers and the wire types.

mod call_event_webhook;

use event_json::CallEventDocument;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, ObjectBuilder, OneOf, Schema, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{HeaderBuilder, OpenApi, RefOr, Required};
use utoipa::{Modify, OpenApi as _};

use self::call_event_webhook::CallEventWebhook;
use crate::documented::{SIGNATURE_HEADER, SIGNATURE_SCHEME, TOOL_SECRET_SCHEME};
use crate::failure::ErrorResponse;
use crate::wire::{PlaceCallRequest, PlacedResponse};
use crate::{follow_calls, paths, place_call, probes, provider_requests, read_calls, webhook_endpoints};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Outdial",
        description = "A gateway that places outbound AI voice calls. It never rings a person twice for one intent, and \
                       records every call.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "This gateway")),
    paths(
        place_call::place_call,
        read_calls::list_calls,
        follow_calls::follow_calls,
        read_calls::get_call,
        read_calls::get_recording,
        provider_requests::receive_event,
        provider_requests::personalize,
        webhook_endpoints::register_endpoint,
        webhook_endpoints::list_endpoints,
        webhook_endpoints::change_endpoint,
        webhook_endpoints::test_endpoint,
        webhook_endpoints::remove_endpoint,
        webhook_endpoints::replace_secret,
        webhook_endpoints::list_deliveries,
        probes::healthz,
        probes::readyz
    ),
    components(schemas(PlaceCallRequest, PlacedResponse, ErrorResponse, CallEventDocument<'_>)),
    tags(
        (name = "Calls", description = "Place calls, and read what happened to them"),
        (name = "Webhooks", description = "What the voice provider sends to the gateway"),
        (name = "Webhook endpoints", description = "Where organizations receive the events of their calls"),
        (name = "Health", description = "For load balancers and orchestrators")
    ),
    modifiers(&Credentials, &OpenSchemas, &RequestIds, &CallEventWebhook)
)]
struct Document;

/// The OpenAPI document of every documented route.
#[must_use]
pub fn openapi() -> OpenApi {
    Document::openapi()
}

/// The OpenAPI document as YAML: the response of `GET /openapi.yaml`, and the content of
/// `docs/openapi.yaml`.
#[must_use]
pub fn openapi_yaml() -> String {
    openapi().to_yaml().expect("a document of strings, numbers and lists always serializes to YAML")
}

/// Every request may have an id, and every response has one.
struct RequestIds;

impl Modify for RequestIds {
    fn modify(&self, document: &mut OpenApi) {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let given = ParameterBuilder::new()
            .name("X-Request-Id")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("At most 128 visible ASCII characters; anything else is replaced"))
            .schema(Some(text()))
            .build();
        let returned = HeaderBuilder::new()
            .schema(Some(text()))
            .description(Some("The request's ID, which is in the log too"))
            .build();
        let paths = document.paths.paths.values_mut();
        for operation in paths
            .flat_map(|path| [&mut path.get, &mut path.post, &mut path.patch, &mut path.delete])
            .flatten()
        {
            operation.parameters.get_or_insert_default().push(given.clone().into());
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    response.headers.insert("X-Request-Id".to_owned(), RefOr::T(returned.clone()));
                }
            }
        }
    }
}

/// How users and the voice provider authenticate.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let described = "A JWT of at most 8192 bytes. `sub` is the user's ID, and `exp` is in seconds.";
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let scheme = scheme.description(Some(described)).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearerAuth", SecurityScheme::Http(scheme));
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
        require(paths::PERSONALIZATION, &[TOOL_SECRET_SCHEME]);
    }
}

/// The contract allows additional fields in its objects, which the derived schemas do not express.
struct OpenSchemas;

impl Modify for OpenSchemas {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, schema) in &mut components.schemas {
            if name.starts_with("Calls") {
                open(schema);
            }
        }
    }
}

/// Allows additional fields in an object and in every object inside it.
fn open(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            if !object.properties.is_empty() {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
            }
            object.properties.values_mut().for_each(open);
        }
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                open(items);
            }
        }
        RefOr::T(Schema::OneOf(OneOf { items, .. })) => items.iter_mut().for_each(open),
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::ErrorCode;

    #[test]
    fn every_code_of_a_documented_route_is_documented() {
        let text = openapi_yaml();
        for code in ErrorCode::ALL {
            let documented = text.contains(&format!("`{}`", code.as_str()));
            assert_eq!(documented, code.is_documented(), "{}", code.as_str());
        }
    }
}

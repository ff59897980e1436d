//! The OpenAPI document, generated from the handlers and the wire types.

use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, ObjectBuilder, OneOf, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{HeaderBuilder, OpenApi, RefOr, Required};
use utoipa::{Modify, OpenApi as _};

use crate::webhooks_sent::WebhooksSent;
use crate::wire::{CallEventDocument, ErrorResponse, PlaceCallRequest, PlacedResponse};
use crate::{
    follow_calls, health, personalize_call, place_call, read_calls, read_recording, receive_event,
    webhook_endpoints,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Outdial",
        description = "A gateway that places outbound AI voice calls: a person is never rung twice for one intent, and no \
                       call is ever lost from the books.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "This gateway")),
    paths(
        place_call::post_calls_ai_outbound,
        read_calls::get_calls_history,
        follow_calls::get_calls_events,
        read_calls::get_call,
        read_recording::get_call_recording,
        receive_event::post_webhook_elevenlabs,
        personalize_call::post_webhook_elevenlabs_personalization,
        webhook_endpoints::post_webhook_endpoints,
        webhook_endpoints::get_webhook_endpoints,
        webhook_endpoints::delete_webhook_endpoint,
        webhook_endpoints::post_webhook_endpoint_secret,
        webhook_endpoints::get_webhook_endpoint_deliveries,
        health::healthz,
        health::readyz
    ),
    components(schemas(PlaceCallRequest, PlacedResponse, ErrorResponse, CallEventDocument)),
    tags(
        (name = "Calls", description = "Placing calls, and reading what became of them"),
        (name = "Webhooks", description = "What the voice provider tells of calls, and asks"),
        (name = "Webhook endpoints", description = "Where organizations want the events of their calls sent"),
        (name = "Health", description = "For load balancers and orchestrators")
    ),
    modifiers(&Credentials, &OpenSchemas, &RequestIds, &WebhooksSent)
)]
struct Document;

/// The OpenAPI document of everything that is served.
#[must_use]
pub fn openapi() -> OpenApi {
    Document::openapi()
}

/// The OpenAPI document as YAML: what `GET /openapi.yaml` answers, and what `docs/openapi.yaml` holds.
#[must_use]
pub fn openapi_yaml() -> String {
    openapi().to_yaml().expect("a document of strings, numbers and lists is always YAML")
}

/// Every request may carry an id, and every response does.
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
        let answered = HeaderBuilder::new()
            .schema(Some(text()))
            .description(Some("The request's ID, which also stands in the log"))
            .build();
        let paths = document.paths.paths.values_mut();
        for operation in paths.flat_map(|path| [&mut path.get, &mut path.post, &mut path.delete]).flatten() {
            operation.parameters.get_or_insert_default().push(given.clone().into());
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    response.headers.insert("X-Request-Id".to_owned(), RefOr::T(answered.clone()));
                }
            }
        }
    }
}

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearerAuth", SecurityScheme::Http(scheme));
        let described = "`t=<Unix seconds>,v0=<HMAC-SHA256 of the time, a dot and the body, in hex>`";
        let signature = ApiKeyValue::with_description("ElevenLabs-Signature", described);
        let signature = SecurityScheme::ApiKey(ApiKey::Header(signature));
        components.add_security_scheme("elevenLabsSignature", signature);
        let secret = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The tool secret"));
        components.add_security_scheme("elevenLabsToolSecret", SecurityScheme::Http(secret.build()));
    }
}

/// The contract leaves its objects open for fields to come, which the derived schemas have no word for.
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

/// Opens an object and every object inside it.
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
    use crate::error_answer::ErrorCode;

    #[test]
    fn every_code_of_a_documented_route_is_documented() {
        let text = openapi_yaml();
        for code in ErrorCode::ALL {
            let elsewhere = matches!(code, ErrorCode::NotFound | ErrorCode::MethodNotAllowed);
            assert_eq!(text.contains(&format!("`{}`", code.as_str())), !elsewhere, "{}", code.as_str());
        }
    }
}

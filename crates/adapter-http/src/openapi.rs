//! The OpenAPI document, generated from the handlers and the wire types.

mod call_event_webhook;
mod named_schemas;
mod provider_webhooks;

use event_json::CallEventDocument;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, ObjectBuilder, OneOf, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{HeaderBuilder, OpenApi, RefOr, Required};
use utoipa::{Modify, OpenApi as _};

use self::call_event_webhook::CallEventWebhook;
use self::named_schemas::NamedSchemas;
use crate::failure::{ErrorDetail, ErrorResponse};
use crate::wire::{PlaceCallRequest, PlacedResponse};
use crate::{
    callee_records, follow_calls, number_toggle, organization_settings, place_call, probes, read_calls,
    read_directory, read_refusals, voice_config, webhook_endpoints,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Outdial",
        description = "A gateway that places outbound AI voice calls. It never rings a person twice for one intent, and \
                       records every call.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "http://127.0.0.1:2212", description = "The gateway")),
    paths(
        place_call::place_call,
        place_call::decide_call,
        read_calls::list_calls,
        follow_calls::follow_calls,
        read_refusals::list_refusals,
        read_calls::get_call,
        read_calls::get_recording,
        read_directory::list_agents,
        read_directory::list_numbers,
        read_directory::list_contacts,
        voice_config::get_config,
        voice_config::post_config,
        read_directory::list_transferable,
        number_toggle::toggle_number,
        organization_settings::get_policy,
        organization_settings::put_policy,
        organization_settings::list_audit,
        webhook_endpoints::register_endpoint,
        webhook_endpoints::list_endpoints,
        webhook_endpoints::change_endpoint,
        webhook_endpoints::test_endpoint,
        webhook_endpoints::remove_endpoint,
        webhook_endpoints::replace_secret,
        webhook_endpoints::list_deliveries,
        callee_records::add_suppression,
        callee_records::list_suppressions,
        callee_records::remove_suppression,
        callee_records::add_consent,
        callee_records::list_consents,
        callee_records::revoke_consent,
        probes::healthz,
        probes::readyz
    ),
    components(schemas(PlaceCallRequest, PlacedResponse, ErrorResponse, ErrorDetail, CallEventDocument<'_>)),
    tags(
        (name = "Calls", description = "Place calls, and read what happened to them"),
        (name = "Directory", description = "Agents, numbers and contacts of the organization"),
        (name = "Organization", description = "What the organization decides about its calls, and who changed it"),
        (name = "Webhook endpoints", description = "Where organizations receive the events of their calls"),
        (name = "Callees", description = "Who must not be called, and who agreed to calls"),
        (name = "Health", description = "For load balancers and orchestrators")
    ),
    modifiers(&UserTokens, &OpenSchemas, &RequestIds, &CallEventWebhook, &NamedSchemas)
)]
struct Document;

/// The server that the documents name. A gateway that serves them names itself instead.
pub(crate) const SERVER: &str = "http://127.0.0.1:2212";

/// The OpenAPI document of the routes for users.
#[must_use]
pub fn openapi() -> OpenApi {
    Document::openapi()
}

/// The OpenAPI document of the routes for users as YAML: the content of `docs/openapi.yaml`, and, but
/// for its server, the response of `GET /openapi.yaml`.
#[must_use]
pub fn openapi_yaml() -> String {
    yaml(&openapi())
}

/// The OpenAPI document of what the voice provider sends, as YAML: the content of
/// `docs/openapi-provider.yaml`.
#[must_use]
pub fn provider_openapi_yaml() -> String {
    yaml(&provider_webhooks::Document::openapi())
}

/// The OpenAPI document of the routes for users as JSON.
pub(crate) fn openapi_json() -> String {
    openapi().to_json().expect("a document of strings, numbers and lists always serializes to JSON")
}

fn yaml(document: &OpenApi) -> String {
    document.to_yaml().expect("a document of strings, numbers and lists always serializes to YAML")
}

/// Every request may have an id, and every response has one.
struct RequestIds;

impl Modify for RequestIds {
    fn modify(&self, document: &mut OpenApi) {
        let text = || ObjectBuilder::new().schema_type(Type::String).max_length(Some(128));
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
            .flat_map(|path| {
                [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete]
            })
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

/// How users authenticate.
struct UserTokens;

impl Modify for UserTokens {
    fn modify(&self, document: &mut OpenApi) {
        let described = "A JWT of at most 8192 bytes. `sub` is the user's ID, and `exp` is in seconds.";
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let scheme = SecurityScheme::Http(scheme.description(Some(described)).build());
        document.components.get_or_insert_default().add_security_scheme("bearerAuth", scheme);
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

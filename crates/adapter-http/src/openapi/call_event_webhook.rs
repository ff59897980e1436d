//! The webhook that organizations receive, as the OpenAPI document describes it.

use event_json::CallEventDocument;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, Ref, Required, Response};
use utoipa::{Modify, PartialSchema, ToSchema};

/// Describes the request that webhook endpoints receive.
pub(crate) struct CallEventWebhook;

const DESCRIPTION: &str = "\
The gateway sends this request to every endpoint that the organization registered for events of
this type, signed as Standard Webhooks specifies. It sends an event at least once, possibly again or
out of order: `webhook-id` and `data.eventId` are the same each time. Any 2xx acknowledges the event.
After any other response, and if none arrives in time, the gateway sends it again after growing
pauses, longer ones if `Retry-After` asks for that. It does not follow redirects.

To verify: compute the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`, over the raw bytes,
with the key that follows `whsec_` in base64; compare its base64 with each signature of
`webhook-signature`; refuse a timestamp that differs by more than a few minutes.";

impl Modify for CallEventWebhook {
    fn modify(&self, document: &mut OpenApi) {
        let schema = Ref::from_schema_name(CallEventDocument::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let body = RequestBodyBuilder::new().content("application/json", content);
        let operation = OperationBuilder::new()
            .tag("Webhook endpoints")
            .summary(Some("An event of a call"))
            .description(Some(DESCRIPTION))
            .operation_id(Some("call_event"))
            .parameter(header("webhook-id", "The ID of the event: the body's `data.eventId`"))
            .parameter(header("webhook-timestamp", "The time of this attempt, in Unix seconds"))
            .parameter(header(
                "webhook-signature",
                "`v1,<signature in base64>`, one for each secret that signs, separated by spaces",
            ))
            // The signature is no security scheme of OpenAPI.
            .securities(Some([SecurityRequirement::default()]))
            .request_body(Some(body.required(Some(Required::True)).build()))
            .response("2XX", Response::new("The event is acknowledged"));
        let item = PathItem::new(HttpMethod::Post, operation);
        document.webhooks = Some(PathsBuilder::new().path("call_event", item).build());
    }
}

fn header(name: &str, meaning: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(meaning))
        .schema(Some(String::schema()))
        .build()
}

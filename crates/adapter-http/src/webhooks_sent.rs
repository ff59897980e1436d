//! What organizations are sent, as the OpenAPI document describes it.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{OpenApi, Ref, Required, Response};
use utoipa::{Modify, PartialSchema, ToSchema};

use crate::wire::CallEventDocument;

/// Describes the request that is sent to webhook endpoints.
pub(crate) struct WebhooksSent;

const DESCRIPTION: &str = "\
Sent to every endpoint that the organization registered for events of this type, signed as Standard Webhooks has it. An event is
delivered at least once and may be delivered again or out of order: `webhook-id` and `data.eventId` are the same each time. Any 2xx
takes it; anything else, and an answer that does not come in time, has it sent again after growing pauses, longer ones where
`Retry-After` asks for that. Redirects are not followed.

To verify: compute the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`, over the raw bytes, with the key that stands in
base64 behind `whsec_`; compare its base64 with each signature of `webhook-signature`; refuse a timestamp that is more than a few
minutes off.";

impl Modify for WebhooksSent {
    fn modify(&self, document: &mut OpenApi) {
        let schema = Ref::from_schema_name(CallEventDocument::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let body = RequestBodyBuilder::new().content("application/json", content);
        let operation = OperationBuilder::new()
            .tag("Webhook endpoints")
            .summary(Some("A step of a call"))
            .description(Some(DESCRIPTION))
            .operation_id(Some("call_event"))
            .parameter(header("webhook-id", "What the event is known by: the body's `data.eventId`"))
            .parameter(header("webhook-timestamp", "When this attempt was made, in Unix seconds"))
            .parameter(header(
                "webhook-signature",
                "`v1,<signature in base64>`, one for each secret that signs, parted by spaces",
            ))
            .request_body(Some(body.required(Some(Required::True)).build()))
            .response("2XX", Response::new("The event is taken"));
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

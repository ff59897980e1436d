use std::borrow::Cow;

use domain::CallId;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::response::always_true;

/// The event is stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = WebhooksEventReceivedResponse,
    example = json!({ "received": true, "callId": "64f0a1b2c3d4e5f6a7b8d111" })
)]
pub(crate) struct EventReceivedResponse {
    /// Always true.
    #[schema(schema_with = always_true)]
    received: bool,
    /// The gateway's ID of the call that the event speaks of, where that is known already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    call_id: Option<String>,
}

impl From<Option<CallId>> for EventReceivedResponse {
    fn from(call_id: Option<CallId>) -> Self {
        Self { received: true, call_id: call_id.map(|id| id.to_string()) }
    }
}

/// The schema of an event, which is the provider's to define: it is kept as it comes, and read by the provider's adapter.
pub(crate) enum ProviderEventBody {}

impl ToSchema for ProviderEventBody {
    fn name() -> Cow<'static, str> {
        "WebhooksProviderEvent".into()
    }
}

impl PartialSchema for ProviderEventBody {
    fn schema() -> RefOr<Schema> {
        let kind = ObjectBuilder::new().schema_type(Type::String).description(Some(
            "`post_call_transcription`, `post_call_audio`, `call_initiation_failure`, or one that is kept unread.",
        ));
        let timestamp = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("When the provider made the event, in Unix seconds."));
        let data = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("What it tells; older events have its fields beside `type`."))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)));
        let event = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("An event, as ElevenLabs sends it."))
            .property("type", kind)
            .property("event_timestamp", timestamp)
            .property("data", data)
            .required("type")
            .additional_properties(Some(AdditionalProperties::FreeForm(true)));
        RefOr::T(event.into())
    }
}

//! How the OpenAPI document describes the stream of events.

use std::borrow::Cow;

use event_json::CallEventDocument;
use event_json::schema::event_kind;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr, Required};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// One item of the stream.
pub(crate) enum StreamItem {}

impl ToSchema for StreamItem {
    fn name() -> Cow<'static, str> {
        "CallsEventStreamItem".into()
    }
}

impl PartialSchema for StreamItem {
    fn schema() -> RefOr<Schema> {
        let data = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A `CallsEvent`, as JSON."))
            .content_media_type("application/json")
            .content_schema(Some(Ref::from_schema_name(CallEventDocument::name())));
        let item = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("One item of the stream: its lines `id`, `event` and `data`."))
            .property("id", sequence_number("The event's sequence number."))
            .property("event", event_kind())
            .property("data", data)
            .required("id")
            .required("event")
            .required("data");
        RefOr::T(item.into())
    }
}

/// The `id` of an item as a header, which a client may leave out. A header holds text: a generated client
/// could not send a number.
pub(crate) enum LastEventId {}

impl IntoParams for LastEventId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let meaning = "The `id` of the last event that the client has received: the stream starts after it";
        let header = ParameterBuilder::new()
            .name("Last-Event-ID")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(meaning))
            .schema(Some(sequence_number("").description(None::<String>)));
        vec![header.build()]
    }
}

fn sequence_number(meaning: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(meaning))
        .pattern(Some("^[0-9]+$"))
        .max_length(Some(19))
}

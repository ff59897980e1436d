//! Names for the lists of words that several objects share. A generated client then has one type for
//! each, instead of one for each object.

use event_json::schema::{call_status, end_reason, event_kind};
use utoipa::Modify;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema};
use utoipa::openapi::{OpenApi, Ref, RefOr};

use crate::failure::refusal_code;
use crate::wire::{goal_result, kind_schema, purpose_schema, recording_report, state_schema, status_schema};

pub(super) struct NamedSchemas;

impl Modify for NamedSchemas {
    fn modify(&self, document: &mut OpenApi) {
        let named: [(&str, Object); 10] = [
            ("CallStatus", call_status()),
            ("CallEventType", event_kind()),
            ("EndReason", end_reason()),
            ("ConsentKind", kind_schema()),
            ("GoalResult", goal_result()),
            ("CallPurpose", purpose_schema()),
            ("RefusalCode", refusal_code()),
            ("DeliveryState", state_schema()),
            ("EndpointStatus", status_schema()),
            // Generators name a list of words for its object and field, and `CallsCallRecording` is
            // another schema.
            ("RecordingReport", recording_report()),
        ];
        let components = document.components.get_or_insert_default();
        for schema in components.schemas.values_mut() {
            name(schema, &named);
        }
        for path in document.paths.paths.values_mut() {
            let operations =
                [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete];
            for operation in operations.into_iter().flatten() {
                name_in_operation(operation, &named);
            }
        }
        components.schemas.extend(
            named.into_iter().map(|(name, schema)| (name.to_owned(), RefOr::T(Schema::Object(schema)))),
        );
    }
}

fn name_in_operation(operation: &mut Operation, named: &[(&str, Object)]) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            parameter.schema.iter_mut().for_each(|schema| name(schema, named));
        }
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            for content in response.content.values_mut() {
                if let RefOr::T(content) = content {
                    content.schema.iter_mut().for_each(|schema| name(schema, named));
                }
            }
        }
    }
}

/// Replaces each list of words that has a name by a reference to it.
fn name(schema: &mut RefOr<Schema>, named: &[(&str, Object)]) {
    let RefOr::T(inner) = schema else { return };
    match inner {
        Schema::Object(object) => {
            let words = object.enum_values.as_ref();
            let known =
                named.iter().find(|(_, known)| words.is_some() && known.enum_values.as_ref() == words);
            if let Some((known, _)) = known {
                *schema = RefOr::Ref(Ref::from_schema_name(*known));
                return;
            }
            object.properties.values_mut().for_each(|property| name(property, named));
            if let Some(AdditionalProperties::RefOr(others)) = object.additional_properties.as_deref_mut() {
                name(others, named);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                name(items, named);
            }
        }
        Schema::OneOf(one_of) => one_of.items.iter_mut().for_each(|item| name(item, named)),
        Schema::AllOf(all_of) => all_of.items.iter_mut().for_each(|item| name(item, named)),
        Schema::AnyOf(any_of) => any_of.items.iter_mut().for_each(|item| name(item, named)),
        _ => {}
    }
}

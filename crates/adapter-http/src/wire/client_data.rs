//! What a client gives with a call: variables of the agent's prompt, and data of its own.

use std::fmt;

use domain::{DynamicVariables, VariableValue};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};

/// Reads variables, as often as each is given. The message quotes none of them.
pub(super) fn variables(json: &RawValue) -> Result<Vec<(String, VariableValue)>, &'static str> {
    if !json.get().starts_with('{') {
        return Err("must be an object");
    }
    let Given(given) = serde_json::from_str(json.get()).map_err(|_| "must be an object")?;
    let read = given.into_iter().map(|(name, value)| Some((name, variable(value)?)));
    read.collect::<Option<_>>().ok_or("must have strings, numbers and booleans only")
}

fn variable(json: Value) -> Option<VariableValue> {
    match json {
        Value::String(text) => Some(VariableValue::Text(text.into())),
        Value::Bool(value) => Some(VariableValue::Boolean(value)),
        Value::Number(number) => {
            let decimal = || number.as_f64().map(VariableValue::Decimal);
            number.as_i64().map(VariableValue::Integer).or_else(decimal)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Variables as a part of a call; `None` if there are none.
pub(super) fn shown(variables: &DynamicVariables) -> Option<Map<String, Value>> {
    let json = |value: &VariableValue| match value {
        VariableValue::Text(text) => Value::from(&**text),
        VariableValue::Integer(number) => Value::from(*number),
        VariableValue::Decimal(number) => Value::from(*number),
        VariableValue::Boolean(value) => Value::from(*value),
    };
    let shown = variables.iter().map(|(name, value)| (name.to_owned(), json(value)));
    (!variables.is_empty()).then(|| shown.collect())
}

/// The members of an object, in their order.
struct Given(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GivenVisitor)
    }
}

struct GivenVisitor;

impl<'de> Visitor<'de> for GivenVisitor {
    type Value = Given;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Given, A::Error> {
        let mut given = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            given.push(entry);
        }
        Ok(Given(given))
    }
}

/// The client's variables, in a request.
pub(super) fn variables_schema() -> Object {
    object(VARIABLES)
}

/// The same in a call.
pub(super) fn shown_variables_schema() -> Object {
    object("The `dynamicVariables` of the request; absent if there were none.")
}

fn object(description: &str) -> Object {
    let scalar = |kind: Type| RefOr::T(Schema::Object(Object::with_type(kind)));
    let value = [Type::String, Type::Number, Type::Boolean]
        .into_iter()
        .fold(OneOfBuilder::new(), |any, kind| any.item(scalar(kind)));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description))
        .additional_properties(Some(Schema::OneOf(value.build())))
        .max_properties(Some(DynamicVariables::MAX_COUNT))
        .build()
}

/// The client's data, in a request.
pub(super) fn metadata_schema() -> Object {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(METADATA)).build()
}

const VARIABLES: &str = "The client's own variables of the agent's prompt: strings, numbers and booleans. A name has at \
                         most 64 ASCII letters, digits and underscores, and begins with no digit. The gateway's own \
                         names (`call_reason`, `caller_name`, `caller_number`, `org_name`) are reserved, and those that \
                         a provider fills in: `customer`, `transport`, `now`, `date`, `time`, `month`, `day`, `year`, \
                         and names that begin with `system__`, `system_env__` or `secret__`. All names and texts \
                         together have at most 8192 bytes. A deduplicated request does not change the variables of the \
                         earlier call.";

const METADATA: &str = "Any JSON of at most 4096 bytes, without the white space between its values. The call, the history \
                        and the call events have it as the request spelled it. A deduplicated request does not change \
                        the metadata of the earlier call.";

//! The body of a call, validated as the provider does it.

use serde_json::{Map, Value};

const MAX_REFERENCE_CHARS: usize = 40;

pub(crate) struct CreateCall {
    pub(crate) assistant_id: String,
    pub(crate) phone_number_id: String,
    pub(crate) number: String,
    /// `name`, the caller's own reference.
    pub(crate) name: Option<String>,
    pub(crate) customer: Map<String, Value>,
    /// `assistantOverrides`; empty if the request has none.
    pub(crate) overrides: Map<String, Value>,
}

impl CreateCall {
    /// Fails with every error in the body.
    pub(crate) fn parse(body: &[u8]) -> Result<CreateCall, Vec<String>> {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
            return Err(vec!["the body must be a JSON object".to_owned()]);
        };
        let mut errors = Vec::new();
        let customer = object(&body, "customer", &mut errors);
        let call = CreateCall {
            assistant_id: required(&body, "assistantId", &mut errors),
            phone_number_id: required(&body, "phoneNumberId", &mut errors),
            number: required(&customer, "number", &mut errors),
            name: reference(&body, "name", &mut errors),
            overrides: object(&body, "assistantOverrides", &mut errors),
            customer,
        };
        reference(&call.customer, "externalId", &mut errors);
        object(&call.overrides, "variableValues", &mut errors);
        if errors.is_empty() { Ok(call) } else { Err(errors) }
    }

    /// The caller's correlation id: `name` or `customer.externalId`; `None` if the two differ.
    pub(crate) fn correlation_id(&self) -> Option<String> {
        let external_id = self.customer.get("externalId").and_then(Value::as_str);
        match (self.name.as_deref(), external_id) {
            (Some(name), Some(external_id)) if name != external_id => None,
            (name, external_id) => name.or(external_id).map(str::to_owned),
        }
    }

    pub(crate) fn variable_values(&self) -> Map<String, Value> {
        self.overrides.get("variableValues").and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

fn required(fields: &Map<String, Value>, key: &str, errors: &mut Vec<String>) -> String {
    match fields.get(key).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => return text.to_owned(),
        _ => errors.push(format!("{key} must be a string")),
    }
    String::new()
}

fn reference(fields: &Map<String, Value>, key: &str, errors: &mut Vec<String>) -> Option<String> {
    match fields.get(key) {
        None => None,
        Some(Value::String(text)) if text.chars().count() <= MAX_REFERENCE_CHARS => Some(text.clone()),
        Some(_) => {
            errors.push(format!("{key} must be a string of {MAX_REFERENCE_CHARS} characters or less"));
            None
        }
    }
}

fn object(fields: &Map<String, Value>, key: &str, errors: &mut Vec<String>) -> Map<String, Value> {
    match fields.get(key) {
        None => Map::new(),
        Some(Value::Object(object)) => object.clone(),
        Some(_) => {
            errors.push(format!("{key} must be an object"));
            Map::new()
        }
    }
}

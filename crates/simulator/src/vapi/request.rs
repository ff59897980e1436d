//! The body of a call, checked as the provider's schema checks it.

use serde_json::{Map, Value};

/// The longest free reference, in characters.
const LONGEST_REFERENCE: usize = 40;

/// A request that passed.
pub(crate) struct CreateCall {
    pub(crate) assistant_id: String,
    pub(crate) phone_number_id: String,
    pub(crate) number: String,
    /// `name`, the caller's own reference.
    pub(crate) name: Option<String>,
    pub(crate) customer: Map<String, Value>,
    /// `assistantOverrides`, empty where there is none.
    pub(crate) overrides: Map<String, Value>,
}

impl CreateCall {
    /// Reads a body; every objection to it, where there is one.
    pub(crate) fn parse(body: &[u8]) -> Result<CreateCall, Vec<String>> {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
            return Err(vec!["the body must be a JSON object".to_owned()]);
        };
        let mut objections = Vec::new();
        let customer = object(&body, "customer", &mut objections);
        let call = CreateCall {
            assistant_id: required(&body, "assistantId", &mut objections),
            phone_number_id: required(&body, "phoneNumberId", &mut objections),
            number: required(&customer, "number", &mut objections),
            name: reference(&body, "name", &mut objections),
            overrides: object(&body, "assistantOverrides", &mut objections),
            customer,
        };
        reference(&call.customer, "externalId", &mut objections);
        object(&call.overrides, "variableValues", &mut objections);
        if objections.is_empty() { Ok(call) } else { Err(objections) }
    }

    /// The caller's correlation id, where both places that can carry it agree or only one is used.
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

fn required(fields: &Map<String, Value>, key: &str, objections: &mut Vec<String>) -> String {
    match fields.get(key).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => return text.to_owned(),
        _ => objections.push(format!("{key} must be a string")),
    }
    String::new()
}

fn reference(fields: &Map<String, Value>, key: &str, objections: &mut Vec<String>) -> Option<String> {
    match fields.get(key) {
        None => None,
        Some(Value::String(text)) if text.chars().count() <= LONGEST_REFERENCE => Some(text.clone()),
        Some(_) => {
            objections.push(format!("{key} must be a string of {LONGEST_REFERENCE} characters or less"));
            None
        }
    }
}

fn object(fields: &Map<String, Value>, key: &str, objections: &mut Vec<String>) -> Map<String, Value> {
    match fields.get(key) {
        None => Map::new(),
        Some(Value::Object(object)) => object.clone(),
        Some(_) => {
            objections.push(format!("{key} must be an object"));
            Map::new()
        }
    }
}

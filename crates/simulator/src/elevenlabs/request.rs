//! The body of an outbound call, checked as the provider's schema checks it.

use serde_json::{Map, Value, json};

/// A request that passed.
pub(crate) struct OutboundCall {
    pub(crate) agent_id: String,
    pub(crate) agent_phone_number_id: String,
    pub(crate) to_number: String,
    pub(crate) ringing_timeout_secs: u16,
    /// `conversation_initiation_client_data`, empty where there is none.
    pub(crate) client_data: Map<String, Value>,
}

impl OutboundCall {
    /// Reads a body; every objection to it, in the shape of a 422, where there is one.
    pub(crate) fn parse(body: &[u8]) -> Result<OutboundCall, Vec<Value>> {
        let body = serde_json::from_slice::<Value>(body).map_err(|error| {
            let at = json!(["body", error.column()]);
            vec![json!({ "loc": at, "msg": "JSON decode error", "type": "json_invalid" })]
        })?;
        let mut check = Check { objections: Vec::new() };
        let Value::Object(body) = body else {
            check.object_to(&[], "model_attributes_type", "Input should be a valid dictionary or object");
            return Err(check.objections);
        };
        let call = OutboundCall {
            agent_id: check.required_text(&body, "agent_id"),
            agent_phone_number_id: check.required_text(&body, "agent_phone_number_id"),
            to_number: check.required_text(&body, "to_number"),
            ringing_timeout_secs: check.ringing_timeout_secs(&body),
            client_data: check.client_data(&body),
        };
        if check.objections.is_empty() { Ok(call) } else { Err(check.objections) }
    }

    /// `user_id`, the caller's own correlation id.
    pub(crate) fn user_id(&self) -> Option<String> {
        self.client_data.get("user_id").and_then(Value::as_str).map(str::to_owned)
    }

    pub(crate) fn dynamic_variables(&self) -> Map<String, Value> {
        self.client_data.get("dynamic_variables").and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

struct Check {
    objections: Vec<Value>,
}

impl Check {
    fn object_to(&mut self, path: &[&str], kind: &str, message: &str) {
        let place: Vec<&str> = std::iter::once("body").chain(path.iter().copied()).collect();
        self.objections.push(json!({ "loc": place, "msg": message, "type": kind }));
    }

    fn required_text(&mut self, body: &Map<String, Value>, key: &str) -> String {
        match body.get(key) {
            Some(Value::String(text)) => return text.clone(),
            None => self.object_to(&[key], "missing", "Field required"),
            Some(_) => self.object_to(&[key], "string_type", "Input should be a valid string"),
        }
        String::new()
    }

    fn client_data(&mut self, body: &Map<String, Value>) -> Map<String, Value> {
        let key = "conversation_initiation_client_data";
        let data = match body.get(key) {
            None | Some(Value::Null) => return Map::new(),
            Some(Value::Object(data)) => data,
            Some(_) => {
                self.object_to(
                    &[key],
                    "model_attributes_type",
                    "Input should be a valid dictionary or object",
                );
                return Map::new();
            }
        };
        if !matches!(data.get("user_id"), None | Some(Value::Null | Value::String(_))) {
            self.object_to(&[key, "user_id"], "string_type", "Input should be a valid string");
        }
        if !matches!(data.get("dynamic_variables"), None | Some(Value::Object(_))) {
            self.object_to(&[key, "dynamic_variables"], "dict_type", "Input should be a valid dictionary");
        }
        data.clone()
    }

    fn ringing_timeout_secs(&mut self, body: &Map<String, Value>) -> u16 {
        const USUAL: u16 = 60;
        let key = "telephony_call_config";
        let config = match body.get(key) {
            None => return USUAL,
            Some(Value::Object(config)) => config,
            Some(_) => {
                self.object_to(
                    &[key],
                    "model_attributes_type",
                    "Input should be a valid dictionary or object",
                );
                return USUAL;
            }
        };
        if !matches!(config.get("twilio_call_recording_enabled"), None | Some(Value::Bool(_))) {
            let path = [key, "twilio_call_recording_enabled"];
            self.object_to(&path, "bool_type", "Input should be a valid boolean");
        }
        let path = [key, "ringing_timeout_secs"];
        let Some(secs) = config.get(path[1]) else { return USUAL };
        match secs.as_i64() {
            Some(secs @ 1..=999) => return secs as u16,
            Some(..1) => {
                self.object_to(&path, "greater_than_equal", "Input should be greater than or equal to 1");
            }
            Some(_) => self.object_to(&path, "less_than_equal", "Input should be less than or equal to 999"),
            None => self.object_to(&path, "int_type", "Input should be a valid integer"),
        }
        USUAL
    }
}

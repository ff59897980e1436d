//! The body of an outbound call, validated as the provider does it.

use serde_json::{Map, Value, json};

pub(crate) struct OutboundCall {
    pub(crate) agent_id: String,
    pub(crate) agent_phone_number_id: String,
    pub(crate) to_number: String,
    pub(crate) ringing_timeout_secs: u16,
    /// `conversation_initiation_client_data`; empty if the request has none.
    pub(crate) client_data: Map<String, Value>,
}

impl OutboundCall {
    /// Fails with every error in the body, in the form of a 422.
    pub(crate) fn parse(body: &[u8]) -> Result<OutboundCall, Vec<Value>> {
        let body = serde_json::from_slice::<Value>(body).map_err(|error| {
            let at = json!(["body", error.column()]);
            vec![json!({ "loc": at, "msg": "JSON decode error", "type": "json_invalid" })]
        })?;
        let mut validation = Validation { errors: Vec::new() };
        let Value::Object(body) = body else {
            validation.reject_non_object(&[]);
            return Err(validation.errors);
        };
        let call = OutboundCall {
            agent_id: validation.required_text(&body, "agent_id"),
            agent_phone_number_id: validation.required_text(&body, "agent_phone_number_id"),
            to_number: validation.required_text(&body, "to_number"),
            ringing_timeout_secs: validation.ringing_timeout_secs(&body),
            client_data: validation.client_data(&body),
        };
        if validation.errors.is_empty() { Ok(call) } else { Err(validation.errors) }
    }

    /// The caller's own correlation id.
    pub(crate) fn user_id(&self) -> Option<String> {
        self.client_data.get("user_id").and_then(Value::as_str).map(str::to_owned)
    }

    pub(crate) fn dynamic_variables(&self) -> Map<String, Value> {
        self.client_data.get("dynamic_variables").and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

struct Validation {
    errors: Vec<Value>,
}

impl Validation {
    fn reject(&mut self, path: &[&str], kind: &str, message: &str) {
        let loc: Vec<&str> = std::iter::once("body").chain(path.iter().copied()).collect();
        self.errors.push(json!({ "loc": loc, "msg": message, "type": kind }));
    }

    fn reject_non_object(&mut self, path: &[&str]) {
        self.reject(path, "model_attributes_type", "Input should be a valid dictionary or object");
    }

    fn required_text(&mut self, body: &Map<String, Value>, key: &str) -> String {
        match body.get(key) {
            Some(Value::String(text)) => return text.clone(),
            None => self.reject(&[key], "missing", "Field required"),
            Some(_) => self.reject(&[key], "string_type", "Input should be a valid string"),
        }
        String::new()
    }

    fn client_data(&mut self, body: &Map<String, Value>) -> Map<String, Value> {
        let key = "conversation_initiation_client_data";
        let data = match body.get(key) {
            None | Some(Value::Null) => return Map::new(),
            Some(Value::Object(data)) => data,
            Some(_) => {
                self.reject_non_object(&[key]);
                return Map::new();
            }
        };
        if !matches!(data.get("user_id"), None | Some(Value::Null | Value::String(_))) {
            self.reject(&[key, "user_id"], "string_type", "Input should be a valid string");
        }
        if !matches!(data.get("dynamic_variables"), None | Some(Value::Object(_))) {
            self.reject(&[key, "dynamic_variables"], "dict_type", "Input should be a valid dictionary");
        }
        data.clone()
    }

    fn ringing_timeout_secs(&mut self, body: &Map<String, Value>) -> u16 {
        const DEFAULT: u16 = 60;
        let key = "telephony_call_config";
        let config = match body.get(key) {
            None => return DEFAULT,
            Some(Value::Object(config)) => config,
            Some(_) => {
                self.reject_non_object(&[key]);
                return DEFAULT;
            }
        };
        if !matches!(config.get("twilio_call_recording_enabled"), None | Some(Value::Bool(_))) {
            let path = [key, "twilio_call_recording_enabled"];
            self.reject(&path, "bool_type", "Input should be a valid boolean");
        }
        let path = [key, "ringing_timeout_secs"];
        let Some(secs) = config.get(path[1]) else { return DEFAULT };
        match secs.as_i64() {
            Some(secs @ 1..=999) => return secs as u16,
            Some(..1) => {
                self.reject(&path, "greater_than_equal", "Input should be greater than or equal to 1");
            }
            Some(_) => self.reject(&path, "less_than_equal", "Input should be less than or equal to 999"),
            None => self.reject(&path, "int_type", "Input should be a valid integer"),
        }
        DEFAULT
    }
}

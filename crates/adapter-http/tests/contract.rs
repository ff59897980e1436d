//! The OpenAPI document contains the whole contract, and the committed copy equals the generated
//! one.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

fn contract() -> Value {
    serde_norway::from_str(include_str!("contract/outbound-ai-call.yaml")).expect("the fixture is YAML")
}

fn ours() -> Value {
    serde_norway::from_str(&adapter_http::openapi_yaml()).expect("the document is YAML")
}

#[test]
fn the_committed_documents_are_the_generated_ones() {
    let documents = [
        ("openapi.yaml", adapter_http::openapi_yaml()),
        ("openapi-provider.yaml", adapter_http::provider_openapi_yaml()),
    ];
    for (name, generated) in documents {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
        if fs::read_to_string(&path).unwrap_or_default() != generated {
            fs::write(&path, generated).expect("docs/ can be written");
            panic!(
                "docs/{name} differed from the generated document and is now rewritten: review and commit it"
            );
        }
    }
}

/// A client that is generated from a `null` in a parameter or a field of a request may send it as
/// text.
/// The gateway needs no header but those of authentication, which are not parameters.
#[test]
fn a_client_may_leave_out_each_header() {
    let document = ours();
    let routes = document["paths"].as_object().expect("an object").values();
    let operations = routes.flat_map(|route| route.as_object().expect("an object").values());
    let parameters: Vec<&Value> =
        operations.filter_map(|operation| operation["parameters"].as_array()).flatten().collect();
    let headers: Vec<_> = parameters.into_iter().filter(|parameter| parameter["in"] == "header").collect();
    assert!(headers.iter().any(|header| header["name"] == "Last-Event-ID"));
    for header in headers {
        assert_ne!(header["required"], true, "{header}");
    }
}

/// But for the one request in which `null` clears what is stored.
#[test]
fn nothing_that_a_client_sends_is_nullable() {
    let document = ours();
    let schemas = document["components"]["schemas"].as_object().expect("an object");
    let sent = schemas.iter().filter(|(name, _)| name.ends_with("Request"));
    let sent = sent.filter(|(name, _)| *name != "CallsSaveVoiceConfigRequest").map(|(_, schema)| schema);
    let sent: Vec<_> = sent.chain([&document["paths"]]).collect();
    assert!(sent.len() >= 4, "three requests with a body");
    for schema in sent {
        assert!(!schema.to_string().contains(r#""null""#), "{schema}");
    }
}

/// Each list of words has one name, and so one type in a generated client.
#[test]
fn each_list_of_words_that_is_used_twice_has_a_name() {
    let document = ours();
    let mut lists = std::collections::BTreeMap::<String, usize>::new();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                let words =
                    object.get("enum").filter(|words| words.as_array().is_some_and(|it| it.len() > 1));
                if let Some(words) = words {
                    *lists.entry(words.to_string()).or_default() += 1;
                }
                open.extend(object.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(lists.len() >= 4, "{lists:?}");
    assert!(lists.values().all(|uses| *uses == 1), "{lists:?}");
    for name in ["CallStatus", "CallEventType", "DeliveryState", "EndpointStatus", "CallsErrorDetail"] {
        assert!(document.pointer(&format!("/components/schemas/{name}")).is_some(), "{name}");
    }
}

/// The gateway's clients are no voice providers.
#[test]
fn what_the_voice_provider_sends_is_in_a_document_of_its_own() {
    let provider: Value =
        serde_norway::from_str(&adapter_http::provider_openapi_yaml()).expect("the document is YAML");
    let paths = |document: &Value| -> Vec<String> {
        document["paths"].as_object().expect("an object").keys().cloned().collect()
    };
    let path = "/api/webhook/elevenlabs";
    let expected = ["", "/organizations/{organizationId}", "/personalization", "/tools/opt-out"]
        .map(|it| format!("{path}{it}"));
    assert_eq!(paths(&provider), expected);
    assert!(!paths(&ours()).iter().any(|it| it.starts_with(path)));
    for document in [provider, ours()] {
        assert_eq!(document["servers"][0]["url"], "http://127.0.0.1:2212");
    }
}

#[test]
fn the_document_contains_the_whole_contract() {
    let missing = missing(&contract(), &ours());
    assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
}

#[test]
fn the_comparison_finds_what_is_missing() {
    type Break = fn(&mut Value);
    const POST: &str = "/paths/~1api~1calls~1ai~1outbound/post";
    const SCHEMAS: &str = "/components/schemas";
    let breaks: [(&str, Break); 12] = [
        ("path", |d| remove(d, "/paths", "/api/calls/ai/outbound")),
        ("status", |d| remove(d, &format!("{POST}/responses"), "429")),
        ("security", |d| remove(d, POST, "security")),
        ("operation id", |d| remove(d, POST, "operationId")),
        ("body schema", |d| remove(d, &format!("{POST}/requestBody/content"), "application/json")),
        ("field", |d| {
            remove(d, &format!("{SCHEMAS}/CallsInitiateOutboundAiCallRequest/properties"), "callReason")
        }),
        ("type", |d| {
            set(d, &format!("{SCHEMAS}/CallsOutboundAiCallResponse/properties/deduplicated/type"), "string")
        }),
        ("enum", |d| remove(d, &format!("{SCHEMAS}/CallsOutboundAiCallResponse/properties/success"), "enum")),
        ("required", |d| remove(d, &format!("{SCHEMAS}/CallsOutboundAiCallResponse"), "required")),
        ("open", |d| remove(d, &format!("{SCHEMAS}/CallsErrorResponse"), "additionalProperties")),
        ("alternatives", |d| remove(d, &format!("{SCHEMAS}/CallsErrorResponse/properties/error"), "oneOf")),
        ("scheme", |d| remove(d, "/components/securitySchemes/bearerAuth", "bearerFormat")),
    ];
    for (what, break_it) in breaks {
        let mut document = ours();
        break_it(&mut document);
        assert!(!missing(&contract(), &document).is_empty(), "{what}");
    }
}

#[test]
fn the_route_has_only_the_statuses_of_the_contract() {
    let document = ours();
    let statuses = document.pointer("/paths/~1api~1calls~1ai~1outbound/post/responses").expect("responses");
    let statuses: Vec<_> = statuses.as_object().expect("an object").keys().collect();
    assert_eq!(statuses, ["200", "400", "401", "404", "429", "500"]);
}

fn object<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Map<String, Value> {
    document.pointer_mut(pointer).and_then(Value::as_object_mut).expect("an object at the pointer")
}

fn remove(document: &mut Value, pointer: &str, key: &str) {
    object(document, pointer).remove(key).expect("the removed key existed");
}

fn set(document: &mut Value, pointer: &str, value: &str) {
    *document.pointer_mut(pointer).expect("a value at the pointer") = value.into();
}

/// What the contract has and the document lacks, each with its path.
fn missing(contract: &Value, document: &Value) -> Vec<String> {
    let mut comparison = Comparison { contract, document, missing: Vec::new() };
    for part in ["paths", "components"] {
        comparison.compare(part, &contract[part], &document[part]);
    }
    comparison.missing
}

struct Comparison<'a> {
    contract: &'a Value,
    document: &'a Value,
    missing: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn compare(&mut self, at: &str, theirs: &'a Value, ours: &'a Value) {
        let (theirs, ours) = (resolve(self.contract, theirs), resolve(self.document, ours));
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => self.compare_objects(at, theirs, ours),
            (Value::Array(theirs), Value::Array(ours)) => self.compare_lists(at, theirs, ours),
            // OpenAPI 3.1 may list several types, with null, where 3.0 has one type.
            (Value::String(kind), Value::Array(kinds)) if at.ends_with("/type") => {
                if !kinds.iter().any(|ours| ours == kind) {
                    self.miss(at, theirs);
                }
            }
            _ if theirs == ours => {}
            _ => self.miss(at, theirs),
        }
    }

    fn compare_objects(&mut self, at: &str, theirs: &'a Map<String, Value>, ours: &'a Map<String, Value>) {
        for (key, theirs) in theirs {
            // Descriptions may differ; the summary of the operation may not.
            if key == "description" && theirs.is_string() {
                continue;
            }
            // 3.0 has one `example`, 3.1 may have `examples`, and ours show more fields.
            if key == "example" {
                if !ours.contains_key("example") && !ours.contains_key("examples") {
                    self.miss(&format!("{at}/{key}"), theirs);
                }
                continue;
            }
            match ours.get(key) {
                Some(ours) => self.compare(&format!("{at}/{key}"), theirs, ours),
                None => self.miss(&format!("{at}/{key}"), theirs),
            }
        }
    }

    /// Each entry of the contract must be in the document, in any order.
    fn compare_lists(&mut self, at: &str, theirs: &'a [Value], ours: &'a [Value]) {
        for (n, theirs) in theirs.iter().enumerate() {
            let is_contained = ours.iter().any(|ours| {
                let mut inner = Comparison { missing: Vec::new(), ..*self };
                inner.compare(at, theirs, ours);
                inner.missing.is_empty()
            });
            if !is_contained {
                self.miss(&format!("{at}/{n}"), theirs);
            }
        }
    }

    fn miss(&mut self, at: &str, theirs: &Value) {
        self.missing.push(format!("{at}: {theirs}"));
    }
}

/// Follows a reference.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).expect("the target of the reference")
        }
        None => value,
    }
}

//! The OpenAPI document carries everything that the contract has, and the committed copy is the generated one.

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
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.yaml");
    let generated = adapter_http::openapi_yaml();
    if fs::read_to_string(&path).unwrap_or_default() != generated {
        fs::write(&path, generated).expect("docs/ can be written");
        panic!(
            "docs/openapi.yaml was not what the code says; it has been rewritten: look at it and commit it"
        );
    }
}

#[test]
fn the_document_carries_everything_that_the_contract_has() {
    let missing = missing(&contract(), &ours());
    assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
}

#[test]
fn the_comparison_sees_what_is_missing() {
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
fn the_document_bears_no_name_that_the_contract_does_not_give_to_the_route() {
    let document = ours();
    let statuses = document.pointer("/paths/~1api~1calls~1ai~1outbound/post/responses").expect("responses");
    let statuses: Vec<_> = statuses.as_object().expect("an object").keys().collect();
    assert_eq!(statuses, ["200", "400", "401", "404", "429", "500"]);
}

fn object<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Map<String, Value> {
    document.pointer_mut(pointer).and_then(Value::as_object_mut).expect("an object is there")
}

fn remove(document: &mut Value, pointer: &str, key: &str) {
    object(document, pointer).remove(key).expect("it was there");
}

fn set(document: &mut Value, pointer: &str, value: &str) {
    *document.pointer_mut(pointer).expect("it is there") = value.into();
}

/// Everything of the contract that the document lacks, by where it is.
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
            // A schema of 3.1 may list several types, null among them, where one of 3.0 has a single one.
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
            // Prose is ours to write, save for the operation's summary.
            if key == "description" && theirs.is_string() {
                continue;
            }
            // 3.0's `example` is one of 3.1's `examples`, and shows our fields too.
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

    /// Each entry of theirs must be an entry of ours, in any order.
    fn compare_lists(&mut self, at: &str, theirs: &'a [Value], ours: &'a [Value]) {
        for (n, theirs) in theirs.iter().enumerate() {
            let carried = ours.iter().any(|ours| {
                let mut inner = Comparison { missing: Vec::new(), ..*self };
                inner.compare(at, theirs, ours);
                inner.missing.is_empty()
            });
            if !carried {
                self.miss(&format!("{at}/{n}"), theirs);
            }
        }
    }

    fn miss(&mut self, at: &str, theirs: &Value) {
        self.missing.push(format!("{at}: {theirs}"));
    }
}

/// What a reference refers to.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere")
        }
        None => value,
    }
}

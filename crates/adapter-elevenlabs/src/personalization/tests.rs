//! Which questions are read, and in which form the reply is written.

use domain::PersonName;
use serde_json::{Value, json};

use super::*;

const CALLER: &str = "+14165550110";
const CALLED: &str = "+14165550100";

fn question(body: &Value) -> PersonalizationQuestion {
    read(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn documented() -> Value {
    json!({ "conversation_id": "conv_9", "caller_id": CALLER, "called_id": CALLED, "agent_id": "agent_1" })
}

fn personalization(name: Option<&str>) -> Personalization {
    Personalization {
        caller_name: name.map(|name| PersonName::parse(name).expect("a name")),
        caller_number: PhoneNumber::parse(CALLER).expect("a number"),
        organization_name: PersonName::parse("Analytical Insurance").expect("a name"),
    }
}

fn replied(body: &Value, personalization: Option<&Personalization>) -> Value {
    let reply = reply(&question(body), personalization);
    assert_eq!(reply.media_type, "application/json");
    serde_json::from_slice(&reply.body).expect("JSON")
}

#[test]
fn every_field_of_a_question_is_read() {
    let number = |text| PhoneNumber::parse(text).ok();
    let call = InboundCall {
        conversation_id: ConversationId::parse("conv_9").ok(),
        caller: number(CALLER),
        called: number(CALLED),
        provider_agent_id: ProviderAgentId::parse("agent_1").ok(),
    };
    assert_eq!(question(&documented()).call, call);
    let own_form =
        json!({ "caller_id": CALLER, "called_number": CALLED, "agent_id": "agent_1", "call_sid": "sid_1" });
    assert_eq!(question(&own_form).call, InboundCall { conversation_id: None, ..call });
}

#[test]
fn the_fields_of_the_question_decide_the_form_of_the_reply() {
    let cases = [
        (documented(), FLAT),
        (json!({ "conversation_id": "c", "called_id": CALLED, "called_number": CALLED }), FLAT),
        (json!({ "conversation_id": "c", "called_id": CALLED, "call_sid": "s" }), FLAT),
        (json!({ "conversation_id": "c", "called_number": CALLED }), INITIATION_DATA),
        (json!({ "called_id": null, "called_number": CALLED }), INITIATION_DATA),
        (json!({ "called_id": "", "call_sid": "s" }), INITIATION_DATA),
        (json!({ "conversation_id": 7, "called_number": CALLED }), INITIATION_DATA),
        (json!({ "conversation_id": "c", "caller_id": CALLER, "x": [{}] }), FLAT),
    ];
    for (body, expected) in cases {
        assert_eq!(question(&body).reply_form, expected, "{body}");
    }
}

#[test]
fn a_number_that_is_none_counts_as_absent() {
    for number in [json!("anonymous"), json!(""), json!(null), json!(14_165_550_110_u64), json!({})] {
        let body = json!({ "conversation_id": "c", "caller_id": number, "called_id": CALLED });
        assert_eq!(question(&body).call.caller, None, "{body}");
    }
}

#[test]
fn a_question_that_cannot_be_replied_to_is_refused() {
    for id in [json!(null), json!(""), json!(7), json!("a\nb"), json!("x".repeat(129))] {
        let mut body = documented();
        body["conversation_id"] = id;
        let error = read(body.to_string().as_bytes()).expect_err("no conversation");
        assert_eq!(error.field, Some("conversation_id"), "{body}");
    }
    for body in ["", "[]", "null", "{", r#"["conv_9"]"#, r#"{"caller_id":"1","caller_id":"2"}"#] {
        assert_eq!(read(body.as_bytes()).expect_err("not an object").field, None, "{body}");
    }
}

#[test]
fn a_reply_has_all_variables_or_none() {
    let own_form = json!({ "called_number": CALLED });
    let variables =
        json!({ "caller_name": "Ada", "caller_number": CALLER, "org_name": "Analytical Insurance" });
    let wrapped = |variables: &Value| json!({ "type": INITIATION_DATA, "dynamic_variables": variables });
    let ada = personalization(Some("Ada"));
    assert_eq!(replied(&documented(), Some(&ada)), variables);
    assert_eq!(replied(&own_form, Some(&ada)), wrapped(&variables));
    assert_eq!(replied(&documented(), None), json!({}));
    assert_eq!(replied(&own_form, None), wrapped(&json!({})));
    assert_eq!(replied(&documented(), Some(&personalization(None)))["caller_name"], "");
}

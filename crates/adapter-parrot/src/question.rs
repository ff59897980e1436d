use domain::ports::{PersonalizationQuestion, ProviderReply, UnreadableQuestion};
use domain::{ConversationId, InboundCall, PersonName, Personalization, PhoneNumber, ProviderAgentId};
use provider_client::with_whole_characters;
use serde_json::{Map, Value, json};

/// `{"call"?, "caller"?, "called"?, "agent"?}`. A field that cannot be read is ignored: the
/// phone rings meanwhile.
pub(crate) fn read(body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion> {
    let unreadable = UnreadableQuestion { field: None, message: "the body is not a JSON object" };
    let question = serde_json::from_slice(&with_whole_characters(body));
    let question: Map<String, Value> = question.map_err(|_| unreadable)?;
    let text = |field: &str| question.get(field).and_then(Value::as_str);
    let call = InboundCall {
        conversation_id: text("call").and_then(|id| ConversationId::parse(id).ok()),
        caller: text("caller").and_then(|number| PhoneNumber::parse(number).ok()),
        called: text("called").and_then(|number| PhoneNumber::parse(number).ok()),
        provider_agent_id: text("agent").and_then(|id| ProviderAgentId::parse(id).ok()),
    };
    // Parrot knows one form of a reply.
    Ok(PersonalizationQuestion { call, reply_form: "variables" })
}

pub(crate) fn reply(personalization: Option<&Personalization>) -> ProviderReply {
    let reply = match personalization {
        None => json!({}),
        Some(caller) => json!({
            "caller_name": caller.caller_name.as_ref().map_or("", PersonName::as_str),
            "caller_number": caller.caller_number.as_e164(),
            "org_name": caller.organization_name.as_str(),
        }),
    };
    ProviderReply { media_type: "application/json", body: reply.to_string().into_bytes() }
}

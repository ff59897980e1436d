//! The question who is calling, and the reply to it.
//!
//! The provider asks before its agent answers, and its documentation shows two forms. A question
//! with `called_id` gets the dynamic variables as a flat object. A question in the provider's own
//! form, with `called_number` or `call_sid` and without `called_id`, gets them inside
//! `conversation_initiation_client_data`, and may lack a `conversation_id`.

use domain::ports::{PersonalizationQuestion, ProviderReply, UnreadableQuestion};
use domain::{ConversationId, InboundCall, Personalization, PhoneNumber, ProviderAgentId};
use provider_client::with_whole_characters;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// The reply is the variables themselves.
const FLAT: &str = "flat";
/// The reply is `conversation_initiation_client_data` around the variables.
const INITIATION_DATA: &str = "conversation_initiation_client_data";

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    conversation_id: Field,
    #[serde(default)]
    caller_id: Field,
    #[serde(default)]
    called_id: Field,
    #[serde(default)]
    called_number: Field,
    #[serde(default)]
    agent_id: Field,
    #[serde(default)]
    call_sid: Field,
}

/// A field whose value is text, or is ignored.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    #[default]
    Absent,
    Other(IgnoredAny),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply<'a> {
    Flat(Variables<'a>),
    InitiationData {
        #[serde(rename = "type")]
        kind: &'static str,
        dynamic_variables: Variables<'a>,
    },
}

/// Either none of them or all three.
#[derive(Default, Serialize)]
struct Variables<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    caller_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_name: Option<&'a str>,
}

pub(crate) fn read(body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion> {
    let unreadable = |message| UnreadableQuestion { field: None, message };
    // The derived reader would accept an array of the fields in order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(unreadable("the body is not a JSON object"));
    }
    let question: Question = serde_json::from_slice(&with_whole_characters(body))
        .map_err(|_| unreadable("the body is not valid JSON"))?;
    let reply_form = question.reply_form();
    let conversation_id = question.conversation_id.given().and_then(|id| ConversationId::parse(id).ok());
    if conversation_id.is_none() && reply_form == FLAT {
        let message = "must be the ID of a conversation";
        return Err(UnreadableQuestion { field: Some("conversation_id"), message });
    }
    let number = |field: &Field| field.given().and_then(|text| PhoneNumber::parse(text).ok());
    let call = InboundCall {
        conversation_id,
        caller: number(&question.caller_id),
        called: number(&question.called_id).or_else(|| number(&question.called_number)),
        provider_agent_id: question.agent_id.given().and_then(|id| ProviderAgentId::parse(id).ok()),
    };
    Ok(PersonalizationQuestion { call, reply_form })
}

pub(crate) fn reply(
    question: &PersonalizationQuestion,
    personalization: Option<&Personalization>,
) -> ProviderReply {
    let variables = personalization.map(Variables::from).unwrap_or_default();
    let reply = match question.reply_form {
        INITIATION_DATA => Reply::InitiationData { kind: INITIATION_DATA, dynamic_variables: variables },
        _ => Reply::Flat(variables),
    };
    let body = serde_json::to_vec(&reply).expect("text fields always serialize to JSON");
    ProviderReply { media_type: "application/json", body }
}

impl Question {
    fn reply_form(&self) -> &'static str {
        let has = |field: &Field| field.given().is_some();
        let own_form = !has(&self.called_id) && (has(&self.called_number) || has(&self.call_sid));
        if own_form { INITIATION_DATA } else { FLAT }
    }
}

impl Field {
    /// The text, unless it is empty.
    fn given(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            Self::Absent | Self::Other(_) => None,
        }
    }
}

impl<'a> From<&'a Personalization> for Variables<'a> {
    fn from(personalization: &'a Personalization) -> Self {
        Self {
            // Empty where the contact has no name.
            caller_name: Some(personalization.caller_name.as_ref().map_or("", |name| name.as_str())),
            caller_number: Some(personalization.caller_number.as_e164()),
            org_name: Some(personalization.organization_name.as_str()),
        }
    }
}

#[cfg(test)]
mod tests;

//! The agents and phone numbers.

use actix_web::{Error, HttpResponse, web};
use serde_json::{Value, json};

use super::errors;
use super::paging::{Page, Query};
use crate::state::State;

pub const DEMO_AGENT_ID: &str = "agent_01dem00agent0sandb0x00000001";
/// The provider's id of [`DEMO_CALLER_NUMBER`].
pub const DEMO_PHONE_NUMBER_ID: &str = "phnum_01dem00phnum0sandb0x00000001";
/// The caller number of the demo. E.164, fictional.
pub const DEMO_CALLER_NUMBER: &str = "+14165550100";

const SECOND_AGENT_ID: &str = "agent_01dem00agent0sandb0x00000002";
/// A number that cannot make outbound calls.
const INBOUND_PHONE_NUMBER_ID: &str = "phnum_01dem00phnum0sandb0x00000002";
const INBOUND_NUMBER: &str = "+14165550101";

/// The agents that are listed.
pub(crate) const AGENT_IDS: [&str; 2] = [DEMO_AGENT_ID, SECOND_AGENT_ID];
/// The phone numbers that are listed.
pub(crate) const PHONE_NUMBER_IDS: [&str; 2] = [DEMO_PHONE_NUMBER_ID, INBOUND_PHONE_NUMBER_ID];

const CREATED_AT_UNIX_SECS: u64 = 1_760_000_000;

pub(crate) async fn list_agents(query: Query) -> Result<HttpResponse, Error> {
    let page = Page::parse(&query)?;
    let agents = AGENT_IDS;
    let start = page.cursor.map_or(0, |cursor| cursor as usize).min(agents.len());
    let end = agents.len().min(start + page.size);
    let has_more = end < agents.len();
    let listed: Vec<Value> = agents[start..end]
        .iter()
        .map(|id| {
            json!({ "agent_id": id, "name": agent_name(id), "tags": [], "archived": false,
                "created_at_unix_secs": CREATED_AT_UNIX_SECS, "access_info": null,
                "last_call_time_unix_secs": null })
        })
        .collect();
    let next_cursor = has_more.then(|| Page::cursor_at(end as u64));
    Ok(HttpResponse::Ok().json(json!({ "agents": listed, "next_cursor": next_cursor, "has_more": has_more })))
}

pub(crate) async fn find_agent(state: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    if !state.has(&AGENT_IDS, &id) {
        return errors::no_such_agent();
    }
    HttpResponse::Ok().json(json!({
        "agent_id": id.as_str(),
        "name": agent_name(&id),
        "conversation_config": {
            "agent": {
                "first_message": "Hello, this is a call from {{org_name}}.",
                "language": "en",
                "dynamic_variables": { "dynamic_variable_placeholders": {} },
                "prompt": { "prompt": "You are a friendly assistant on the phone.", "llm": "gemini-2.5-flash",
                    "temperature": 0.0, "tool_ids": [] },
            },
            "tts": { "voice_id": "cjVigY5qzO86Huf0OWal", "model_id": "eleven_flash_v2" },
            "conversation": { "max_duration_seconds": 600 },
        },
        "metadata": { "created_at_unix_secs": CREATED_AT_UNIX_SECS,
            "updated_at_unix_secs": CREATED_AT_UNIX_SECS },
        "platform_settings": {},
        "phone_numbers": [],
        "tags": [],
    }))
}

pub(crate) async fn list_phone_numbers() -> HttpResponse {
    HttpResponse::Ok().json(PHONE_NUMBER_IDS.map(phone_number))
}

pub(crate) async fn find_phone_number(state: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    if !state.has(&PHONE_NUMBER_IDS, &id) {
        return errors::no_such_phone_number();
    }
    HttpResponse::Ok().json(phone_number(&id))
}

pub(crate) fn agent_name(id: &str) -> &'static str {
    if id == SECOND_AGENT_ID { "Second agent" } else { "Demo agent" }
}

pub(crate) fn number_of(id: &str) -> &'static str {
    if id == INBOUND_PHONE_NUMBER_ID { INBOUND_NUMBER } else { DEMO_CALLER_NUMBER }
}

fn phone_number(id: &str) -> Value {
    let supports_outbound = id != INBOUND_PHONE_NUMBER_ID;
    let outbound_trunk = supports_outbound.then(|| {
        json!({ "address": "trunk.sandbox.invalid", "transport": "tcp", "media_encryption": "allowed",
            "headers": {}, "attributes_to_headers": {}, "has_auth_credentials": true, "username": "sandbox",
            "has_outbound_trunk": true })
    });
    json!({
        "phone_number": number_of(id),
        "label": if supports_outbound { "Demo line" } else { "Inbound only" },
        "phone_number_id": id,
        "provider": "sip_trunk",
        "supports_inbound": true,
        "supports_outbound": supports_outbound,
        "assigned_agent": null,
        "outbound_trunk": &outbound_trunk,
        "inbound_trunk": null,
        "provider_config": &outbound_trunk,
        "livekit_stack": "standard",
        "store_sip_messages": true,
    })
}

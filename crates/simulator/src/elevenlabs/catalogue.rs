//! The agents and phone numbers.

use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::demo::{DEMO_CALLER_NUMBER, agent_name, number_label};
use super::errors;
use super::paging::{Page, Query};
use super::workspace::key_of;
use crate::account::{AccountNumber, DEMO_TRUNK_HOST};
use crate::state::State;

const CREATED_AT_UNIX_SECS: u64 = 1_760_000_000;

pub(crate) async fn list_agents(
    state: web::Data<State>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, Error> {
    let page = Page::parse(&query)?;
    let accounts = state.accounts();
    let cursor = page.cursor.unwrap_or(0);
    if let Some(failure) = accounts.failure(cursor, key_of(&request)) {
        return Ok(failure);
    }
    let agents = &accounts.account.agents;
    let start = (accounts.page(cursor) as usize).min(agents.len());
    let end = agents.len().min(start + page.size);
    let has_more = end < agents.len();
    let listed: Vec<Value> = agents[start..end]
        .iter()
        .map(|(id, name)| {
            json!({ "agent_id": id, "name": name, "tags": [], "archived": false,
                "created_at_unix_secs": CREATED_AT_UNIX_SECS, "access_info": null,
                "last_call_time_unix_secs": null })
        })
        .collect();
    let next_cursor = has_more.then(|| Page::cursor_at(end as u64));
    Ok(HttpResponse::Ok().json(json!({ "agents": listed, "next_cursor": next_cursor, "has_more": has_more })))
}

pub(crate) async fn find_agent(state: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    if !state.has_agent(&id) {
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

pub(crate) async fn list_phone_numbers(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let accounts = state.accounts();
    if let Some(failure) = accounts.failure(0, key_of(&request)) {
        return failure;
    }
    HttpResponse::Ok().json(accounts.account.numbers.iter().map(phone_number).collect::<Vec<_>>())
}

pub(crate) async fn find_phone_number(state: web::Data<State>, id: web::Path<String>) -> HttpResponse {
    let accounts = state.accounts();
    let listed = accounts.account.numbers.iter().find(|number| number.id == *id);
    if let Some(number) = listed {
        return HttpResponse::Ok().json(phone_number(number));
    }
    drop(accounts);
    if !state.has_phone_number(&id) {
        return errors::no_such_phone_number();
    }
    let phone_number = DEMO_CALLER_NUMBER.to_owned();
    let trunk_host = Some(DEMO_TRUNK_HOST.to_owned());
    HttpResponse::Ok().json(self::phone_number(&AccountNumber {
        id: id.into_inner(),
        phone_number,
        trunk_host,
    }))
}

fn phone_number(number: &AccountNumber) -> Value {
    let AccountNumber { id, phone_number, trunk_host } = number;
    let outbound_trunk = trunk_host.as_ref().map(|host| {
        json!({ "address": host, "transport": "tcp", "media_encryption": "allowed",
            "headers": {}, "attributes_to_headers": {}, "has_auth_credentials": true, "username": "sandbox",
            "has_outbound_trunk": true })
    });
    json!({
        "phone_number": phone_number,
        "label": number_label(id),
        "phone_number_id": id,
        "provider": "sip_trunk",
        "supports_inbound": true,
        "supports_outbound": trunk_host.is_some(),
        "assigned_agent": null,
        "outbound_trunk": &outbound_trunk,
        "inbound_trunk": null,
        "provider_config": &outbound_trunk,
        "livekit_stack": "standard",
        "store_sip_messages": true,
    })
}

//! The agents.

use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::demo::agent_name;
use super::errors;
use super::paging::{Page, Query};
use super::workspace::key_of;
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

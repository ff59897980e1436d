//! The phone numbers.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::demo::{DEMO_CALLER_NUMBER, agent_name, number_label};
use super::errors;
use super::workspace::key_of;
use crate::account::{AccountFault, AccountNumber, Accounts, DEMO_TRUNK_HOST};
use crate::ids;
use crate::state::State;

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
        agent_id: None,
        trunk_login: None,
    }))
}

/// Imports a number of a SIP trunk.
pub(crate) async fn import_phone_number(
    state: web::Data<State>,
    request: HttpRequest,
    body: web::Json<Value>,
) -> HttpResponse {
    let mut accounts = state.accounts();
    if let Some(failure) = accounts.failure(0, key_of(&request)) {
        return failure;
    }
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    let (Some(phone_number), Some(_), Some("sip_trunk")) =
        (text("phone_number"), text("label"), body["provider"].as_str())
    else {
        let missing = json!({ "loc": ["body"], "msg": "Field required", "type": "missing" });
        return errors::invalid(vec![missing]);
    };
    if accounts.account.numbers.iter().any(|number| number.phone_number == phone_number) {
        return errors::detail(
            409,
            "resource_already_exists",
            &format!("Phone number {phone_number} already exists."),
        );
    }
    let agent_id = text("agent_id");
    if agent_id.as_ref().is_some_and(|id| !has_agent(&accounts, id)) {
        return errors::no_such_agent();
    }
    let trunk = &body["outbound_trunk_config"];
    let login = |key: &str| trunk["credentials"][key].as_str().map(str::to_owned);
    let number = AccountNumber {
        id: ids::prefixed("phnum_"),
        phone_number,
        trunk_host: trunk["address"].as_str().map(str::to_owned),
        agent_id,
        trunk_login: login("username").zip(login("password")),
    };
    let imported = json!({ "phone_number_id": number.id });
    accounts.account.numbers.push(number);
    changed(&accounts, imported)
}

/// Gives a number another agent.
pub(crate) async fn change_phone_number(
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<Value>,
) -> HttpResponse {
    let mut accounts = state.accounts();
    if let Some(failure) = accounts.failure(0, key_of(&request)) {
        return failure;
    }
    let agent_id = body["agent_id"].as_str();
    if agent_id.is_some_and(|id| !has_agent(&accounts, id)) {
        return errors::no_such_agent();
    }
    let Some(number) = accounts.account.numbers.iter_mut().find(|number| number.id == *id) else {
        return errors::no_such_phone_number();
    };
    number.agent_id = agent_id.map(str::to_owned);
    let shown = phone_number(number);
    changed(&accounts, shown)
}

pub(crate) async fn remove_phone_number(
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<String>,
) -> HttpResponse {
    let mut accounts = state.accounts();
    if let Some(failure) = accounts.failure(0, key_of(&request)) {
        return failure;
    }
    let before = accounts.account.numbers.len();
    accounts.account.numbers.retain(|number| number.id != *id);
    if accounts.account.numbers.len() == before {
        return errors::no_such_phone_number();
    }
    changed(&accounts, json!({}))
}

fn has_agent(accounts: &Accounts, id: &str) -> bool {
    accounts.account.agents.iter().any(|(listed, _)| listed == id)
}

/// The response to a change that was made.
fn changed(accounts: &Accounts, body: Value) -> HttpResponse {
    match accounts.fault {
        Some(AccountFault::ChangesUnclear) => errors::detail(500, "internal_error", "Something went wrong."),
        _ => HttpResponse::Ok().json(body),
    }
}

fn phone_number(number: &AccountNumber) -> Value {
    let AccountNumber { id, phone_number, trunk_host, agent_id, trunk_login } = number;
    let username = trunk_login.as_ref().map_or("sandbox", |(username, _)| username);
    let agent = agent_id.as_ref().map(|id| json!({ "agent_id": id, "agent_name": agent_name(id) }));
    let outbound_trunk = trunk_host.as_ref().map(|host| {
        json!({ "address": host, "transport": "tcp", "media_encryption": "allowed",
            "headers": {}, "attributes_to_headers": {}, "has_auth_credentials": true, "username": username,
            "has_outbound_trunk": true })
    });
    json!({
        "phone_number": phone_number,
        "label": number_label(id),
        "phone_number_id": id,
        "provider": "sip_trunk",
        "supports_inbound": true,
        "supports_outbound": trunk_host.is_some(),
        "assigned_agent": agent,
        "outbound_trunk": &outbound_trunk,
        "inbound_trunk": null,
        "provider_config": &outbound_trunk,
        "livekit_stack": "standard",
        "store_sip_messages": true,
    })
}

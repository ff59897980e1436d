//! Sinch's API of SIP trunks: tokens, a trunk and its phone numbers. A token is issued for any key id
//! with the simulator's key as the secret.

use std::collections::HashMap;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::account::{AccountFault, DEMO_TRUNK_ID};
use crate::ids;
use crate::responses::respond;
use crate::state::State;

const OTHER_TRUNK_ID: &str = "01DEM00TRUNK0SANDB0X000002";
const CREATED_AT: &str = "2024-06-06T14:42:42.820177628Z";
const DEFAULT_PAGE_LEN: usize = 100;

pub(crate) fn configure(service: &mut web::ServiceConfig) {
    service
        .service(web::resource("/oauth2/token").route(web::post().to(issue_token)))
        .service(web::resource("/v1/projects/{project}/trunks/{id}").route(web::get().to(find_trunk)))
        .service(web::resource("/v1/projects/{project}/phoneNumbers").route(web::get().to(list_numbers)));
}

async fn issue_token(state: web::Data<State>, request: HttpRequest, body: String) -> HttpResponse {
    let login = header(&request).strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    let login = login.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let secret = login.split_once(':').map(|(_, secret)| secret).unwrap_or_default();
    let mut accounts = state.accounts();
    if let Some(AccountFault::TokensLimited(count)) = accounts.fault {
        accounts.fault = (count > 1).then_some(AccountFault::TokensLimited(count - 1));
        return respond(429).json(json!({ "error": "rate_limited" }));
    }
    let is_refused = state.api_key.as_deref().is_some_and(|expected| expected != secret);
    if secret.is_empty() || is_refused || accounts.fault == Some(AccountFault::KeyRefused) {
        let description = format!("wrong client: {secret}");
        return respond(401).json(json!({ "error": "invalid_client", "error_description": description }));
    }
    if body != "grant_type=client_credentials" {
        return respond(400).json(json!({ "error": "unsupported_grant_type" }));
    }
    if accounts.fault == Some(AccountFault::ServerError) {
        return respond(500).body(secret.to_owned());
    }
    let token = ids::prefixed("token_");
    accounts.tokens.push(token.clone());
    HttpResponse::Ok().json(json!({
        "access_token": token, "token_type": "bearer", "expires_in": 3600, "scope": "",
    }))
}

async fn find_trunk(
    state: web::Data<State>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    if let Some(refusal) = refuse(&state, &request, 0) {
        return refusal;
    }
    let (project, id) = path.into_inner();
    if id != DEMO_TRUNK_ID {
        return problem(404, "Not found");
    }
    let accounts = state.accounts();
    let host = &accounts.account.trunk_host;
    let (name, top_level) = host.split_once('.').unwrap_or((host.as_str(), ""));
    HttpResponse::Ok().json(json!({
        "id": id, "name": "Demo trunk", "hostName": name, "topLevelDomain": top_level, "domain": host,
        "callsPerSecond": accounts.account.calls_per_second, "enableCallerName": false,
        "createTime": CREATED_AT, "updateTime": null, "projectId": project,
    }))
}

async fn list_numbers(
    state: web::Data<State>,
    request: HttpRequest,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let number = |name: &str, default| match query.get(name) {
        Some(text) => text.parse::<usize>().ok().filter(|number| *number > 0),
        None => Some(default),
    };
    let (Some(page), Some(size)) = (number("page", 1), number("size", DEFAULT_PAGE_LEN)) else {
        return problem(400, "page and size must be numbers from 1");
    };
    if let Some(refusal) = refuse(&state, &request, page as u64 - 1) {
        return refusal;
    }
    let accounts = state.accounts();
    let trunk = query.get("sipTrunkId").filter(|_| accounts.fault != Some(AccountFault::FilterIgnored));
    let all = accounts
        .account
        .carrier_numbers
        .iter()
        .map(|(number, is_on_trunk)| (number, if *is_on_trunk { DEMO_TRUNK_ID } else { OTHER_TRUNK_ID }));
    let listed: Vec<Value> = all
        .filter(|(_, id)| trunk.is_none_or(|trunk| trunk == id))
        .enumerate()
        .map(|(index, (number, id))| {
            json!({ "id": format!("number-{index}"), "sipTrunkId": id, "phoneNumber": number,
                "countryCode": "US", "createTime": CREATED_AT, "updateTime": null })
        })
        .collect();
    let total = listed.len();
    let start = accounts.page(page as u64 - 1) as usize * size;
    let shown: Vec<_> = listed.into_iter().skip(start).take(size).collect();
    HttpResponse::Ok().json(json!({
        "totalItems": total, "pageNumber": page, "pageSize": size, "phoneNumbers": shown,
    }))
}

fn refuse(state: &State, request: &HttpRequest, page: u64) -> Option<HttpResponse> {
    let given = header(request).strip_prefix("Bearer ").unwrap_or_default();
    let accounts = state.accounts();
    if !accounts.tokens.iter().any(|token| token == given) {
        let mut response = problem(401, "Unauthorized");
        let reason = actix_web::http::header::HeaderValue::from_static("Bearer error=\"expired\"");
        response.headers_mut().insert(actix_web::http::header::WWW_AUTHENTICATE, reason);
        return Some(response);
    }
    accounts.failure(page, given)
}

fn header(request: &HttpRequest) -> &str {
    request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn problem(status: u16, title: &str) -> HttpResponse {
    let kind = "https://developers.sinch.com/docs/errors/registry/problem";
    respond(status).json(json!({ "type": kind, "title": title, "detail": title }))
}

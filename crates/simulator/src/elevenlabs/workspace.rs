//! The webhooks of the workspace, and the setting that chooses the one which receives events.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::errors;
use crate::account::{RegisteredWebhook, WebhookCondition};
use crate::ids;
use crate::state::State;
use crate::webhooks::WebhookSettings;

/// The key that a request has.
pub(crate) fn key_of(request: &HttpRequest) -> &str {
    request.headers().get("xi-api-key").and_then(|key| key.to_str().ok()).unwrap_or_default()
}

pub(crate) async fn list_webhooks(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let accounts = state.accounts();
    if let Some(failure) = accounts.failure(0, key_of(&request)) {
        return failure;
    }
    let listed: Vec<Value> = accounts
        .webhooks
        .iter()
        .map(|it| {
            let WebhookCondition { is_disabled, auth_type, last_failure } = it.condition;
            json!({ "name": it.name, "webhook_id": it.id, "webhook_url": it.url,
                "is_disabled": is_disabled, "is_auto_disabled": false,
                "created_at_unix": 1_760_000_000, "auth_type": auth_type, "retry_enabled": it.retries,
                "most_recent_failure_error_code": last_failure.and_then(|(status, _)| status),
                "most_recent_failure_timestamp": last_failure.map(|(_, secs)| secs) })
        })
        .collect();
    HttpResponse::Ok().json(json!({ "webhooks": listed }))
}

pub(crate) async fn create_webhook(
    state: web::Data<State>,
    request: HttpRequest,
    body: web::Json<Value>,
) -> HttpResponse {
    let mut accounts = state.accounts();
    if let Some(failure) = accounts.failure(0, key_of(&request)) {
        return failure;
    }
    let text = |key: &str| body["settings"][key].as_str().map(str::to_owned);
    let (Some(name), Some(url), Some("hmac")) =
        (text("name"), text("webhook_url"), body["settings"]["auth_type"].as_str())
    else {
        let missing = json!({ "loc": ["body", "settings"], "msg": "Field required", "type": "missing" });
        return errors::invalid(vec![missing]);
    };
    let webhook = RegisteredWebhook {
        id: ids::prefixed("webhook_"),
        name,
        url,
        secret: ids::prefixed("wsec_"),
        condition: WebhookCondition::default(),
        retries: false,
    };
    let created = json!({ "webhook_id": webhook.id, "webhook_secret": webhook.secret });
    accounts.webhooks.push(webhook);
    HttpResponse::Ok().json(created)
}

pub(crate) async fn change_webhook(
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<Value>,
) -> HttpResponse {
    let mut accounts = state.accounts();
    if let Some(failure) = accounts.failure(0, key_of(&request)) {
        return failure;
    }
    let (Some(is_disabled), Some(name)) = (body["is_disabled"].as_bool(), body["name"].as_str()) else {
        let missing = json!({ "loc": ["body"], "msg": "Field required", "type": "missing" });
        return errors::invalid(vec![missing]);
    };
    let Some(webhook) = accounts.webhooks.iter_mut().find(|webhook| webhook.id == *id) else {
        return errors::detail(404, "webhook_not_found", "The webhook was not found.");
    };
    webhook.condition.is_disabled = is_disabled;
    webhook.name = name.to_owned();
    webhook.retries = body["retry_enabled"].as_bool().unwrap_or(webhook.retries);
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

pub(crate) async fn find_settings(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let accounts = state.accounts();
    accounts.failure(0, key_of(&request)).unwrap_or_else(|| settings(accounts.active_webhook.as_deref()))
}

/// The events of later calls are sent to the webhook that this chooses, if its URL is on the loopback
/// interface.
pub(crate) async fn change_settings(
    state: web::Data<State>,
    request: HttpRequest,
    body: web::Json<Value>,
) -> HttpResponse {
    let chosen = {
        let mut accounts = state.accounts();
        if let Some(failure) = accounts.failure(0, key_of(&request)) {
            return failure;
        }
        let id = body["webhooks"]["post_call_webhook_id"].as_str();
        let chosen = accounts.webhooks.iter().find(|webhook| Some(webhook.id.as_str()) == id);
        let Some(webhook) = chosen else {
            return errors::detail(404, "webhook_not_found", "The webhook was not found.");
        };
        let chosen = WebhookSettings { url: webhook.url.clone(), secret: webhook.secret.clone() };
        accounts.active_webhook = id.map(str::to_owned);
        chosen
    };
    if let Err(problem) = state.send_webhooks_to(Some(&chosen)) {
        tracing::debug!(problem, "the simulator sends no events to this webhook");
    }
    settings(body["webhooks"]["post_call_webhook_id"].as_str())
}

fn settings(active: Option<&str>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "conversation_initiation_client_data_webhook": null,
        "webhooks": { "post_call_webhook_id": active, "events": ["transcript"], "transcript_format": "json" },
    }))
}

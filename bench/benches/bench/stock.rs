//! A service as a team would write it with the usual crates and their defaults, without a ledger:
//! actix-web, sqlx, deadpool-redis and reqwest.

use std::time::Duration;

use actix_web::error::{ErrorBadGateway, ErrorInternalServerError, ErrorNotFound, ErrorUnauthorized};
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, Json};
use actix_web::{App, HttpRequest, HttpServer, web};
use anyhow::Result;
use deadpool_redis::redis;
use serde_json::{Value, json};
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::floor::{Accepted, CallRequest};
use super::provider;
use super::service::{
    CALLS, CONTEXT_SECS, DATABASE_CONNECTIONS, HOLD_MS, RESOLVE, ServiceSettings, Tokens, new_id,
};

struct Stock {
    tokens: Tokens,
    postgres: PgPool,
    redis: deadpool_redis::Pool,
    http: reqwest::Client,
    dial_url: String,
}

/// Organization, its name, the contact's name and number, agent, the provider's agent, caller
/// number, the provider's number.
type Parties = (String, String, Option<String>, String, String, String, String, String);

/// Serves until the process is killed.
pub(crate) async fn serve(settings: ServiceSettings) -> Result<()> {
    let database = format!("postgres://outdial@{}/{}", settings.postgres, settings.database);
    let redis = format!("redis://{}/{}", settings.redis, settings.redis_database);
    let redis = deadpool_redis::Config::from_url(redis).create_pool(Some(deadpool_redis::Runtime::Tokio1))?;
    let connections = u32::try_from(DATABASE_CONNECTIONS)?;
    let stock = Data::new(Stock {
        tokens: Tokens::new(),
        postgres: PgPoolOptions::new().max_connections(connections).connect(&database).await?,
        redis,
        http: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(90)).build()?,
        dial_url: format!("http://{}{}", settings.provider, provider::PATH),
    });
    let app = move || App::new().app_data(stock.clone()).route(CALLS, web::post().to(place));
    HttpServer::new(app).bind(settings.bind)?.run().await?;
    Ok(())
}

async fn place(
    stock: Data<Stock>,
    request: HttpRequest,
    body: Json<CallRequest>,
) -> actix_web::Result<Json<Value>> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let user = stock.tokens.user(authorization).ok_or_else(|| ErrorUnauthorized("no valid token"))?;
    let contact = &body.contact_id;
    let parties: Option<Parties> = sqlx::query_as(RESOLVE)
        .bind(&user)
        .bind(contact)
        .fetch_optional(&stock.postgres)
        .await
        .map_err(ErrorInternalServerError)?;
    let (_, organization, name, to, agent, provider_agent, _, provider_number) =
        parties.ok_or_else(|| ErrorNotFound("no such contact"))?;

    let (call, key) = (new_id(), format!("{user}:{contact}:{agent}:{to}"));
    let mut redis = stock.redis.get().await.map_err(ErrorInternalServerError)?;
    let is_locked: bool = redis::cmd("SET")
        .arg((&key, &call, "NX", "PX", HOLD_MS))
        .query_async(&mut redis)
        .await
        .map_err(ErrorInternalServerError)?;
    drop(redis);
    if !is_locked {
        return Err(ErrorInternalServerError("the intent is locked"));
    }

    let dial = json!({
        "agent_id": provider_agent,
        "agent_phone_number_id": provider_number,
        "to_number": to,
        "conversation_initiation_client_data": {
            "user_id": call,
            "dynamic_variables": { "caller_name": name, "caller_number": to, "org_name": organization },
        },
    });
    let sent = stock.http.post(&stock.dial_url).header("xi-api-key", "key").json(&dial).send().await;
    let accepted: Accepted = sent.map_err(ErrorBadGateway)?.json().await.map_err(ErrorBadGateway)?;
    if !accepted.success {
        return Err(ErrorBadGateway("the provider refused"));
    }

    let conversation = &accepted.conversation_id;
    let mut redis = stock.redis.get().await.map_err(ErrorInternalServerError)?;
    redis::pipe()
        .cmd("SET")
        .arg((&key, conversation, "PX", HOLD_MS))
        .cmd("SET")
        .arg((format!("context:{conversation}"), &call, "EX", CONTEXT_SECS))
        .exec_async(&mut redis)
        .await
        .map_err(ErrorInternalServerError)?;
    let response = json!({
        "success": true, "callId": call, "conversationId": conversation, "deduplicated": false,
    });
    Ok(Json(response))
}

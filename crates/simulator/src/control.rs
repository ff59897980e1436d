//! `/sim/…`: how tests script the simulator and read what it received. These endpoints need no key.

use std::collections::BTreeMap;

use actix_web::{Error, HttpResponse, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::magic_numbers::MAGIC_NUMBERS;
use crate::responses::refusal;
use crate::state::State;
use crate::webhooks::WebhookDelivery;

pub(crate) fn configure(service: &mut web::ServiceConfig) {
    service.service(
        web::scope("/sim")
            .service(
                web::resource("/behaviours")
                    .route(web::post().to(add_behaviour))
                    .route(web::delete().to(remove_behaviours)),
            )
            .service(
                web::resource("/dials")
                    .route(web::get().to(list_dials))
                    .route(web::delete().to(reset_dial_count)),
            )
            .service(
                web::resource("/requests")
                    .route(web::get().to(count_requests))
                    .route(web::delete().to(reset_request_count)),
            )
            .service(
                web::resource("/webhooks")
                    .route(web::get().to(list_deliveries))
                    .route(web::post().to(set_webhooks))
                    .route(web::delete().to(remove_webhooks)),
            )
            .service(web::resource("/magic-numbers").route(web::get().to(list_magic_numbers))),
    );
}

async fn add_behaviour(state: web::Data<State>, body: web::Bytes) -> Result<HttpResponse, Error> {
    let refused_for = state.add_script(parse(&body)?).map_err(bad_request)?;
    if refused_for.is_some() {
        state.listener.refuse(refused_for).await;
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn remove_behaviours(state: web::Data<State>) -> HttpResponse {
    *state.scripts() = Default::default();
    HttpResponse::NoContent().finish()
}

#[derive(Deserialize)]
struct DialFilter {
    to_number: Option<String>,
}

async fn list_dials(state: web::Data<State>, filter: web::Query<DialFilter>) -> HttpResponse {
    let calls = state.calls();
    // A `+` that is not escaped arrives as a space.
    let to_number = filter.into_inner().to_number.map(|number| number.replace(' ', "+"));
    let dials: Vec<_> = calls.dials(to_number.as_deref()).collect();
    let (total, by_number) = match to_number.as_deref() {
        None => (calls.total_dials(), calls.dials_by_number()),
        Some(number) => {
            let count = calls.dials_to(number);
            (count as u64, BTreeMap::from([(number, count)]))
        }
    };
    HttpResponse::Ok().json(json!({ "total": total, "by_number": by_number, "dials": dials }))
}

async fn reset_dial_count(state: web::Data<State>) -> HttpResponse {
    state.calls().reset_count();
    HttpResponse::NoContent().finish()
}

async fn count_requests(state: web::Data<State>) -> HttpResponse {
    let by_path = state.requests().clone();
    HttpResponse::Ok().json(json!({ "total": by_path.values().sum::<u64>(), "by_path": by_path }))
}

async fn reset_request_count(state: web::Data<State>) -> HttpResponse {
    state.requests().clear();
    HttpResponse::NoContent().finish()
}

async fn list_deliveries(state: web::Data<State>) -> HttpResponse {
    let webhooks = state.webhooks();
    let deliveries: Vec<&WebhookDelivery> = webhooks.deliveries().collect();
    HttpResponse::Ok().json(json!({ "url": webhooks.url(), "deliveries": deliveries }))
}

async fn set_webhooks(state: web::Data<State>, body: web::Bytes) -> Result<HttpResponse, Error> {
    state.send_webhooks_to(Some(&parse(&body)?)).map_err(bad_request)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn remove_webhooks(state: web::Data<State>) -> HttpResponse {
    state.webhooks().target = None;
    HttpResponse::NoContent().finish()
}

async fn list_magic_numbers() -> HttpResponse {
    let numbers: Vec<Value> = MAGIC_NUMBERS
        .iter()
        .map(|magic| {
            json!({ "number": magic.number, "name": magic.name, "description": magic.description,
                "behaviour": magic.behaviour() })
        })
        .collect();
    HttpResponse::Ok().json(numbers)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| bad_request(&error.to_string()))
}

fn bad_request(problem: &str) -> Error {
    refusal(HttpResponse::BadRequest().json(json!({ "error": problem })))
}

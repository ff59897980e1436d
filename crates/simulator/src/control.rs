//! `/sim/…`: how tests steer the simulator and count what it saw. No key is needed.

use crate::behaviours::ScriptedBehaviour;
use crate::magic_numbers::MAGIC_NUMBERS;
use crate::state::State;
use crate::webhooks::{WebhookDelivery, WebhookSettings};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// The routes.
pub(crate) fn configure(service: &mut web::ServiceConfig) {
    service.service(
        web::scope("/sim")
            .service(
                web::resource("/behaviours")
                    .route(web::post().to(add_behaviour))
                    .route(web::delete().to(forget_behaviours)),
            )
            .service(
                web::resource("/dials")
                    .route(web::get().to(list_dials))
                    .route(web::delete().to(count_dials_afresh)),
            )
            .service(
                web::resource("/requests")
                    .route(web::get().to(count_requests))
                    .route(web::delete().to(count_requests_afresh)),
            )
            .service(
                web::resource("/webhooks")
                    .route(web::get().to(list_deliveries))
                    .route(web::post().to(send_webhooks))
                    .route(web::delete().to(send_no_webhooks)),
            )
            .service(web::resource("/magic-numbers").route(web::get().to(list_magic_numbers))),
    );
}

async fn add_behaviour(state: web::Data<State>, body: web::Bytes) -> HttpResponse {
    let script: ScriptedBehaviour = match serde_json::from_slice(&body) {
        Ok(script) => script,
        Err(error) => return refuse(&error.to_string()),
    };
    match state.add_script(script) {
        Err(defect) => return refuse(defect),
        Ok(None) => {}
        Ok(Some(lasts)) => {
            let (done, carried_out) = oneshot::channel::<()>();
            state.door.refuse(Some(lasts), Box::new(move || drop(done)));
            // The sender is dropped unused: an error is how it says that the order was carried out.
            let _ = carried_out.await;
        }
    }
    HttpResponse::NoContent().finish()
}

async fn forget_behaviours(state: web::Data<State>) -> HttpResponse {
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
        None => (calls.dialled(), calls.dialled_by_number()),
        Some(number) => {
            let count = calls.dialled_to(number);
            (count as u64, BTreeMap::from([(number, count)]))
        }
    };
    HttpResponse::Ok().json(json!({ "total": total, "by_number": by_number, "dials": dials }))
}

async fn count_dials_afresh(state: web::Data<State>) -> HttpResponse {
    state.calls().count_afresh();
    HttpResponse::NoContent().finish()
}

async fn count_requests(state: web::Data<State>) -> HttpResponse {
    let by_path = state.requests().clone();
    HttpResponse::Ok().json(json!({ "total": by_path.values().sum::<u64>(), "by_path": by_path }))
}

async fn count_requests_afresh(state: web::Data<State>) -> HttpResponse {
    state.requests().clear();
    HttpResponse::NoContent().finish()
}

async fn list_deliveries(state: web::Data<State>) -> HttpResponse {
    let webhooks = state.webhooks();
    let deliveries: Vec<&WebhookDelivery> = webhooks.deliveries().collect();
    HttpResponse::Ok().json(json!({ "url": webhooks.url(), "deliveries": deliveries }))
}

async fn send_webhooks(state: web::Data<State>, body: web::Bytes) -> HttpResponse {
    let settings: WebhookSettings = match serde_json::from_slice(&body) {
        Ok(settings) => settings,
        Err(error) => return refuse(&error.to_string()),
    };
    match state.send_webhooks_to(Some(&settings)) {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(defect) => refuse(defect),
    }
}

async fn send_no_webhooks(state: web::Data<State>) -> HttpResponse {
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

fn refuse(reason: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "error": reason }))
}

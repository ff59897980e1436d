//! The assistants and phone numbers.

use actix_web::HttpResponse;
use serde_json::json;

use crate::elevenlabs::{DEMO_AGENT_ID, DEMO_CALLER_NUMBER, DEMO_PHONE_NUMBER_ID};

/// The assistants that are listed.
pub(crate) const ASSISTANT_IDS: [&str; 1] = [DEMO_AGENT_ID];
/// The phone numbers that are listed.
pub(crate) const PHONE_NUMBER_IDS: [&str; 1] = [DEMO_PHONE_NUMBER_ID];

const CREATED_AT: &str = "2025-10-09T08:53:20Z";

pub(crate) async fn list_phone_numbers() -> HttpResponse {
    HttpResponse::Ok().json(json!([{
        "id": DEMO_PHONE_NUMBER_ID, "provider": "byo-phone-number", "number": DEMO_CALLER_NUMBER,
        "name": "Demo line", "status": "active", "createdAt": CREATED_AT, "updatedAt": CREATED_AT,
    }]))
}

pub(crate) async fn list_assistants() -> HttpResponse {
    HttpResponse::Ok().json(json!([{
        "id": DEMO_AGENT_ID, "name": "Demo agent",
        "firstMessage": "Hello, this is a call from {{ org_name }}.",
        "createdAt": CREATED_AT, "updatedAt": CREATED_AT,
    }]))
}

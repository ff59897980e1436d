//! The descriptions of answers that many routes have.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Header, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::wire::ErrorResponse;

/// 401 of a route that takes a user's token.
pub(crate) enum Unauthorized {}

/// 404 of a route on which nothing else can be missing.
pub(crate) enum UserNotFound {}

/// 404 of a route beneath an endpoint of webhooks.
pub(crate) enum EndpointNotFound {}

/// 500 of a route that dials nobody.
pub(crate) enum OwnTrouble {}

impl IntoResponses for Unauthorized {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let challenge = header(String::schema(), "`Bearer`");
        let answer = error("Unauthorized", "a valid bearer token is required", "UNAUTHORIZED");
        one("401", answer.header("WWW-Authenticate", challenge))
    }
}

impl IntoResponses for UserNotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        one("404", error("User not found", "user not found", "USER_NOT_FOUND"))
    }
}

impl IntoResponses for EndpointNotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let meaning = "The organization has no such endpoint, or the user is not found";
        one("404", error(meaning, "Webhook endpoint not found", "WEBHOOK_ENDPOINT_NOT_FOUND"))
    }
}

impl IntoResponses for OwnTrouble {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let when = header(u64::schema(), "Seconds, at least 1; with `SERVICE_UNAVAILABLE` alone");
        let sentence = "the service is temporarily unavailable";
        let answer = error("The gateway's own trouble", sentence, "SERVICE_UNAVAILABLE");
        one("500", answer.header("Retry-After", when))
    }
}

fn one(status: &str, response: ResponseBuilder) -> BTreeMap<String, RefOr<Response>> {
    BTreeMap::from([(status.to_owned(), RefOr::T(response.build()))])
}

fn error(meaning: &str, sentence: &str, code: &str) -> ResponseBuilder {
    let example: Value = json!({ "success": false, "error": sentence, "code": code });
    let envelope = Ref::from_schema_name(ErrorResponse::name());
    let content = ContentBuilder::new().schema(Some(envelope)).example(Some(example)).build();
    ResponseBuilder::new().description(meaning).content("application/json", content)
}

fn header(schema: RefOr<Schema>, meaning: &str) -> Header {
    HeaderBuilder::new().schema(Some(schema)).description(Some(meaning)).build()
}

//! The responses of handlers.

use actix_web::body::BoxBody;
use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;

/// Marks a response that an earlier request with the same `Idempotency-Key` got.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// 200 with a JSON body that no cache stores.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> Responder for Json<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(self.0)
    }
}

//! Vapi's API: the routes and the key. It responds to a dial when the call is queued; only the
//! call's record shows whether the callee answered.

mod catalogue;
mod create_call;
mod errors;
mod outcome;
mod records;
mod request;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, web};

use crate::MAX_BODY_BYTES;
use crate::state::State;

pub(crate) fn configure(service: &mut web::ServiceConfig) {
    for (path, routes) in [
        ("/call", vec![web::post().to(create_call::create), web::get().to(records::list)]),
        ("/call/{id}", vec![web::get().to(records::find)]),
        ("/phone-number", vec![web::get().to(catalogue::list_phone_numbers)]),
        ("/assistant", vec![web::get().to(catalogue::list_assistants)]),
    ] {
        let resource = web::resource(path)
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .default_service(web::to(errors::no_such_method));
        let resource = routes.into_iter().fold(resource, actix_web::Resource::route);
        service.service(resource.wrap(from_fn(authorize)));
    }
}

async fn authorize(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let expected = request.app_data::<web::Data<State>>().and_then(|state| state.api_key.as_deref());
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if given.is_empty() || expected.is_some_and(|expected| expected != given) {
        return Ok(request.into_response(errors::wrong_key()));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

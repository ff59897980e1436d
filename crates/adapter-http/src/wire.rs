//! What stands on the wire: the contract's three schemas, by the contract's names.

mod request;
mod response;

pub(crate) use self::request::{PlaceCallRequest, RequestRefusal};
pub(crate) use self::response::{ErrorDetail, ErrorObject, ErrorResponse, ErrorText, PlacedResponse};

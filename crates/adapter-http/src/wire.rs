//! What stands on the wire: the contract's three schemas by the contract's names, and those of the routes beside it.

mod call;
mod cursor;
mod event;
mod history;
mod moment;
mod parameters;
mod request;
mod response;

pub(crate) use self::call::CallResponse;
pub(crate) use self::event::{EventReceivedResponse, ProviderEventBody};
pub(crate) use self::history::{HistoryParameters, HistoryResponse};
pub(crate) use self::request::{PlaceCallRequest, RequestRefusal};
pub(crate) use self::response::{ErrorDetail, ErrorObject, ErrorResponse, ErrorText, PlacedResponse};

//! What stands on the wire: the contract's three schemas by the contract's names, and those of the routes beside it.

mod call;
mod call_event;
mod cursor;
mod delivery;
mod event;
mod history;
mod moment;
mod parameters;
mod personalization;
mod recording;
mod request;
mod response;
mod webhook_endpoint;

pub(crate) use self::call::CallResponse;
pub(crate) use self::call_event::{CallEventDocument, event_lines};
pub(crate) use self::delivery::{DeliveriesResponse, DeliveryParameters};
pub(crate) use self::event::{EventReceivedResponse, ProviderEventBody};
pub(crate) use self::history::{HistoryParameters, HistoryResponse};
pub(crate) use self::parameters::position;
pub(crate) use self::personalization::{PersonalizationRequest, PersonalizationResponse};
pub(crate) use self::recording::RecordingResponse;
pub(crate) use self::request::{PlaceCallRequest, RequestRefusal};
pub(crate) use self::response::{ErrorDetail, ErrorObject, ErrorResponse, ErrorText, PlacedResponse};
pub(crate) use self::webhook_endpoint::{
    EndpointRegisteredResponse, EndpointRemovedResponse, EndpointsResponse, RegisterEndpointRequest,
    SecretReplacedResponse,
};

//! The JSON of requests and responses, and the parameters of queries.

mod analysis;
mod audit;
mod call;
mod callee_documents;
mod callee_records;
mod calling_policy;
mod client_data;
mod cursor;
mod decision;
mod delivery;
mod directory;
mod history;
mod history_rows;
mod idempotency_key;
mod json_object;
mod number_toggle;
mod opt_out;
mod parameters;
mod place_call;
mod provider;
mod recording;
mod refusals;
mod stream;
mod voice_config;
mod webhook_endpoint;

pub(crate) use self::analysis::goal_result;
pub(crate) use self::audit::{AuditParameters, AuditResponse};
pub(crate) use self::call::{CallResponse, recording_report};
pub(crate) use self::callee_documents::{
    ConsentResponse, ConsentsResponse, SuppressionRemovedResponse, SuppressionResponse, SuppressionsResponse,
};
pub(crate) use self::callee_records::{
    AddConsentRequest, AddSuppressionRequest, CalleeParameters, kind_schema,
};
pub(crate) use self::calling_policy::{CallingPolicyResponse, IfMatch, read_policy};
pub(crate) use self::decision::DecisionResponse;
pub use self::decision::{decision_json, duplicate_state};
pub(crate) use self::delivery::{DeliveriesResponse, DeliveryParameters, state_schema};
pub(crate) use self::directory::{
    AgentsResponse, ContactsResponse, DirectoryParameters, NumbersResponse, TransferableAgentsResponse,
    TransferableParameters,
};
pub(crate) use self::history::{HistoryParameters, HistoryResponse};
pub(crate) use self::history_rows::{RowFormat, csv, link_to_next, ndjson};
pub(crate) use self::idempotency_key::{IdempotencyKeyHeader, NAME as IDEMPOTENCY_KEY_NAME};
pub(crate) use self::json_object::no_fields;
pub(crate) use self::number_toggle::{NumberToggleRequest, NumberToggledResponse};
pub(crate) use self::opt_out::{OptOutRequest, OptOutResponse};
pub(crate) use self::parameters::{refuse_all, sequence};
pub(crate) use self::place_call::{PlaceCallRequest, PlacedResponse, purpose_schema};
pub(crate) use self::provider::{
    EventReceivedResponse, PersonalizationRequest, PersonalizationResponse, ProviderEventBody,
};
pub(crate) use self::recording::{RecordingFrame, RecordingResponse};
pub(crate) use self::refusals::{RefusalParameters, RefusalsResponse};
pub(crate) use self::stream::{LastEventId, StreamItem};
pub(crate) use self::voice_config::{
    VoiceConfigRequest, VoiceConfigResponse, VoiceConfigSavedResponse, names as voice_config_names,
};
pub(crate) use self::webhook_endpoint::{
    ChangeEndpointRequest, EndpointChangedResponse, EndpointRegisteredResponse, EndpointRemovedResponse,
    EndpointTestedResponse, EndpointsResponse, RegisterEndpointRequest, SecretReplacedResponse,
    status_schema,
};

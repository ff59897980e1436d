//! The model, the ports and the use cases of Outdial.
//!
//! This crate is pure: no I/O, no runtime, no serialization, no clock but the [`ports::Clock`] port. What it needs of the
//! world it asks through a trait in [`ports`]; whoever writes an adapter opens the one file of that port. [`PlaceCall`] is
//! the use case that everything else serves.
//!
//! With the feature `mocks`, every port has a `mockall` double beside it (`MockCallLedger`, ...), for use-case tests that
//! script the failure of one port.

mod agent;
mod call;
mod call_event;
mod call_record;
mod call_status;
mod caller_number;
mod contact;
mod deliver_webhooks;
mod destination;
mod directory_record;
mod follow_calls;
mod ids;
mod lock_key;
mod outcome;
mod personalize_call;
mod phone_number;
mod place_call;
pub mod ports;
mod private_text;
mod read_calls;
mod receive_event;
mod reconcile;
mod recording;
mod recover_recordings;
mod timestamp;
mod user;
mod webhook;
mod webhook_registry;

pub use agent::Agent;
pub use call::{Booking, CallContext, CallReference, ConversationContext, InboundContext, SettledCall};
pub use call_event::{CallEvent, CallEventKind, EventId, EventPosition};
pub use call_record::{
    Account, CallFact, CallFailure, CallProgress, CallRecord, ConversationAccount, Speaker, TranscriptLine,
};
pub use call_status::CallStatus;
pub use caller_number::{CallerNumber, Carrier, UnknownCarrier};
pub use contact::Contact;
pub use deliver_webhooks::{DeliverWebhooks, DeliverWebhooksPorts};
pub use destination::{Destination, DestinationRefusal, ForbiddenRange};
pub use directory_record::{ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, UserRecord};
pub use follow_calls::{FollowCalls, Following};
pub use ids::{
    AgentId, CallId, CarrierCallId, ContactId, ConversationId, InvalidId, OrganizationId, OwnerToken,
    ProviderAgentId, ProviderNumberId, UserId, WebhookEndpointId,
};
pub use lock_key::LockKey;
pub use outcome::{
    DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode, ProviderReference, UnknownCause,
};
pub use personalize_call::{InboundCall, Personalization, PersonalizeCall, PersonalizeCallPorts};
pub use phone_number::{InvalidPhoneNumber, PhoneNumber};
pub use place_call::{
    CallPolicy, InvalidPolicy, PlaceCall, PlaceCallCommand, PlaceCallError, PlaceCallPorts, PlacedCall,
    RawPlaceCall,
};
pub use private_text::{CallReason, InvalidText, PersonName, PrivateNote};
pub use read_calls::{HistoryFilter, ReadCalls, ReadCallsError, RecordedCall};
pub use receive_event::{ReceiveEvent, ReceiveEventError, ReceiveEventPorts};
pub use reconcile::{Reconcile, ReconcileReport, ReconcileTimes};
pub use recording::{Audio, AudioFormat, Recording, RecordingAccess, RecordingKey};
pub use recover_recordings::{RecoverRecordings, RecoverRecordingsPorts};
pub use timestamp::Timestamp;
pub use user::{Organization, User};
pub use webhook::{
    DeliveryFailure, DeliveryPolicy, DeliveryRecord, DeliveryState, DueDelivery, InvalidWebhookSecret,
    InvalidWebhookUrl, WebhookEndpoint, WebhookSecret, WebhookUrl,
};
pub use webhook_registry::{DeliveryFilter, WebhookRegistry, WebhookRegistryError, WebhookRegistryPorts};

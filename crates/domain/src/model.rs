//! What the domain talks about: calls and their outcomes, the parties of a call, call events and
//! webhook deliveries.
//!
//! These types hold no state of the process and use no port.

mod agent;
mod analysis;
mod call;
mod call_end;
mod call_event;
mod call_record;
mod call_status;
mod call_times;
mod caller_number;
mod client_data;
mod contact;
mod conversation_record;
mod destination;
mod destination_rules;
mod directory_record;
mod given_up;
mod ids;
mod inbound_call;
mod intent_key;
mod invalid_value;
mod numbering_plan;
mod outcome;
mod phone_number;
mod private_text;
mod recording;
mod settle_rule;
mod timestamp;
mod user;
mod vendor_word;
mod webhook;
mod written_number;

pub use self::agent::Agent;
pub use self::analysis::{Analysis, CollectedValue, CriterionResult, GoalResult};
pub use self::call::{
    Booking, CallContext, CallIdentity, CallReference, ConversationContext, InboundContext, SettledCall,
    TakeOver,
};
pub use self::call_end::{CarrierStatus, EndReason, NotDialled, ProviderCause};
pub use self::call_event::{CallEvent, CallEventKind, EventId, EventSequence};
pub use self::call_record::{
    CallFailure, CallProgress, CallRecord, CallUpdate, HistoryFilter, UpdateContent,
};
pub use self::call_status::CallStatus;
pub use self::call_times::CallTimes;
pub use self::caller_number::{CallerNumber, Carrier, UnfitCallerNumber, UnmetCondition};
pub use self::client_data::{CallMetadata, DynamicVariables, VariableValue, VariablesFault};
pub use self::contact::Contact;
pub use self::conversation_record::{ConversationRecord, Speaker, TranscriptLine};
pub use self::destination::{Destination, DestinationRefusal, ForbiddenRange};
pub(crate) use self::destination_rules::Reading;
pub use self::destination_rules::{AllowedCountries, DestinationRules, StoredNumberError};
pub use self::directory_record::{ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, UserRecord};
pub use self::given_up::{GivenUp, GivenUpReason};
pub use self::ids::{
    AgentId, CallId, CarrierCallId, ContactId, ConversationId, OrganizationId, OwnerToken, ProviderAgentId,
    ProviderNumberId, TrunkId, UserId, WebhookEndpointId,
};
pub use self::inbound_call::{InboundCall, Personalization};
pub use self::intent_key::IntentKey;
pub use self::invalid_value::InvalidValue;
pub use self::numbering_plan::{Area, Country, HomeCountries, NumberingPlan};
pub use self::outcome::{
    AnswerTime, DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode, ProviderReference,
    UnknownCause,
};
pub use self::phone_number::PhoneNumber;
pub use self::private_text::{CallReason, PersonName, PrivateNote};
pub use self::recording::{Audio, AudioFormat, AudioPart, Recording, RecordingKey, RecordingReport};
pub use self::timestamp::Timestamp;
pub use self::user::{Organization, User};
pub use self::vendor_word::VendorWord;
pub use self::webhook::{
    DeliveryFailure, DeliveryFilter, DeliveryPolicy, DeliveryRecord, DeliveryState, DueDelivery,
    EndpointChange, EndpointSuspension, Sending, SuspensionReason, TestEvent, WebhookEndpoint, WebhookSecret,
    WebhookUrl,
};
pub use self::written_number::SpellingFault;
pub(crate) use self::written_number::WrittenNumber;

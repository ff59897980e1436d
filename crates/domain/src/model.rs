//! What the domain talks about: calls and their outcomes, the parties of a call, call events and
//! webhook deliveries.
//!
//! These types hold no state of the process and use no port.

mod agent;
mod analysis;
mod audit;
mod call;
mod call_end;
mod call_event;
mod call_record;
mod call_status;
mod call_times;
mod caller_number;
mod calling;
mod client_data;
mod clock_reading;
mod consent_record;
mod contact;
mod conversation_record;
mod destination;
mod destination_rules;
mod directory_record;
mod do_not_call;
mod given_up;
mod idempotency_key;
mod ids;
mod inbound_call;
mod intent_key;
mod invalid_value;
mod numbering_plan;
mod outcome;
mod pacing;
mod phone_number;
mod private_text;
mod recording;
mod settle_rule;
mod suppression;
mod timestamp;
mod trace_parent;
mod user;
mod vendor_credentials;
mod vendor_word;
mod webhook;
mod written_number;

pub use self::agent::Agent;
pub use self::analysis::{Analysis, CollectedValue, CriterionResult, GoalResult};
pub use self::audit::{AuditAction, AuditRecord, AuditSequence};
pub use self::call::{
    AttemptCount, Booking, BookingConditions, CallContext, CallIdentity, CallReference, ConversationContext,
    InboundContext, SettledCall, TakeOver,
};
pub use self::call_end::{CarrierStatus, EndReason, NotDialled, ProviderCause};
pub use self::call_event::{CallEvent, CallEventKind, EventId, EventSequence};
pub use self::call_record::{
    CallFailure, CallProgress, CallRecord, CallUpdate, HistoryFilter, RemovedParts, UpdateContent,
};
pub use self::call_status::CallStatus;
pub use self::call_times::CallTimes;
pub use self::caller_number::{CallerNumber, Carrier, UnfitCallerNumber, UnmetCondition};
pub use self::calling::{
    AgentReason, AppliedRule, AppliedRules, CallPurpose, CallSubject, CalleeTime, CallerNumberStrategy,
    CallerReason, CallingFacts, CallingPolicy, Cap, Cause, Consent, ConsentKind, ContactPlace, CoolDown,
    Decision, DoNotCallList, Interval, LocalDate, LocalMoment, MinuteOfDay, Mode, Modes, OpenHours,
    OpenTimes, PackChoice, Place, PlaceBasis, PolicyFault, Refusal, RefusalCode, Region, RuleGroup, RuleId,
    RuleVerdict, TimeOfRule, UsedRule, VersionedPolicy, ZoneName,
};
pub use self::client_data::{CallMetadata, DynamicVariables, VariableValue, VariablesFault};
pub use self::clock_reading::{ClockAgreement, ClockReading};
pub use self::consent_record::ConsentRecord;
pub use self::contact::Contact;
pub use self::conversation_record::{ConversationRecord, Speaker, TranscriptLine};
pub use self::destination::{Destination, DestinationRefusal, ForbiddenRange};
pub(crate) use self::destination_rules::Reading;
pub use self::destination_rules::{AllowedCountries, DestinationRules, StoredNumberError};
pub use self::directory_record::{
    ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, PolicyRecord, UserRecord,
};
pub use self::do_not_call::{DoNotCallCopy, DoNotCallNumber, ListName};
pub use self::given_up::{GivenUp, GivenUpReason};
pub use self::idempotency_key::{IdempotencyKey, KeyedRequest, RequestDigest};
pub use self::ids::{
    AgentId, CallId, CarrierCallId, ConsentId, ContactId, ConversationId, OrganizationId, OwnerToken,
    ProviderAgentId, ProviderNumberId, SuppressionId, TrunkId, UserId, WebhookEndpointId,
};
pub use self::inbound_call::{InboundCall, Personalization};
pub use self::intent_key::IntentKey;
pub use self::invalid_value::InvalidValue;
pub use self::numbering_plan::{Area, Country, HomeCountries, NumberingPlan};
pub use self::outcome::{
    AnswerTime, DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode, ProviderReference,
    UnknownCause,
};
pub use self::pacing::{Gap, Pace, PaceScope, PacingFacts, RateLimit, Slot, TakenSlots, TrunkFacts};
pub use self::phone_number::PhoneNumber;
pub use self::private_text::{CallReason, PersonName, PrivateNote, RecordNote};
pub use self::recording::{Audio, AudioFormat, AudioPart, Recording, RecordingKey, RecordingReport};
pub use self::suppression::{
    CalleeFilter, ChangeOfRecord, DEFAULT_RECORDS, MAX_RECORDS, Suppression, SuppressionSource,
};
pub use self::timestamp::Timestamp;
pub use self::trace_parent::TraceParent;
pub use self::user::{AccessRole, Organization, User};
pub use self::vendor_credentials::{
    AccountText, SealedSecret, SecretKind, StoredCredentials, VendorCredentials, VendorSecret,
};
pub use self::vendor_word::VendorWord;
pub use self::webhook::{
    DeliveryFailure, DeliveryFilter, DeliveryPolicy, DeliveryRecord, DeliveryState, DueDelivery,
    EndpointChange, EndpointSuspension, Sending, SuspensionReason, TestEvent, WebhookEndpoint, WebhookSecret,
    WebhookUrl,
};
pub use self::written_number::SpellingFault;
pub(crate) use self::written_number::WrittenNumber;

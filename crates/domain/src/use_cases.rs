//! What the gateway does, in terms of the ports.

mod callee_records;
mod check_import;
mod deliver_webhooks;
mod directory_listing;
mod follow_calls;
mod organization_settings;
mod personalize_call;
mod place_call;
mod read_calls;
mod read_directory;
mod receive_event;
mod reconcile;
mod record_opt_out;
mod recover_recordings;
mod refusal_log;
mod remove_old_data;
mod remove_reservations;
mod request_source;
mod review_organizations;
mod rotate_credentials;
mod store_recording;
mod sync_vendors;
mod toggle_number;
mod truncation;
mod voice_config;
mod webhook_registration;
mod webhook_registry;

pub use self::callee_records::{
    AddConsent, AddSuppression, CalleePage, CalleeRecords, CalleeRecordsError, CalleeRecordsPorts,
    WrittenCallee,
};
pub use self::check_import::CheckImport;
pub use self::deliver_webhooks::{DeliverWebhooks, DeliverWebhooksPorts};
pub use self::directory_listing::{DirectoryListing, stored_credentials};
pub use self::follow_calls::{FollowCalls, Following};
pub use self::organization_settings::{
    OrganizationSettings, OrganizationSettingsError, OrganizationSettingsPorts, policy_faults,
};
pub use self::personalize_call::{PersonalizeCall, PersonalizeCallPorts};
pub use self::place_call::{
    CallPolicy, PacingLimits, PlaceCall, PlaceCallCommand, PlaceCallError, PlaceCallPorts, PlacedCall,
    Preview, RawPlaceCall,
};
pub use self::read_calls::{ReadCalls, ReadCallsError};
pub use self::read_directory::ReadDirectory;
pub use self::receive_event::{ReceiveEvent, ReceiveEventError, ReceiveEventPorts};
pub use self::reconcile::{Reconcile, ReconcileReport, ReconcileTimes};
pub use self::record_opt_out::{OptOutResult, OptOutsOfUpdates, RecordOptOut, RecordOptOutPorts};
pub use self::recover_recordings::{RecoverRecordings, RecoverRecordingsPorts};
pub use self::refusal_log::RefusalLog;
pub use self::remove_old_data::{
    RECORDINGS, RemoveOldData, RemoveOldDataPorts, RemovedBatch, RetentionRun, RetentionTimes,
};
pub use self::remove_reservations::RemoveReservations;
pub use self::request_source::{NoSource, RequestSource};
pub use self::review_organizations::{OrganizationReview, review_organizations};
pub use self::rotate_credentials::{RotateCredentials, Rotation};
pub use self::sync_vendors::{
    Adoption, AgentChange, NumberChange, SyncError, SyncFinding, SyncInput, SyncPlan, SyncProblem, SyncStep,
    SyncSubject, SyncVendors, SyncVendorsPorts, TrunkChange,
};
pub use self::toggle_number::{
    OffTrunk, ToggleNumber, ToggleNumberError, ToggleNumberPorts, ToggleNumberRequest, ToggledNumber,
};
pub use self::voice_config::{
    ConfigChange, SavedConfig, VoiceConfig, VoiceConfigError, VoiceConfigPorts, VoiceConfigSettings,
    VoiceConfigView,
};
pub use self::webhook_registration::{
    KeepsWebhookSecret, RegisterWebhookError, WebhookRegistration, register_webhook,
};
pub use self::webhook_registry::{
    ChangeEndpoint, WebhookRegistry, WebhookRegistryError, WebhookRegistryPorts,
};

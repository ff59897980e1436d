//! What the gateway does, in terms of the ports.

mod check_import;
mod deliver_webhooks;
mod follow_calls;
mod personalize_call;
mod place_call;
mod read_calls;
mod read_directory;
mod receive_event;
mod reconcile;
mod recover_recordings;
mod remove_reservations;
mod store_recording;
mod sync_vendors;
mod truncation;
mod webhook_registry;

pub use self::check_import::CheckImport;
pub use self::deliver_webhooks::{DeliverWebhooks, DeliverWebhooksPorts};
pub use self::follow_calls::{FollowCalls, Following};
pub use self::personalize_call::{PersonalizeCall, PersonalizeCallPorts};
pub use self::place_call::{
    CallPolicy, PlaceCall, PlaceCallCommand, PlaceCallError, PlaceCallPorts, PlacedCall, RawPlaceCall,
};
pub use self::read_calls::{ReadCalls, ReadCallsError};
pub use self::read_directory::ReadDirectory;
pub use self::receive_event::{ReceiveEvent, ReceiveEventError, ReceiveEventPorts};
pub use self::reconcile::{Reconcile, ReconcileReport, ReconcileTimes};
pub use self::recover_recordings::{RecoverRecordings, RecoverRecordingsPorts};
pub use self::remove_reservations::RemoveReservations;
pub use self::sync_vendors::{
    Adoption, AgentChange, NumberChange, SyncError, SyncFinding, SyncInput, SyncPlan, SyncProblem, SyncStep,
    SyncSubject, SyncVendors, SyncVendorsPorts, TrunkChange,
};
pub use self::webhook_registry::{
    ChangeEndpoint, WebhookRegistry, WebhookRegistryError, WebhookRegistryPorts,
};

use std::fmt;

use async_trait::async_trait;

use super::VendorFailure;
use crate::{PersonName, PhoneNumber, ProviderAgentId, ProviderNumberId, Timestamp};

/// Reads the voice provider's workspace, registers the webhook for its events, and changes its phone
/// numbers.
///
/// - MUST list every agent and every phone number of the workspace
///   (`agents_and_numbers_are_listed`), on however many pages (`every_page_of_agents_is_read`).
/// - MUST fail if it cannot list all (`a_part_of_the_workspace_is_a_failure`): a number that is not
///   listed is taken out of service.
/// - MUST tell the refusals of [`VendorFailure`] apart (`a_providers_refusal_says_what_to_change`).
/// - MUST return `Unavailable` within 45 s if the provider is not reachable or responds with
///   something else (`an_unreachable_workspace_is_unavailable`).
/// - MUST create a webhook with its secret, find it by its URL (`a_created_webhook_is_found`), and
///   make it the one that receives events (`an_activated_webhook_receives_events`).
/// - MUST return the webhook that receives events as the provider has it, and `None` if there is none
///   (`the_active_webhook_is_described`).
/// - MUST NOT replace another webhook that receives events
///   (`another_active_webhook_is_not_replaced`).
/// - MUST import a number so that calls can be placed from it over the trunk, and its agent answers
///   (`an_imported_number_calls_out_and_has_its_agent`), and import none that the provider already has
///   (`a_number_is_imported_once`).
/// - MUST give a number another agent, change no other number, and fail with `NotFound` if the
///   workspace has no such number (`a_linked_number_has_its_agent`).
/// - MUST remove a number, no other one, and succeed if it is removed already
///   (`a_removed_number_is_not_listed`).
/// - MUST NOT report a change that was refused, or that has no clear response, as made
///   (`a_change_of_a_number_that_fails_is_reported`).
/// - MUST NOT show a key in an error or in the log (`a_workspaces_error_and_the_log_show_no_key`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait VoiceWorkspace: Send + Sync {
    /// Lists the agents.
    async fn agents(&self) -> Result<Vec<WorkspaceAgent>, VendorFailure>;

    /// Lists the phone numbers.
    async fn numbers(&self) -> Result<Vec<WorkspaceNumber>, VendorFailure>;

    /// Imports a number of the trunk. The trunk must have it already.
    async fn import_number(&self, number: &ImportNumber) -> Result<NumberImport, VendorFailure>;

    /// Makes an agent the one that answers calls to a number. Without effect if it is already so.
    async fn link_number(&self, id: &ProviderNumberId, agent: &ProviderAgentId) -> Result<(), VendorFailure>;

    /// Removes a number from the workspace. Without effect if it is not there.
    async fn remove_number(&self, id: &ProviderNumberId) -> Result<(), VendorFailure>;

    /// The id of the webhook with exactly this URL.
    async fn find_webhook(&self, url: &str) -> Result<Option<String>, VendorFailure>;

    /// The webhook that receives events of all calls, if there is one.
    async fn active_webhook(&self) -> Result<Option<WorkspaceWebhook>, VendorFailure>;

    /// Creates a webhook. The provider returns its secret only here. No event is sent to it yet.
    async fn create_webhook(&self, url: &str) -> Result<CreatedWebhook, VendorFailure>;

    /// Makes a webhook the one that receives events of all calls, with repeated deliveries as far as
    /// the provider offers them. Without effect if it is already so.
    async fn activate_webhook(&self, id: &str) -> Result<Activation, VendorFailure>;
}

/// A voice agent of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceAgent {
    /// The provider's id.
    pub id: ProviderAgentId,
    /// Its name, if it can be a name in the directory.
    pub name: Option<PersonName>,
}

/// A phone number of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceNumber {
    /// The provider's id.
    pub id: ProviderNumberId,
    /// The number.
    pub phone_number: PhoneNumber,
    /// Whether the provider can place calls from it over a trunk.
    pub can_call_out: bool,
    /// The host of that trunk, in lower case and without a port, if the provider names it.
    pub trunk_host: Option<String>,
    /// The agent that answers calls to it, if there is one.
    pub agent: Option<ProviderAgentId>,
}

/// A number to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportNumber {
    /// The number.
    pub phone_number: PhoneNumber,
    /// The host of the trunk, to which the provider sends its calls.
    pub trunk_host: String,
    /// The agent that answers calls to it.
    pub agent: ProviderAgentId,
}

/// The result of [`VoiceWorkspace::import_number`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberImport {
    /// The number is in the workspace, with this id.
    Imported(ProviderNumberId),
    /// The provider has the number already, in this workspace or in another one.
    Taken,
}

/// A webhook as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceWebhook {
    /// The provider's id.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// Whether no event is sent, because an operator or the provider disabled it.
    pub is_disabled: bool,
    /// Whether events are signed with the secret of the webhook.
    pub is_signed: bool,
    /// Whether a delivery that fails is repeated; `None` if the provider does not say.
    pub is_repeated: Option<bool>,
    /// The last delivery that failed, if the provider names it.
    pub last_failure: Option<WebhookFailure>,
}

/// A delivery of an event that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookFailure {
    /// The HTTP status of the response, if there was one.
    pub status: Option<u16>,
    /// When, in whole seconds.
    pub at: Timestamp,
}

/// A webhook that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedWebhook {
    /// The provider's id.
    pub id: String,
    /// Signs the events. `None` if the provider did not return it.
    pub secret: Option<SigningSecret>,
}

/// The result of [`VoiceWorkspace::activate_webhook`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// The webhook receives the events.
    Active,
    /// Another webhook receives them, and was not replaced.
    OtherIsActive,
}

/// The secret with which the provider signs its events, in its own form. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Box<str>);

impl SigningSecret {
    /// A secret as the provider returned it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(..)")
    }
}

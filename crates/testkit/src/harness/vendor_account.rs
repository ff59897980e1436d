use std::sync::Arc;

use async_trait::async_trait;
use domain::PhoneNumber;
use domain::ports::{TrunkDirectory, VoiceWorkspace, WebhookFailure, WorkspaceAgent, WorkspaceNumber};

/// How a vendor responds when its account is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorBehaviour {
    /// As it should.
    Responds,
    /// It does not accept the key, and quotes it in its response.
    RefusesKey,
    /// It accepts the key, but does not allow to read the account with it.
    Forbids,
    /// It has no such trunk, project or workspace.
    HasNoSuchThing,
    /// It has received too many requests.
    LimitsRequests,
    /// It fails with a 5xx status, and quotes the key in its response.
    ServerError,
    /// It responds with the page of a proxy.
    ForeignResponse,
    /// It accepts no connection.
    RefusesConnection,
    /// The first page of a list is there, and the second one fails.
    FailsOnSecondPage,
    /// Every page of a list is the first one, as if it ignored which page is requested.
    RepeatsFirstPage,
    /// Lists have everything, as if it ignored their filter.
    IgnoresFilter,
}

/// What the suite of [`TrunkDirectory`] needs.
#[async_trait]
pub trait TrunkDirectoryHarness: Send + Sync {
    /// The adapter with this secret key, which the vendor accepts.
    fn trunk_directory(&self, key: &str) -> Arc<dyn TrunkDirectory>;

    /// From now on the trunk has this limit and these numbers, and another trunk of the account has
    /// the others. The trunk has the domain `trunk.example.com`.
    async fn set_trunk(&self, calls_per_second: u32, numbers: &[PhoneNumber], of_other: &[PhoneNumber]);

    /// From now on the carrier responds like this.
    async fn behave(&self, behaviour: VendorBehaviour);
}

/// What the suite of [`VoiceWorkspace`] needs.
#[async_trait]
pub trait VoiceWorkspaceHarness: Send + Sync {
    /// The adapter with this key, which the vendor accepts.
    fn workspace(&self, key: &str) -> Arc<dyn VoiceWorkspace>;

    /// From now on the workspace has these agents and numbers.
    async fn set_workspace(&self, agents: &[WorkspaceAgent], numbers: &[WorkspaceNumber]);

    /// From now on the provider responds like this.
    async fn behave(&self, behaviour: VendorBehaviour);

    /// The id of the webhook that receives the events of calls.
    async fn active_webhook(&self) -> Option<String>;

    /// From now on that webhook is disabled or not, signed or not, and has this last failure.
    async fn set_webhook_condition(
        &self,
        is_disabled: bool,
        is_signed: bool,
        last_failure: Option<WebhookFailure>,
    );
}

//! The harness of the workspace: the simulator.

use std::sync::Arc;

use adapter_elevenlabs::{ElevenLabsSettings, ElevenLabsWorkspace};
use async_trait::async_trait;
use domain::ports::{VoiceWorkspace, WebhookFailure, WorkspaceAgent, WorkspaceNumber};
use simulator::{Account, AccountFault, AccountNumber, Settings, Simulator, WebhookCondition};
use testkit::harness::{VendorBehaviour, VoiceWorkspaceHarness};
use url::Url;

pub(crate) struct Workspace {
    simulator: Simulator,
}

impl Workspace {
    pub(crate) async fn start() -> Self {
        Self { simulator: Simulator::start(Settings::default()).await.expect("a free port") }
    }
}

#[async_trait]
impl VoiceWorkspaceHarness for Workspace {
    fn workspace(&self, key: &str) -> Arc<dyn VoiceWorkspace> {
        let base_url = Url::parse(&self.simulator.base_url()).expect("a URL");
        let settings = ElevenLabsSettings { base_url, ..ElevenLabsSettings::new(key.into()) };
        Arc::new(ElevenLabsWorkspace::new(&settings).expect("valid settings"))
    }

    async fn set_workspace(&self, agents: &[WorkspaceAgent], numbers: &[WorkspaceNumber]) {
        let agent = |agent: &WorkspaceAgent| {
            let name = agent.name.as_ref().map(|name| name.as_str().to_owned());
            (agent.id.as_str().to_owned(), name.expect("the suite's agents have names"))
        };
        let number = |number: &WorkspaceNumber| AccountNumber {
            id: number.id.as_str().to_owned(),
            phone_number: number.phone_number.as_e164().to_owned(),
            // The vendor's documents allow a port.
            trunk_host: number.trunk_host.as_ref().map(|host| format!("{}:5061", host.to_uppercase())),
            agent_id: number.agent.as_ref().map(|id| id.as_str().to_owned()),
            trunk_login: None,
        };
        self.simulator.set_account(Account {
            agents: agents.iter().map(agent).collect(),
            numbers: numbers.iter().map(number).collect(),
            ..Account::default()
        });
    }

    async fn behave(&self, behaviour: VendorBehaviour) {
        self.simulator.refuse_connections(behaviour == VendorBehaviour::RefusesConnection).await;
        self.simulator.fail_accounts(match behaviour {
            VendorBehaviour::Responds
            | VendorBehaviour::RefusesConnection
            | VendorBehaviour::IgnoresFilter => None,
            VendorBehaviour::RefusesKey => Some(AccountFault::KeyRefused),
            VendorBehaviour::Forbids => Some(AccountFault::Forbidden),
            VendorBehaviour::HasNoSuchThing => Some(AccountFault::NotFound),
            VendorBehaviour::LimitsRequests => Some(AccountFault::RateLimited),
            VendorBehaviour::ServerError => Some(AccountFault::ServerError),
            VendorBehaviour::ForeignResponse => Some(AccountFault::ForeignPage),
            VendorBehaviour::FailsOnSecondPage => Some(AccountFault::SecondPageFails),
            VendorBehaviour::RepeatsFirstPage => Some(AccountFault::FirstPageRepeats),
        });
    }

    async fn active_webhook(&self) -> Option<String> {
        self.simulator.active_webhook()
    }

    async fn set_webhook_condition(
        &self,
        is_disabled: bool,
        is_signed: bool,
        last_failure: Option<WebhookFailure>,
    ) {
        self.simulator.set_webhook_condition(WebhookCondition {
            is_disabled,
            auth_type: if is_signed { "hmac" } else { "oauth2" },
            last_failure: last_failure.map(|it| (it.status, it.at.unix_millis() / 1000)),
        });
    }
}

//! Enabling and disabling AI calls from a caller number, at the vendors and in the directory.

mod error;
mod vendors;

use std::sync::Arc;
use std::time::Duration;

pub use self::error::{OffTrunk, ToggleNumberError};
use self::vendors::{Change, NewState};
use crate::ports::{
    AgentRepo, AiNumbers, Clock, CredentialStore, HeldNumber, HoldNumber, NumberOfUser, NumberToggle,
    Provisioning, StoreToggleResult, TrunkDirectory, UserRepo, VoiceWorkspace,
};
use crate::{Agent, AgentId, Carrier, OrganizationId, PhoneNumber, ProviderAgentId, User, UserId};

/// Enables and disables AI calls from a caller number.
///
/// The vendors are changed first, and the directory last: if a vendor refuses, nothing is stored. A
/// request that is repeated finds what the first one has done at the vendors. One change of a number
/// runs at a time ([`AiNumbers`]), so that two end in the state of the later one.
pub struct ToggleNumber {
    ports: ToggleNumberPorts,
    /// The carriers whose numbers serve the calls of the voice provider.
    carriers: Vec<Carrier>,
    credentials: Option<Arc<dyn CredentialStore>>,
}

/// The ports of [`ToggleNumber`].
#[derive(Clone)]
pub struct ToggleNumberPorts {
    /// Finds who asks.
    pub users: Arc<dyn UserRepo>,
    /// Finds the agent.
    pub agents: Arc<dyn AgentRepo>,
    /// Stores the change.
    pub numbers: Arc<dyn AiNumbers>,
    /// Stores the limit of the trunk.
    pub provisioning: Arc<dyn Provisioning>,
    /// The voice provider's account. `None`: the provider has none whose numbers can be changed.
    pub workspace: Option<Arc<dyn VoiceWorkspace>>,
    /// The carrier's trunk, if its account is configured. Without it, the directory says which numbers
    /// are on the trunk.
    pub trunk: Option<Arc<dyn TrunkDirectory>>,
    /// The time of the change.
    pub clock: Arc<dyn Clock>,
}

/// What a user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToggleNumberRequest {
    /// The user who has the number.
    pub user_id: UserId,
    /// The number, exactly as it is stored.
    pub phone_number: PhoneNumber,
    /// Whether AI calls may use it.
    pub ai_enabled: bool,
    /// The agent that answers calls to it. Without one, the number keeps its agent, or gets the one
    /// for calls that name none.
    pub agent_id: Option<AgentId>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToggledNumber {
    /// Whether AI calls may use the number.
    pub ai_enabled: bool,
    /// Whether the carrier was asked if the number is on the trunk. Otherwise the directory says it.
    pub trunk_was_read: bool,
}

/// Longer than all requests to the vendors together: their lists have a limit of 40 s each, and changes
/// of 20 s.
const HOLD_FOR: Duration = Duration::from_mins(3);

impl ToggleNumber {
    /// `carriers` are those whose numbers serve the calls of the voice provider.
    #[must_use]
    pub fn new(ports: ToggleNumberPorts, carriers: &[Carrier]) -> Self {
        Self { ports, carriers: carriers.to_vec(), credentials: None }
    }

    /// Changes no number of an organization that has an account of its own: the number is in another
    /// workspace.
    #[must_use]
    pub fn with_credentials(self, credentials: Arc<dyn CredentialStore>) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// Changes a number of the user's organization.
    pub async fn execute(
        &self,
        user: &UserId,
        request: &ToggleNumberRequest,
    ) -> Result<ToggledNumber, ToggleNumberError> {
        let user = self.ports.users.find(user).await?.ok_or(ToggleNumberError::UserNotFound)?;
        if !user.may_change_accounts() {
            return Err(ToggleNumberError::NotPermitted);
        }
        let workspace = self.ports.workspace.as_deref().ok_or(ToggleNumberError::NoWorkspace)?;
        let organization_id = &user.organization.id;
        if let Some(credentials) = &self.credentials
            && let Some(stored) = credentials.credentials(organization_id).await?
            && stored.has_own_voice_account()
        {
            return Err(ToggleNumberError::NoWorkspace);
        }
        let number = NumberOfUser {
            organization_id: organization_id.clone(),
            user_id: request.user_id.clone(),
            phone_number: request.phone_number.clone(),
        };
        let held = match self.ports.numbers.hold(&number, HOLD_FOR).await? {
            HoldNumber::Held(held) => held,
            HoldNumber::HeldByOther => return Err(ToggleNumberError::Changing),
            HoldNumber::Absent => return Err(ToggleNumberError::NumberNotFound),
        };
        let changed = self.change(workspace, &user, &held, request).await;
        if changed.is_err() {
            // The hold ends by itself if this fails.
            let _ = self.ports.numbers.release(&number.phone_number, held.hold).await;
        }
        changed
    }

    async fn change(
        &self,
        workspace: &dyn VoiceWorkspace,
        user: &User,
        held: &HeldNumber,
        request: &ToggleNumberRequest,
    ) -> Result<ToggledNumber, ToggleNumberError> {
        let change = Change { workspace, trunk: self.ports.trunk.as_deref(), carriers: &self.carriers, held };
        let (state, agent_id) = if request.ai_enabled {
            let (agent, provider_agent_id) =
                self.agent(&user.organization.id, request.agent_id.as_ref(), held).await?;
            (change.enable(&provider_agent_id).await?, Some(agent.id))
        } else {
            (change.disable().await?, None)
        };
        let NewState { on_trunk, provider_number_id, listing } = state;
        let trunk_was_read = listing.is_some();
        if let Some(trunk) = listing {
            // The limit first: a number must not serve calls over a trunk whose limit is not known.
            vendors::store_limit(self.ports.provisioning.as_ref(), &held.number.carrier, &trunk).await?;
        }
        let toggle = NumberToggle {
            organization_id: user.organization.id.clone(),
            phone_number: held.number.phone_number.clone(),
            ai_enabled: request.ai_enabled,
            on_trunk,
            provider_number_id,
            agent_id,
            changed_by: user.id.clone(),
            at: self.ports.clock.now(),
            hold: held.hold,
        };
        match self.ports.numbers.store(&toggle).await? {
            StoreToggleResult::Stored => Ok(ToggledNumber { ai_enabled: request.ai_enabled, trunk_was_read }),
            StoreToggleResult::HoldEnded => Err(ToggleNumberError::Changing),
        }
    }

    /// The agent of the number, and the voice provider's id of it.
    async fn agent(
        &self,
        organization_id: &OrganizationId,
        requested: Option<&AgentId>,
        held: &HeldNumber,
    ) -> Result<(Agent, ProviderAgentId), ToggleNumberError> {
        let agents = &self.ports.agents;
        let agent = match requested.or(held.agent_id.as_ref()) {
            Some(id) => agents.find(organization_id, id).await?.ok_or(ToggleNumberError::AgentNotFound)?,
            None => agents.default_for(organization_id).await?.ok_or(ToggleNumberError::NoVoiceAgent)?,
        };
        if !agent.voice_enabled {
            return Err(ToggleNumberError::NoVoiceAgent);
        }
        let provider_agent_id = agent.provider_agent_id.clone().ok_or(ToggleNumberError::AgentNotSynced)?;
        Ok((agent, provider_agent_id))
    }
}

mod finding;
mod plan;

use std::collections::HashSet;
use std::sync::Arc;

pub use self::finding::{SyncFinding, SyncProblem, SyncSubject};
pub(super) use self::plan::choose;
pub use self::plan::{Adoption, AgentChange, NumberChange, SyncInput, SyncPlan, TrunkChange};
use super::directory_listing::{PAGE_LEN, stored_agents, stored_credentials, stored_numbers};
use crate::ports::{
    CredentialStore, Directory, PortUnavailable, ProvisionedAgent, ProvisionedNumber, Provisioning,
    ProvisioningChanges, TrunkDirectory, UpsertError, VendorFailure, VoiceWorkspace,
};
use crate::{Carrier, DirectoryRecord, StoredCredentials};

/// Compares the directory with the voice provider's workspace and the carrier's trunk, and stores what
/// these know: the provider's ids of numbers and agents, which numbers are on the trunk, and how many
/// calls may start on it in a second.
///
/// The directory decides which numbers and agents there are, and who owns them. What it lacks is
/// named, or imported for the owner that the operator names ([`Adoption`]).
pub struct SyncVendors {
    ports: SyncVendorsPorts,
    /// The carriers whose numbers serve the calls of the voice provider.
    carriers: Vec<Carrier>,
}

/// The ports of [`SyncVendors`].
pub struct SyncVendorsPorts {
    /// The voice provider's account.
    pub workspace: Arc<dyn VoiceWorkspace>,
    /// The carrier's trunk, if its account is configured. Without it, which numbers are on the trunk
    /// stays as it is.
    pub trunk: Option<Arc<dyn TrunkDirectory>>,
    /// What is stored of the accounts.
    pub provisioning: Arc<dyn Provisioning>,
    /// Imports what the directory lacks.
    pub directory: Arc<dyn Directory>,
    /// Which organizations have an account of their own: their agents and numbers are not in this
    /// workspace, and stay as they are.
    pub credentials: Arc<dyn CredentialStore>,
}

/// A step of [`SyncVendors::plan`], for a progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncStep {
    /// Reads the workspace.
    Workspace,
    /// Reads the trunk.
    Trunk,
    /// Reads the directory.
    Directory,
}

/// Why the accounts were not compared, or the plan was not applied.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The voice provider's workspace could not be read.
    #[error("cannot read the voice provider's workspace: {0}")]
    Workspace(#[source] VendorFailure),
    /// The carrier's trunk could not be read.
    #[error("cannot read the carrier's trunk: {0}")]
    Trunk(#[source] VendorFailure),
    /// The plan leaves no number from which AI calls can be placed, and there are some now. The cause
    /// is more often a wrong key or trunk than a wish.
    #[error("no number would be left for AI calls; nothing was changed")]
    StopsAllCalls,
    /// A record that the directory lacks could not be imported.
    #[error("cannot import: {0}")]
    Import(#[source] UpsertError),
    /// A store failed.
    #[error(transparent)]
    Unavailable(#[from] PortUnavailable),
}

impl SyncVendors {
    /// `carriers` are those whose numbers serve the calls of the voice provider.
    #[must_use]
    pub fn new(ports: SyncVendorsPorts, carriers: &[Carrier]) -> Self {
        Self { ports, carriers: carriers.to_vec() }
    }

    /// Compares. Nothing is changed.
    pub async fn plan(
        &self,
        adoption: Option<&Adoption>,
        on_step: impl Fn(SyncStep) + Send,
    ) -> Result<SyncPlan, SyncError> {
        on_step(SyncStep::Workspace);
        let workspace_agents = self.ports.workspace.agents().await.map_err(SyncError::Workspace)?;
        let workspace_numbers = self.ports.workspace.numbers().await.map_err(SyncError::Workspace)?;
        let mut trunk = None;
        if let Some(port) = &self.ports.trunk {
            on_step(SyncStep::Trunk);
            let listing = port.read().await.map_err(SyncError::Trunk)?;
            trunk = Some((port.carrier(), listing));
        }
        on_step(SyncStep::Directory);
        let provisioning = self.ports.provisioning.as_ref();
        let calls_per_second = match &trunk {
            Some((_, listing)) => provisioning.calls_per_second(&listing.trunk.id).await?,
            None => None,
        };
        let (mut agents, mut numbers) =
            (stored_agents(provisioning).await?, stored_numbers(provisioning).await?);
        let credentials = stored_credentials(self.ports.credentials.as_ref()).await?;
        let apart: HashSet<_> = credentials
            .into_iter()
            .filter(StoredCredentials::has_own_voice_account)
            .map(|stored| stored.organization_id)
            .collect();
        agents.retain(|agent| !apart.contains(&agent.organization_id));
        numbers.retain(|record| !apart.contains(&record.number.organization_id));
        Ok(SyncPlan::compute(&SyncInput {
            agents: &agents,
            numbers: &numbers,
            workspace_agents: &workspace_agents,
            workspace_numbers: &workspace_numbers,
            trunk: trunk.as_ref().map(|(carrier, listing)| (carrier, listing)),
            calls_per_second,
            carriers: &self.carriers,
            adoption,
        }))
    }

    /// Applies a plan. Doing it twice has the same effect as once: an error leaves a part of the plan,
    /// and the next plan has the rest. `may_stop_all_calls` applies a plan that leaves no number for AI
    /// calls too.
    pub async fn apply(&self, plan: &SyncPlan, may_stop_all_calls: bool) -> Result<(), SyncError> {
        if plan.stops_all_calls && !may_stop_all_calls {
            return Err(SyncError::StopsAllCalls);
        }
        let agents = plan.imported_agents.iter().cloned().map(DirectoryRecord::Agent);
        let numbers = plan.imported_numbers.iter().cloned().map(DirectoryRecord::Number);
        let imports: Vec<DirectoryRecord> = agents.chain(numbers).collect();
        if !imports.is_empty() {
            let mut import = self.ports.directory.begin().await?;
            for records in imports.chunks(PAGE_LEN as usize) {
                import.upsert(records).await.map_err(SyncError::Import)?;
            }
            import.commit().await?;
        }
        for changes in changes(plan) {
            self.ports.provisioning.apply(&changes).await?;
        }
        Ok(())
    }
}

/// The changes of a plan, in parts.
fn changes(plan: &SyncPlan) -> Vec<ProvisioningChanges> {
    let numbers: Vec<ProvisionedNumber> = plan.number_changes.iter().map(NumberChange::provisioned).collect();
    let agents: Vec<ProvisionedAgent> = plan.agent_changes.iter().map(AgentChange::provisioned).collect();
    let of_trunk = plan.trunk_change.as_ref().map(|change| ProvisioningChanges {
        trunk: Some(change.provisioned()),
        ..ProvisioningChanges::default()
    });
    let of_numbers = numbers
        .chunks(PAGE_LEN as usize)
        .map(|numbers| ProvisioningChanges { numbers: numbers.to_vec(), ..ProvisioningChanges::default() });
    let of_agents = agents
        .chunks(PAGE_LEN as usize)
        .map(|agents| ProvisioningChanges { agents: agents.to_vec(), ..ProvisioningChanges::default() });
    // The limit first: a number must not serve calls over a trunk whose limit is not known.
    of_trunk.into_iter().chain(of_agents).chain(of_numbers).collect()
}

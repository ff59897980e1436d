use super::error::{OffTrunk, ToggleNumberError};
use crate::ports::{
    HeldNumber, ImportNumber, NumberImport, PortUnavailable, ProvisionedTrunk, Provisioning,
    ProvisioningChanges, Trunk, TrunkDirectory, TrunkListing, VoiceWorkspace, WorkspaceNumber,
};
use crate::use_cases::sync_vendors::choose;
use crate::{Carrier, ProviderAgentId, ProviderNumberId};

/// A change of a number at the vendors.
pub(super) struct Change<'a> {
    pub(super) workspace: &'a dyn VoiceWorkspace,
    pub(super) trunk: Option<&'a dyn TrunkDirectory>,
    pub(super) carriers: &'a [Carrier],
    pub(super) held: &'a HeldNumber,
}

/// What the vendors know after a change.
pub(super) struct NewState {
    pub(super) on_trunk: bool,
    pub(super) provider_number_id: Option<ProviderNumberId>,
    /// The trunk, if it was read.
    pub(super) listing: Option<Trunk>,
}

impl Change<'_> {
    /// Imports the number, or finds it, and links it to the agent.
    pub(super) async fn enable(&self, agent: &ProviderAgentId) -> Result<NewState, ToggleNumberError> {
        let number = &self.held.number;
        if self.held.is_used_by_others {
            return Err(ToggleNumberError::UsedByOthers);
        }
        if !self.carriers.contains(&number.carrier) {
            return Err(OffTrunk::CarrierNotServed.into());
        }
        let listing = self.read_trunk().await?;
        let is_listed = |listing: &TrunkListing| listing.numbers.contains(&number.phone_number);
        if !listing.as_ref().map_or(number.on_trunk, is_listed) {
            return Err(OffTrunk::NotAssigned.into());
        }
        let trunk = listing.map(|listing| listing.trunk);
        let host = trunk.as_ref().and_then(|trunk| trunk.domain.as_deref());
        let listed = self.listed().await?;
        let listed: Vec<_> = listed.iter().collect();
        let id = match (choose(number, &listed), &listed[..]) {
            (Some(chosen), _) => {
                let is_other = |host: &str| chosen.trunk_host.as_deref().is_some_and(|it| it != host);
                if !chosen.can_call_out || host.is_some_and(is_other) {
                    return Err(OffTrunk::OtherTrunk.into());
                }
                self.workspace.link_number(&chosen.id, agent).await.map_err(ToggleNumberError::Workspace)?;
                chosen.id.clone()
            }
            (None, []) => self.import(host.ok_or(OffTrunk::HostUnknown)?, agent).await?,
            (None, _) => return Err(OffTrunk::Ambiguous.into()),
        };
        Ok(NewState { on_trunk: true, provider_number_id: Some(id), listing: trunk })
    }

    /// Removes the number from the workspace: what calls are placed from, and not an entry that only
    /// receives calls. If another organization uses the number, it stays there.
    pub(super) async fn disable(&self) -> Result<NewState, ToggleNumberError> {
        let number = &self.held.number;
        if !self.held.is_used_by_others {
            let is_stored = |it: &WorkspaceNumber| number.provider_number_id.as_ref() == Some(&it.id);
            for listed in self.listed().await?.iter().filter(|it| it.can_call_out || is_stored(it)) {
                let removed = self.workspace.remove_number(&listed.id).await;
                removed.map_err(ToggleNumberError::Workspace)?;
            }
        }
        Ok(NewState { on_trunk: number.on_trunk, provider_number_id: None, listing: None })
    }

    async fn import(
        &self,
        trunk_host: &str,
        agent: &ProviderAgentId,
    ) -> Result<ProviderNumberId, ToggleNumberError> {
        let number = ImportNumber {
            phone_number: self.held.number.phone_number.clone(),
            trunk_host: trunk_host.to_owned(),
            agent: agent.clone(),
        };
        match self.workspace.import_number(&number).await.map_err(ToggleNumberError::Workspace)? {
            NumberImport::Imported(id) => Ok(id),
            NumberImport::Taken => Err(ToggleNumberError::InOtherWorkspace),
        }
    }

    /// The trunk, if the number's carrier has one whose account is configured.
    async fn read_trunk(&self) -> Result<Option<TrunkListing>, ToggleNumberError> {
        match self.trunk.filter(|trunk| trunk.carrier() == self.held.number.carrier) {
            Some(trunk) => trunk.read().await.map(Some).map_err(ToggleNumberError::Trunk),
            None => Ok(None),
        }
    }

    /// The entries of the number in the workspace.
    async fn listed(&self) -> Result<Vec<WorkspaceNumber>, ToggleNumberError> {
        let mut numbers = self.workspace.numbers().await.map_err(ToggleNumberError::Workspace)?;
        numbers.retain(|listed| listed.phone_number == self.held.number.phone_number);
        Ok(numbers)
    }
}

impl From<OffTrunk> for ToggleNumberError {
    fn from(fault: OffTrunk) -> Self {
        Self::NotOnTrunk(fault)
    }
}

/// Stores how many calls may start on a trunk in a second, if it is not known.
pub(super) async fn store_limit(
    provisioning: &dyn Provisioning,
    carrier: &Carrier,
    trunk: &Trunk,
) -> Result<(), PortUnavailable> {
    if provisioning.calls_per_second(&trunk.id).await? == Some(trunk.calls_per_second) {
        return Ok(());
    }
    let stored = ProvisionedTrunk {
        id: trunk.id.clone(),
        carrier: carrier.clone(),
        calls_per_second: trunk.calls_per_second,
    };
    let changes = ProvisioningChanges { trunk: Some(stored), ..ProvisioningChanges::default() };
    provisioning.apply(&changes).await
}

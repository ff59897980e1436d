use std::sync::Arc;

use adapter_elevenlabs::{ElevenLabsSettings, ElevenLabsWorkspace};
use adapter_sinch::SinchTrunk;
use anyhow::Context as _;
use domain::ports::{TrunkDirectory, VoiceWorkspace};
use domain::{SyncVendors, SyncVendorsPorts, ToggleNumber, ToggleNumberPorts};

use super::Stores;
use crate::config::{Settings, Voice};
use crate::system::SystemClock;

/// What compares the directory with the vendors' accounts.
pub(crate) struct Vendors {
    pub(crate) sync: SyncVendors,
    pub(crate) workspace: Arc<dyn VoiceWorkspace>,
}

/// The operator's accounts at the vendors.
pub(crate) struct Accounts {
    pub(crate) workspace: Arc<dyn VoiceWorkspace>,
    /// `None` if it is not configured.
    pub(crate) trunk: Option<Arc<dyn TrunkDirectory>>,
}

impl Accounts {
    /// `None` if the voice provider has no account that can be read.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Voice::ElevenLabs { api_key, base_url, .. } = &settings.voice else { return Ok(None) };
        let account =
            ElevenLabsSettings { base_url: base_url.clone(), ..ElevenLabsSettings::new(api_key.clone()) };
        let workspace = Arc::new(ElevenLabsWorkspace::new(&account)?);
        Ok(Some(Self { workspace, trunk: trunk(settings)? }))
    }
}

/// Enables and disables AI calls from numbers, in this account.
pub(crate) fn toggle_number(
    settings: &Settings,
    stores: &Stores,
    workspace: Option<Arc<dyn VoiceWorkspace>>,
) -> anyhow::Result<ToggleNumber> {
    let ports = ToggleNumberPorts {
        users: stores.database(),
        agents: stores.database(),
        numbers: stores.database(),
        provisioning: stores.database(),
        workspace,
        trunk: trunk(settings)?,
        clock: Arc::new(SystemClock),
    };
    let toggle = ToggleNumber::new(ports, &super::voice::carriers(&settings.voice)?);
    Ok(toggle.with_credentials(stores.database()))
}

fn trunk(settings: &Settings) -> anyhow::Result<Option<Arc<dyn TrunkDirectory>>> {
    let trunk = settings.sinch.as_ref().map(SinchTrunk::new).transpose().context("OUTDIAL_SINCH_*")?;
    Ok(trunk.map(|trunk| Arc::new(trunk) as Arc<dyn TrunkDirectory>))
}

impl Vendors {
    /// `None` if the voice provider has no account that can be read.
    pub(crate) fn of(settings: &Settings, stores: &Stores) -> anyhow::Result<Option<Self>> {
        let Some(Accounts { workspace, trunk }) = Accounts::of(settings)? else { return Ok(None) };
        let ports = SyncVendorsPorts {
            workspace: workspace.clone(),
            trunk,
            provisioning: stores.database(),
            directory: stores.database(),
            credentials: stores.database(),
        };
        let sync = SyncVendors::new(ports, &super::voice::carriers(&settings.voice)?);
        Ok(Some(Self { sync, workspace }))
    }
}

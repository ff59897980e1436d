use std::sync::Arc;

use adapter_elevenlabs::{ElevenLabsSettings, ElevenLabsWorkspace};
use adapter_sinch::SinchTrunk;
use anyhow::Context as _;
use domain::ports::{TrunkDirectory, VoiceWorkspace};
use domain::{SyncVendors, SyncVendorsPorts};

use super::Stores;
use crate::config::{Settings, Voice};

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
        let trunk = settings.sinch.as_ref().map(SinchTrunk::new).transpose().context("OUTDIAL_SINCH_*")?;
        Ok(Some(Self {
            workspace: Arc::new(ElevenLabsWorkspace::new(&account)?),
            trunk: trunk.map(|trunk| Arc::new(trunk) as Arc<dyn TrunkDirectory>),
        }))
    }
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

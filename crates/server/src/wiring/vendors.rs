use std::sync::Arc;

use adapter_elevenlabs::{ElevenLabs, ElevenLabsSettings, ElevenLabsWorkspace};
use adapter_sinch::SinchTrunk;
use anyhow::Context as _;
use domain::ports::{TrunkDirectory, VoiceProvider as _, VoiceWorkspace};
use domain::{SyncVendors, SyncVendorsPorts};

use super::Stores;
use crate::config::{Settings, Voice};

/// What compares the directory with the vendors' accounts.
pub(crate) struct Vendors {
    pub(crate) sync: SyncVendors,
    pub(crate) workspace: Arc<dyn VoiceWorkspace>,
}

impl Vendors {
    /// `None` if the voice provider has no account that can be read.
    pub(crate) fn of(settings: &Settings, stores: &Stores) -> anyhow::Result<Option<Self>> {
        let Voice::ElevenLabs { api_key, base_url, .. } = &settings.voice else { return Ok(None) };
        let account =
            ElevenLabsSettings { base_url: base_url.clone(), ..ElevenLabsSettings::new(api_key.clone()) };
        let workspace = Arc::new(ElevenLabsWorkspace::new(&account)?);
        let trunk = settings.sinch.as_ref().map(SinchTrunk::new).transpose().context("OUTDIAL_SINCH_*")?;
        let ports = SyncVendorsPorts {
            workspace: workspace.clone(),
            trunk: trunk.map(|trunk| Arc::new(trunk) as Arc<dyn TrunkDirectory>),
            provisioning: stores.database(),
            directory: stores.database(),
        };
        let sync = SyncVendors::new(ports, ElevenLabs::new(&account)?.carriers());
        Ok(Some(Self { sync, workspace }))
    }
}

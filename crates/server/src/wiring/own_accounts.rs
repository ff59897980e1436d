//! The adapters of accounts that organizations have of their own.

use std::sync::Arc;

use adapter_elevenlabs::{
    ElevenLabs, ElevenLabsRecords, ElevenLabsSettings, ElevenLabsWebhook, ElevenLabsWebhookSettings,
    ElevenLabsWorkspace,
};
use adapter_sinch::{SinchSettings, SinchTrunk};
use domain::ports::{
    CarrierAccount, ProviderRecordings, ProviderRecords, TrunkDirectory, UnusableAccount, VendorAccess,
    VendorAccounts, VoiceWorkspace,
};
use domain::{SecretKind, TrunkId, VendorSecret, VoiceConfig, VoiceConfigPorts, VoiceConfigSettings};
use secrecy::SecretString;
use url::Url;

use super::{Stores, VoiceParts};
use crate::config::Settings;
use crate::own_accounts::{
    NoOwnAccounts, OwnAccount, OwnAccounts, OwnVoice, OwnerOfCall, RecordingsOfAccounts, RecordsOfAccounts,
    Secrets, VoiceOfAccounts,
};
use crate::system::{RandomIdentifiers, SystemClock};

/// The accounts of organizations beside that of the gateway.
pub(crate) struct OrganizationAccounts {
    pub(crate) accounts: Arc<dyn VendorAccounts>,
    access: Option<Arc<dyn VendorAccess>>,
}

impl OrganizationAccounts {
    /// Makes each port of the voice provider use the account of the organization that calls, if the
    /// provider has such accounts.
    pub(crate) fn beside(voice: VoiceParts, settings: &Settings, stores: &Stores) -> (VoiceParts, Self) {
        let Some(template) = voice.account.clone() else {
            return (voice, Self { accounts: Arc::new(NoOwnAccounts), access: None });
        };
        let access = Access { template: template.clone(), sinch_urls: settings.sinch_urls.clone() };
        let accounts = Arc::new(OwnAccounts::new(
            stores.database(),
            Arc::new(settings.credentials.keys.clone()),
            Box::new(move |secrets| own_account(&template, secrets)),
            Arc::new(SystemClock),
            settings.credentials.read_every,
        ));
        let owner = OwnerOfCall { accounts: accounts.clone(), calls: stores.database() };
        let voice = VoiceParts {
            provider: Arc::new(VoiceOfAccounts { gateway: voice.provider, accounts: accounts.clone() }),
            records: voice.records.map(|gateway| {
                Arc::new(RecordsOfAccounts { gateway, owner: owner.clone() }) as Arc<dyn ProviderRecords>
            }),
            recordings: voice.recordings.map(|gateway| {
                Arc::new(RecordingsOfAccounts { gateway, owner: owner.clone() })
                    as Arc<dyn ProviderRecordings>
            }),
            ..voice
        };
        (voice, Self { accounts, access: Some(Arc::new(access)) })
    }

    /// The use case that shows and changes them.
    pub(crate) fn voice_config(
        &self,
        provider: &'static str,
        settings: &Settings,
        stores: &Stores,
    ) -> anyhow::Result<VoiceConfig> {
        let ports = VoiceConfigPorts {
            users: stores.database(),
            store: stores.database(),
            cipher: Arc::new(settings.credentials.keys.clone()),
            directory: stores.database(),
            access: self.access.clone(),
            accounts: self.accounts.clone(),
            identifiers: Arc::new(RandomIdentifiers),
            clock: Arc::new(SystemClock),
        };
        let root = settings.credentials.public_url.as_ref().filter(|_| self.access.is_some());
        let webhook_url = root.map(|root| {
            let root = root.as_str().trim_end_matches('/');
            format!("{root}{}", adapter_http::paths::ORGANIZATION_EVENTS).into()
        });
        let offered = VoiceConfigSettings {
            voice_provider: provider.into(),
            carriers: super::carriers(&settings.voice)?,
            has_account: true,
            webhook_url,
        };
        Ok(VoiceConfig::new(ports, offered))
    }
}

/// Builds the adapters of an account. Everything but the key is as in the settings.
fn own_account(template: &ElevenLabsSettings, secrets: &Secrets) -> anyhow::Result<OwnAccount> {
    let secret = |kind| secrets.get(&kind).map(exposed);
    let voice = secret(SecretKind::VoiceApiKey).map(|api_key| {
        let settings = ElevenLabsSettings { api_key, ..template.clone() };
        let records = Arc::new(ElevenLabsRecords::new(&settings)?);
        anyhow::Ok(OwnVoice {
            provider: Arc::new(ElevenLabs::new(&settings)?),
            records: records.clone(),
            recordings: records,
        })
    });
    let settings = ElevenLabsWebhookSettings {
        secrets: secret(SecretKind::WebhookSecret).into_iter().collect(),
        bearer: secret(SecretKind::ToolSecret),
    };
    let verifies = !settings.secrets.is_empty() || settings.bearer.is_some();
    let webhook = verifies.then(|| ElevenLabsWebhook::new(&settings)).transpose()?;
    Ok(OwnAccount { voice: voice.transpose()?, webhook: webhook.map(|webhook| Arc::new(webhook) as Arc<_>) })
}

/// Opens the accounts of keys that an organization wants to store.
struct Access {
    template: ElevenLabsSettings,
    sinch_urls: (Url, Url),
}

impl VendorAccess for Access {
    fn workspace(&self, api_key: &VendorSecret) -> Result<Arc<dyn VoiceWorkspace>, UnusableAccount> {
        let settings = ElevenLabsSettings { api_key: exposed(api_key), ..self.template.clone() };
        let workspace = ElevenLabsWorkspace::new(&settings);
        Ok(Arc::new(workspace.map_err(|_| UnusableAccount)?))
    }

    fn trunk(&self, account: &CarrierAccount) -> Result<Arc<dyn TrunkDirectory>, UnusableAccount> {
        let CarrierAccount { project_id, key_id, key_secret, trunk_id } = account;
        let settings = SinchSettings::new(
            project_id.as_str().to_owned(),
            key_id.expose().to_owned(),
            exposed(key_secret),
            TrunkId::parse(trunk_id.as_str()).map_err(|_| UnusableAccount)?,
        );
        let (auth_url, trunk_url) = self.sinch_urls.clone();
        let trunk = SinchTrunk::new(&SinchSettings { auth_url, trunk_url, ..settings });
        Ok(Arc::new(trunk.map_err(|_| UnusableAccount)?))
    }
}

fn exposed(secret: &VendorSecret) -> SecretString {
    SecretString::from(secret.expose())
}

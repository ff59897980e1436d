use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use adapter_elevenlabs::{
    ElevenLabs, ElevenLabsRecords, ElevenLabsSettings, ElevenLabsWebhook, ElevenLabsWebhookSettings,
    ElevenLabsWorkspace,
};
use adapter_vapi::{Vapi, VapiRecords, VapiSettings};
use anyhow::Context as _;
use domain::Carrier;
use domain::ports::{ProviderRecordings, ProviderRecords, ProviderWebhook, VoiceProvider, VoiceWorkspace};
use secrecy::SecretString;
use simulator::{Simulator, WebhookSettings};
use url::Url;

use crate::config::{Settings, Voice, WebhookSecrets};
use crate::system::random_secret;

/// The adapters of a voice provider.
pub(crate) struct VoiceParts {
    /// Its name, which clients read in a call.
    pub(crate) name: &'static str,
    /// The host of its API.
    pub(crate) host: String,
    pub(crate) provider: Arc<dyn VoiceProvider>,
    pub(crate) records: Option<Arc<dyn ProviderRecords>>,
    pub(crate) recordings: Option<Arc<dyn ProviderRecordings>>,
    /// Present if its events can be verified: a secret is configured, or organizations can store some.
    pub(crate) webhook: Option<Arc<dyn ProviderWebhook>>,
    /// The account of the gateway, if organizations can have accounts of their own beside it.
    pub(crate) account: Option<ElevenLabsSettings>,
    /// Its account, if it has one whose phone numbers can be changed.
    pub(crate) workspace: Option<Arc<dyn VoiceWorkspace>>,
    pub(crate) simulated: Option<Simulated>,
}

/// A simulator in this process, and the secret that it signs with.
pub(crate) struct Simulated {
    pub(crate) simulator: Simulator,
    secret: String,
}

impl VoiceParts {
    /// Builds the adapters of the configured provider.
    pub(crate) async fn of(settings: &Settings) -> anyhow::Result<Self> {
        let (voice, stores_secrets) = (&settings.voice, !settings.credentials.keys.is_empty());
        let trunk_login = settings.trunk_login.as_ref();
        match voice {
            Voice::ElevenLabs { api_key, base_url, webhook } => {
                let settings = ElevenLabsSettings {
                    base_url: base_url.clone(),
                    trunk_login: trunk_login.cloned(),
                    ..ElevenLabsSettings::new(api_key.clone())
                };
                Self::elevenlabs(voice.name(), &settings, webhook, stores_secrets)
            }
            Voice::Vapi { api_key, base_url } => {
                let settings =
                    VapiSettings { base_url: base_url.clone(), ..VapiSettings::new(api_key.clone()) };
                Ok(Self {
                    name: voice.name(),
                    host: host(base_url),
                    provider: Arc::new(Vapi::new(&settings)?),
                    records: Some(Arc::new(VapiRecords::new(&settings)?)),
                    recordings: None,
                    webhook: None,
                    account: None,
                    workspace: None,
                    simulated: None,
                })
            }
            Voice::Simulator { tool_secret } => {
                let simulator = Simulator::start(simulator::Settings::default())
                    .await
                    .context("cannot start the simulator")?;
                let base_url = simulator.base_url().parse().context("the simulator has an address")?;
                let settings = ElevenLabsSettings {
                    base_url,
                    ..ElevenLabsSettings::new(SecretString::from("simulated"))
                };
                let secret = random_secret();
                let secrets = WebhookSecrets {
                    signing: vec![SecretString::from(secret.clone())],
                    tool: tool_secret.clone(),
                };
                let parts = Self::elevenlabs(voice.name(), &settings, &secrets, stores_secrets)?;
                Ok(Self { simulated: Some(Simulated { simulator, secret }), ..parts })
            }
        }
    }

    fn elevenlabs(
        name: &'static str,
        settings: &ElevenLabsSettings,
        secrets: &WebhookSecrets,
        stores_secrets: bool,
    ) -> anyhow::Result<Self> {
        let WebhookSecrets { signing, tool } = secrets.clone();
        let webhook: Option<Arc<dyn ProviderWebhook>> =
            if signing.is_empty() && tool.is_none() && !stores_secrets {
                None
            } else {
                let verifying = ElevenLabsWebhookSettings { secrets: signing, bearer: tool };
                Some(Arc::new(ElevenLabsWebhook::new(&verifying)?))
            };
        let records = Arc::new(ElevenLabsRecords::new(settings)?);
        Ok(Self {
            name,
            host: host(&settings.base_url),
            provider: Arc::new(ElevenLabs::new(settings)?),
            records: Some(records.clone()),
            recordings: Some(records),
            webhook,
            account: Some(settings.clone()),
            workspace: Some(Arc::new(ElevenLabsWorkspace::new(settings)?)),
            simulated: None,
        })
    }
}

/// The carriers whose numbers serve the calls of the provider.
pub(crate) fn carriers(voice: &Voice) -> anyhow::Result<Vec<Carrier>> {
    let provider: Box<dyn VoiceProvider> = match voice {
        Voice::Vapi { api_key, .. } => Box::new(Vapi::new(&VapiSettings::new(api_key.clone()))?),
        // The simulator speaks the language of ElevenLabs.
        Voice::ElevenLabs { .. } | Voice::Simulator { .. } => {
            Box::new(ElevenLabs::new(&ElevenLabsSettings::new(SecretString::from("unused")))?)
        }
    };
    Ok(provider.carriers().to_vec())
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

impl Simulated {
    /// Makes the simulator send its events to the gateway at this address. The simulator sends them on
    /// this machine only: a gateway that listens on all addresses gets them on the loopback one.
    pub(crate) fn send_events_to(&self, mut gateway: SocketAddr) -> std::io::Result<()> {
        match gateway.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => gateway.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => gateway.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let url = format!("http://{gateway}{}", adapter_http::paths::PROVIDER_EVENTS);
        self.simulator.send_webhooks_to(Some(&WebhookSettings { url, secret: self.secret.clone() }))
    }
}

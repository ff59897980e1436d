use crate::{AccountText, SealedSecret, SecretKind, VendorCredentials, VendorSecret};

/// What changes of an organization's accounts. Whatever is `None` stays the same, and `Some(None)` is
/// cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigChange {
    /// The name of the voice provider.
    pub voice_provider: Option<Option<AccountText>>,
    /// The API key of the voice provider.
    pub voice_api_key: Option<Option<VendorSecret>>,
    /// The secret that signs the voice provider's events.
    pub webhook_secret: Option<Option<VendorSecret>>,
    /// The bearer token of the voice provider's questions and tools.
    pub tool_secret: Option<Option<VendorSecret>>,
    /// Whether a new tool secret is made.
    pub generate_tool_secret: bool,
    /// The id of an access key of the carrier's account.
    pub carrier_key_id: Option<Option<VendorSecret>>,
    /// Its secret.
    pub carrier_key_secret: Option<Option<VendorSecret>>,
    /// The project of the carrier's account.
    pub carrier_project_id: Option<Option<AccountText>>,
    /// The trunk.
    pub carrier_trunk_id: Option<Option<AccountText>>,
    /// The host of the trunk.
    pub carrier_trunk_domain: Option<Option<AccountText>>,
}

/// Changed credentials.
pub(super) struct Applied {
    pub(super) credentials: VendorCredentials,
    /// The names of what the change sets or clears.
    pub(super) changed: Vec<&'static str>,
}

impl ConfigChange {
    /// Whether it stores a secret.
    pub(super) fn has_secret(&self) -> bool {
        self.secrets().into_iter().any(|(_, secret)| matches!(secret, Some(Some(_))))
    }

    /// Whether it sets a part of the carrier's account that the carrier can be asked about.
    pub(super) fn has_carrier_account(&self) -> bool {
        let secrets = [&self.carrier_key_id, &self.carrier_key_secret];
        let texts = [&self.carrier_project_id, &self.carrier_trunk_id];
        secrets.into_iter().any(|it| matches!(it, Some(Some(_))))
            || texts.into_iter().any(|it| matches!(it, Some(Some(_))))
    }

    /// Applies it to what is stored.
    pub(super) fn apply<E>(
        &self,
        mut credentials: VendorCredentials,
        seal: impl Fn(SecretKind, &VendorSecret) -> Result<SealedSecret, E>,
    ) -> Result<Applied, E> {
        let mut changed = Vec::new();
        let texts = [
            ("voiceProvider", &self.voice_provider, &mut credentials.voice_provider),
            ("carrierProjectId", &self.carrier_project_id, &mut credentials.carrier_project_id),
            ("carrierTrunkId", &self.carrier_trunk_id, &mut credentials.carrier_trunk_id),
            ("carrierTrunkDomain", &self.carrier_trunk_domain, &mut credentials.carrier_trunk_domain),
        ];
        for (name, change, stored) in texts {
            if let Some(new) = change {
                stored.clone_from(new);
                changed.push(name);
            }
        }
        for (kind, change) in self.secrets() {
            match change {
                Some(Some(secret)) => {
                    credentials.secrets.insert(kind, seal(kind, secret)?);
                }
                Some(None) => {
                    credentials.secrets.remove(&kind);
                }
                None => continue,
            }
            changed.push(kind.as_str());
        }
        Ok(Applied { credentials, changed })
    }

    const fn secrets(&self) -> [(SecretKind, &Option<Option<VendorSecret>>); 5] {
        [
            (SecretKind::VoiceApiKey, &self.voice_api_key),
            (SecretKind::WebhookSecret, &self.webhook_secret),
            (SecretKind::ToolSecret, &self.tool_secret),
            (SecretKind::CarrierKeyId, &self.carrier_key_id),
            (SecretKind::CarrierKeySecret, &self.carrier_key_secret),
        ]
    }
}

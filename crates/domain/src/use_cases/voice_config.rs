//! The accounts that an organization has of its own at the vendors.

mod change;
mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::change::Applied;
pub use self::change::ConfigChange;
use crate::ports::{
    CarrierAccount, Clock, CredentialCipher, CredentialStore, CredentialsChange, DirectoryQuery,
    DirectoryReader, Identifiers, NoCredentialsKey, NotOpened, PortUnavailable, PutCredentialsResult,
    UserRepo, VendorAccess, VendorAccounts, VendorFailure,
};
use crate::{
    CallerNumber, Carrier, OrganizationId, SecretKind, User, UserId, VendorCredentials, VendorSecret,
};

/// Shows and changes which accounts an organization has of its own. No secret is ever returned, except a
/// new tool secret to the user who asked for it.
pub struct VoiceConfig {
    ports: VoiceConfigPorts,
    settings: VoiceConfigSettings,
}

/// The ports that this needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct VoiceConfigPorts {
    pub users: Arc<dyn UserRepo>,
    pub store: Arc<dyn CredentialStore>,
    pub cipher: Arc<dyn CredentialCipher>,
    pub directory: Arc<dyn DirectoryReader>,
    /// `None` if the gateway's voice provider has no accounts of organizations.
    pub access: Option<Arc<dyn VendorAccess>>,
    pub accounts: Arc<dyn VendorAccounts>,
    pub identifiers: Arc<dyn Identifiers>,
    pub clock: Arc<dyn Clock>,
}

/// What the gateway offers.
#[derive(Debug, Clone)]
pub struct VoiceConfigSettings {
    /// The name of the voice provider that places the calls.
    pub voice_provider: Box<str>,
    /// The carriers whose numbers serve its calls.
    pub carriers: Vec<Carrier>,
    /// Whether calls are placed with an account of the gateway if an organization has none.
    pub has_account: bool,
    /// The URL of the webhook of an organization, in which `{organizationId}` is its id. `None` if the
    /// gateway does not know its own URL.
    pub webhook_url: Option<Box<str>>,
}

/// What is configured, without any secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceConfigView {
    /// The voice provider: the one that the organization chose, or that of the gateway.
    pub voice_provider: Box<str>,
    /// The secrets that the organization stored.
    pub secrets: BTreeSet<SecretKind>,
    /// Whether the gateway's account serves an organization without an API key of its own.
    pub has_gateway_account: bool,
    /// The project of the carrier's account.
    pub carrier_project_id: Option<Box<str>>,
    /// Its trunk.
    pub carrier_trunk_id: Option<Box<str>>,
    /// The host of the trunk.
    pub carrier_trunk_domain: Option<Box<str>>,
    /// The organization's numbers of the carriers that serve calls.
    pub numbers: Vec<CallerNumber>,
}

/// What was saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedConfig {
    /// The new tool secret, if one was asked for. It is shown only here.
    pub tool_secret: Option<VendorSecret>,
    /// Whether the webhook of the workspace sends events to the gateway; `None` without a new API key.
    pub is_webhook_registered: Option<bool>,
}

/// Why the accounts were not shown or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoiceConfigError {
    /// The token names a user who does not exist.
    #[error("user not found")]
    UserNotFound,
    /// The user has no role that permits it.
    #[error("this needs the role SUPERADMIN")]
    NotPermitted,
    /// The gateway does not place calls with this voice provider.
    #[error("must be the voice provider of this gateway")]
    OtherProvider,
    /// The gateway's voice provider has no accounts of organizations.
    #[error("the voice provider of this gateway does not use accounts of organizations")]
    NoAccounts,
    /// The operator configured no key to seal secrets with.
    #[error("the gateway cannot store credentials: OUTDIAL_CREDENTIALS_KEY is not set")]
    NoKey,
    /// The voice provider does not accept the API key. Nothing was stored.
    #[error("the voice provider does not accept the key")]
    VoiceKeyRefused,
    /// The carrier does not accept the account, or has no such trunk. Nothing was stored.
    #[error("the carrier does not accept the account, or has no such trunk")]
    CarrierRefused,
    /// A vendor could not be asked about its key. Nothing was stored.
    #[error("the vendor could not be asked about the key: {0}")]
    NotAsked(VendorFailure),
    /// A store is unavailable.
    #[error("the service is temporarily unavailable")]
    ServiceUnavailable(#[from] PortUnavailable),
}

/// How often a change is applied again because another one was stored meanwhile.
const ATTEMPTS: usize = 5;
const PAGE_LEN: u32 = 500;

impl VoiceConfig {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: VoiceConfigPorts, settings: VoiceConfigSettings) -> Self {
        Self { ports, settings }
    }

    /// What the user's organization has configured.
    pub async fn view(&self, user: &UserId) -> Result<VoiceConfigView, VoiceConfigError> {
        let organization_id = self.user(user).await?.organization.id;
        let stored = self.stored(&organization_id).await?.0;
        let text = |text: &Option<crate::AccountText>| text.as_ref().map(|text| text.as_str().into());
        let chosen: Option<Box<str>> = text(&stored.voice_provider);
        Ok(VoiceConfigView {
            voice_provider: chosen.unwrap_or_else(|| self.settings.voice_provider.clone()),
            secrets: stored.secrets.keys().copied().collect(),
            has_gateway_account: self.settings.has_account,
            carrier_project_id: text(&stored.carrier_project_id),
            carrier_trunk_id: text(&stored.carrier_trunk_id),
            carrier_trunk_domain: text(&stored.carrier_trunk_domain),
            numbers: self.numbers(&organization_id).await?,
        })
    }

    /// Changes the accounts of the user's organization. The vendors are asked about new keys first, and
    /// nothing is stored if one refuses. Then the webhook of the new API key's workspace is registered: a
    /// failure of that is logged, and the rest stays saved.
    pub async fn save(&self, user: &UserId, change: ConfigChange) -> Result<SavedConfig, VoiceConfigError> {
        let user = self.user(user).await?;
        if !user.may_change_accounts() {
            return Err(VoiceConfigError::NotPermitted);
        }
        let organization_id = user.organization.id;
        let chosen = change.voice_provider.iter().flatten();
        if chosen.into_iter().any(|name| name.as_str() != &*self.settings.voice_provider) {
            return Err(VoiceConfigError::OtherProvider);
        }
        let tool_secret = change.generate_tool_secret.then(|| self.ports.identifiers.tool_secret());
        let mut change = change;
        change.tool_secret = tool_secret.clone().map(Some).or(change.tool_secret);
        if change.has_secret() {
            if self.ports.access.is_none() {
                return Err(VoiceConfigError::NoAccounts);
            }
            // Before a vendor is asked: nothing could be stored.
            self.seal_for_trial(&organization_id)?;
        }
        self.ask_vendors(&organization_id, &change).await?;
        let is_changed = self.apply(&organization_id, Some(&user.id), &change).await?;
        if is_changed {
            self.reload().await;
        }
        let mut saved = SavedConfig { tool_secret, is_webhook_registered: None };
        if let Some(Some(api_key)) = &change.voice_api_key {
            saved.is_webhook_registered =
                Some(self.register_webhook(&organization_id, &user.id, api_key).await);
        }
        Ok(saved)
    }

    /// Stores a change, and returns whether there was one.
    async fn apply(
        &self,
        organization_id: &OrganizationId,
        user_id: Option<&UserId>,
        change: &ConfigChange,
    ) -> Result<bool, VoiceConfigError> {
        for _ in 0..ATTEMPTS {
            let (stored, revision) = self.stored(organization_id).await?;
            let seal = |kind, secret: &VendorSecret| self.ports.cipher.seal(organization_id, kind, secret);
            let Applied { credentials, changed } = change.apply(stored, seal)?;
            if changed.is_empty() {
                return Ok(false);
            }
            let put = CredentialsChange {
                organization_id: organization_id.clone(),
                credentials,
                expected_revision: revision,
                changed,
                user_id: user_id.cloned(),
                at: self.ports.clock.now(),
            };
            match self.ports.store.put_credentials(&put).await? {
                PutCredentialsResult::Stored => return Ok(true),
                PutCredentialsResult::OtherRevision => {}
            }
        }
        Err(unavailable("the credentials were changed by others all the time"))
    }

    /// The stored credentials, with their revision.
    async fn stored(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<(VendorCredentials, u64), VoiceConfigError> {
        match self.ports.store.credentials(organization_id).await? {
            None => Ok((VendorCredentials::default(), 0)),
            Some(stored) => match stored.credentials {
                Some(credentials) => Ok((credentials, stored.revision)),
                None => Err(unavailable("the stored credentials cannot be read by this release")),
            },
        }
    }

    /// Asks the vendors about new keys.
    async fn ask_vendors(
        &self,
        organization_id: &OrganizationId,
        change: &ConfigChange,
    ) -> Result<(), VoiceConfigError> {
        let Some(access) = &self.ports.access else { return Ok(()) };
        if let Some(Some(api_key)) = &change.voice_api_key {
            let workspace = access.workspace(api_key).map_err(|_| VoiceConfigError::VoiceKeyRefused)?;
            match workspace.numbers().await {
                // A key that may not list numbers may still dial.
                Ok(_) | Err(VendorFailure::NotAllowed | VendorFailure::NotFound) => {}
                Err(VendorFailure::KeyRefused) => return Err(VoiceConfigError::VoiceKeyRefused),
                Err(failure) => return Err(VoiceConfigError::NotAsked(failure)),
            }
        }
        if change.has_carrier_account()
            && let Some(account) = self.carrier_account(organization_id, change).await?
        {
            let trunk = access.trunk(&account).map_err(|_| VoiceConfigError::CarrierRefused)?;
            match trunk.read().await {
                Ok(_) | Err(VendorFailure::NotAllowed) => {}
                Err(VendorFailure::KeyRefused | VendorFailure::NotFound) => {
                    return Err(VoiceConfigError::CarrierRefused);
                }
                Err(failure) => return Err(VoiceConfigError::NotAsked(failure)),
            }
        }
        Ok(())
    }

    /// The carrier's account after the change. `None` while a part of it is missing: it cannot be asked
    /// about yet.
    async fn carrier_account(
        &self,
        organization_id: &OrganizationId,
        change: &ConfigChange,
    ) -> Result<Option<CarrierAccount>, VoiceConfigError> {
        let (stored, _) = self.stored(organization_id).await?;
        let secret = |kind, changed: &Option<Option<VendorSecret>>| match (changed, stored.secrets.get(&kind))
        {
            (Some(changed), _) => Ok(changed.clone()),
            (None, Some(sealed)) => self.ports.cipher.open(organization_id, kind, sealed).map(Some),
            (None, None) => Ok(None),
        };
        let key_id = secret(SecretKind::CarrierKeyId, &change.carrier_key_id)?;
        let key_secret = secret(SecretKind::CarrierKeySecret, &change.carrier_key_secret)?;
        let project_id = change.carrier_project_id.clone().unwrap_or(stored.carrier_project_id);
        let trunk_id = change.carrier_trunk_id.clone().unwrap_or(stored.carrier_trunk_id);
        Ok((|| {
            Some(CarrierAccount {
                project_id: project_id?,
                key_id: key_id?,
                key_secret: key_secret?,
                trunk_id: trunk_id?,
            })
        })())
    }

    fn seal_for_trial(&self, organization_id: &OrganizationId) -> Result<(), VoiceConfigError> {
        let trial = VendorSecret::mint([0; 32]);
        self.ports.cipher.seal(organization_id, SecretKind::ToolSecret, &trial)?;
        Ok(())
    }

    /// The other processes read the change within the time that is documented.
    async fn reload(&self) {
        if let Err(error) = self.ports.accounts.reload().await {
            tracing::warn!(%error, "saved credentials, but this process uses them only after its next reading of all");
        }
    }

    async fn numbers(&self, organization_id: &OrganizationId) -> Result<Vec<CallerNumber>, VoiceConfigError> {
        let (mut numbers, mut after) = (Vec::new(), None);
        loop {
            let query = DirectoryQuery {
                organization_id: organization_id.clone(),
                after,
                limit: PAGE_LEN,
                count_up_to: 1,
            };
            let page = self.ports.directory.numbers(&query).await?.records;
            let is_last = page.len() < PAGE_LEN as usize;
            after = page.last().map(|number| number.phone_number.clone());
            numbers.extend(page.into_iter().filter(|it| self.settings.carriers.contains(&it.carrier)));
            if is_last {
                return Ok(numbers);
            }
        }
    }

    async fn user(&self, user: &UserId) -> Result<User, VoiceConfigError> {
        self.ports.users.find(user).await?.ok_or(VoiceConfigError::UserNotFound)
    }
}

fn unavailable(reason: &'static str) -> VoiceConfigError {
    PortUnavailable::new("credentials", reason).into()
}

impl From<NoCredentialsKey> for VoiceConfigError {
    fn from(_: NoCredentialsKey) -> Self {
        Self::NoKey
    }
}

impl From<NotOpened> for VoiceConfigError {
    fn from(_: NotOpened) -> Self {
        unavailable("the stored credentials cannot be decrypted: `outdial check` names the remedy")
    }
}

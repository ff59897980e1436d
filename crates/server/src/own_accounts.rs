//! The accounts that organizations have of their own, as this process uses them.
//!
//! All stored credentials are in memory, and are read again on a schedule and after a change in this
//! process. So the path to the dial has no statement for them, and a request of a stranger to the webhooks
//! reaches no store. What was read is used for at most the interval and [`GRACE`]: after that it is read
//! again before it is used, and if that fails, the calls are refused. None of it decides which calls are
//! duplicates, whose a record is, or who may be called.

mod ports;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use domain::ports::{
    Clock, CredentialCipher, CredentialStore, PortUnavailable, ProviderRecordings, ProviderRecords,
    ProviderWebhook, VendorAccounts, VoiceProvider, WebhookCredentials,
};
use domain::{OrganizationId, SecretKind, StoredCredentials, VendorSecret};

pub(crate) use self::ports::{OwnerOfCall, RecordingsOfAccounts, RecordsOfAccounts, VoiceOfAccounts};

/// The opened secrets of an organization.
pub(crate) type Secrets = BTreeMap<SecretKind, VendorSecret>;

/// Builds the adapters of an organization's own account.
pub(crate) type Build = Box<dyn Fn(&Secrets) -> anyhow::Result<OwnAccount> + Send + Sync>;

/// What an organization has of its own.
pub(crate) struct OwnAccount {
    /// `None` without an API key: the gateway's account places the calls.
    pub(crate) voice: Option<OwnVoice>,
    /// `None` without a secret that verifies requests.
    pub(crate) webhook: Option<Arc<dyn ProviderWebhook>>,
}

/// The adapters of the organization's account at the voice provider.
pub(crate) struct OwnVoice {
    pub(crate) provider: Arc<dyn VoiceProvider>,
    pub(crate) records: Arc<dyn ProviderRecords>,
    pub(crate) recordings: Arc<dyn ProviderRecordings>,
}

/// Reads, opens and keeps the credentials of all organizations.
pub(crate) struct OwnAccounts {
    store: Arc<dyn CredentialStore>,
    cipher: Arc<dyn CredentialCipher>,
    build: Build,
    clock: Arc<dyn Clock>,
    longest_use: Duration,
    known: Mutex<Arc<Known>>,
    reading: tokio::sync::Mutex<()>,
}

/// What was read last.
#[derive(Default)]
struct Known {
    read_at: Option<Duration>,
    by_organization: HashMap<OrganizationId, Entry>,
    /// By the digest of the tool secret: a look-up by it does not depend on the secret byte by byte.
    by_token: HashMap<Vec<u8>, OrganizationId>,
}

#[derive(Clone)]
struct Entry {
    revision: u64,
    token: Option<Vec<u8>>,
    /// Or why it cannot be used.
    account: Result<Arc<OwnAccount>, &'static str>,
}

const PAGE_LEN: u32 = 500;
/// For how long what was read is used after its next reading was due.
const GRACE: Duration = Duration::from_mins(1);

impl OwnAccounts {
    pub(crate) fn new(
        store: Arc<dyn CredentialStore>,
        cipher: Arc<dyn CredentialCipher>,
        build: Build,
        clock: Arc<dyn Clock>,
        read_every: Duration,
    ) -> Self {
        Self {
            store,
            cipher,
            build,
            clock,
            longest_use: read_every + GRACE,
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    fn current(&self) -> Arc<Known> {
        Arc::clone(&self.known.lock().expect("no panic while this is locked"))
    }

    /// What was read, unless it is too old.
    fn fresh(&self) -> Option<Arc<Known>> {
        let (known, now) = (self.current(), self.clock.monotonic());
        let is_fresh = known.read_at.is_some_and(|at| now.saturating_sub(at) <= self.longest_use);
        is_fresh.then_some(known)
    }

    async fn known(&self) -> Result<Arc<Known>, PortUnavailable> {
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let _turn = self.reading.lock().await;
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        self.read().await
    }

    async fn read(&self) -> Result<Arc<Known>, PortUnavailable> {
        let before = self.current();
        let mut known = Known { read_at: Some(self.clock.monotonic()), ..Known::default() };
        let mut after = None;
        loop {
            let page = self.store.list_credentials(after, PAGE_LEN).await?;
            let is_last = page.len() < PAGE_LEN as usize;
            after = page.last().map(|stored| stored.organization_id.clone());
            for stored in page {
                let unchanged = before.by_organization.get(&stored.organization_id);
                let entry = match unchanged.filter(|entry| entry.revision == stored.revision) {
                    Some(entry) => entry.clone(),
                    None => self.open(&stored),
                };
                if let Some(token) = &entry.token {
                    known.by_token.insert(token.clone(), stored.organization_id.clone());
                }
                known.by_organization.insert(stored.organization_id, entry);
            }
            if is_last {
                break;
            }
        }
        let known = Arc::new(known);
        *self.known.lock().expect("no panic while this is locked") = Arc::clone(&known);
        Ok(known)
    }

    fn open(&self, stored: &StoredCredentials) -> Entry {
        let opened = self.secrets(stored).and_then(|secrets| {
            let account = (self.build)(&secrets);
            let account = account.map_err(|_| "the stored credentials of the organization are not usable");
            Ok((account?, secrets.get(&SecretKind::ToolSecret).map(|secret| token(secret.expose()))))
        });
        let (account, token) = match opened {
            Ok((account, token)) => (Ok(Arc::new(account)), token),
            Err(reason) => {
                tracing::error!(
                    organization.id = %stored.organization_id, reason,
                    "the calls of an organization are refused; `outdial check` names the remedy"
                );
                (Err(reason), None)
            }
        };
        Entry { revision: stored.revision, token, account }
    }

    fn secrets(&self, stored: &StoredCredentials) -> Result<Secrets, &'static str> {
        let unreadable = "the stored credentials of the organization cannot be read by this release";
        let credentials = stored.credentials.as_ref().ok_or(unreadable)?;
        let open = |(kind, sealed): (&SecretKind, _)| {
            let opened = self.cipher.open(&stored.organization_id, *kind, sealed);
            let opened = opened.map_err(|_| "the stored credentials of the organization cannot be decrypted");
            Ok((*kind, opened?))
        };
        credentials.secrets.iter().map(open).collect()
    }

    /// The organization's own account, if it stored anything.
    async fn account(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<Arc<OwnAccount>>, PortUnavailable> {
        match self.known().await?.by_organization.get(organization_id) {
            None => Ok(None),
            Some(Entry { account: Ok(account), .. }) => Ok(Some(Arc::clone(account))),
            Some(Entry { account: Err(reason), .. }) => Err(PortUnavailable::new("credentials", *reason)),
        }
    }

    /// Whether any organization stored anything.
    async fn is_empty(&self) -> Result<bool, PortUnavailable> {
        Ok(self.known().await?.by_organization.is_empty())
    }
}

fn token(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

#[async_trait]
impl VendorAccounts for OwnAccounts {
    async fn check(&self, organization_id: &OrganizationId) -> Result<(), PortUnavailable> {
        self.account(organization_id).await.map(drop)
    }

    async fn webhook(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<Arc<dyn ProviderWebhook>>, PortUnavailable> {
        Ok(self.account(organization_id).await?.and_then(|account| account.webhook.clone()))
    }

    async fn organization_of(
        &self,
        credentials: &WebhookCredentials,
    ) -> Result<Option<OrganizationId>, PortUnavailable> {
        let Some(bearer) = credentials.bearer() else { return Ok(None) };
        Ok(self.known().await?.by_token.get(&token(bearer)).cloned())
    }

    async fn reload(&self) -> Result<(), PortUnavailable> {
        let _turn = self.reading.lock().await;
        self.read().await.map(drop)
    }
}

/// For a voice provider that has no accounts of organizations.
pub(crate) struct NoOwnAccounts;

#[async_trait]
impl VendorAccounts for NoOwnAccounts {
    async fn check(&self, _: &OrganizationId) -> Result<(), PortUnavailable> {
        Ok(())
    }

    async fn webhook(&self, _: &OrganizationId) -> Result<Option<Arc<dyn ProviderWebhook>>, PortUnavailable> {
        Ok(None)
    }

    async fn organization_of(
        &self,
        _: &WebhookCredentials,
    ) -> Result<Option<OrganizationId>, PortUnavailable> {
        Ok(None)
    }

    async fn reload(&self) -> Result<(), PortUnavailable> {
        Ok(())
    }
}

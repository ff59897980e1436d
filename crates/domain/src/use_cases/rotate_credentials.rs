//! Seals all stored credentials with the first key.

use std::sync::Arc;

use crate::ports::{
    Clock, CredentialCipher, CredentialStore, CredentialsChange, NoCredentialsKey, NotOpened,
    PortUnavailable, PutCredentialsResult,
};
use crate::{OrganizationId, SealedSecret, SecretKind, StoredCredentials, VendorCredentials};

/// Seals all stored credentials with the first key. Doing it twice is doing it once: what is sealed with
/// the first key stays as it is.
pub struct RotateCredentials {
    store: Arc<dyn CredentialStore>,
    cipher: Arc<dyn CredentialCipher>,
    clock: Arc<dyn Clock>,
}

/// The result of a rotation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// How many organizations' secrets were sealed again.
    pub resealed: usize,
    /// How many had no secret, or only such as the first key had sealed.
    pub current: usize,
    /// The organizations whose secrets do not open. They were left as they are.
    pub unopened: Vec<OrganizationId>,
}

/// What the audit record of a rotation names.
const CHANGED: &str = "encryptionKey";
const PAGE_LEN: u32 = 500;
/// How often the credentials of an organization are read again because they were changed meanwhile.
const ATTEMPTS: usize = 5;

/// Why the secrets of an organization were not sealed again.
enum NotResealed {
    NotOpened,
    Unavailable(PortUnavailable),
}

impl RotateCredentials {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(
        store: Arc<dyn CredentialStore>,
        cipher: Arc<dyn CredentialCipher>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, cipher, clock }
    }

    /// Seals them.
    pub async fn run(&self) -> Result<Rotation, PortUnavailable> {
        let mut rotation = Rotation::default();
        let mut after = None;
        loop {
            let page = self.store.list_credentials(after, PAGE_LEN).await?;
            for stored in &page {
                match self.reseal(stored.clone()).await {
                    Ok(true) => rotation.resealed += 1,
                    Ok(false) => rotation.current += 1,
                    Err(NotResealed::NotOpened) => rotation.unopened.push(stored.organization_id.clone()),
                    Err(NotResealed::Unavailable(error)) => return Err(error),
                }
            }
            after = page.last().map(|stored| stored.organization_id.clone());
            if page.len() < PAGE_LEN as usize {
                return Ok(rotation);
            }
        }
    }

    /// Returns whether something was to be done.
    async fn reseal(&self, stored: StoredCredentials) -> Result<bool, NotResealed> {
        let organization_id = stored.organization_id.clone();
        let mut stored = Some(stored);
        for _ in 0..ATTEMPTS {
            let Some(StoredCredentials { credentials, revision, .. }) = stored else { return Ok(false) };
            let credentials = credentials.ok_or(NotResealed::NotOpened)?;
            if credentials.secrets.values().all(|sealed| self.cipher.is_current(sealed)) {
                return Ok(false);
            }
            let secrets = credentials
                .secrets
                .iter()
                .map(|(kind, sealed)| Ok((*kind, self.sealed_again(&organization_id, *kind, sealed)?)));
            let secrets = secrets.collect::<Result<_, NotResealed>>()?;
            let change = CredentialsChange {
                organization_id: organization_id.clone(),
                credentials: VendorCredentials { secrets, ..credentials },
                expected_revision: revision,
                changed: vec![CHANGED],
                user_id: None,
                at: self.clock.now(),
            };
            match self.store.put_credentials(&change).await? {
                PutCredentialsResult::Stored => return Ok(true),
                PutCredentialsResult::OtherRevision => {
                    stored = self.store.credentials(&organization_id).await?;
                }
            }
        }
        Err(PortUnavailable::new("credentials", "they are changed all the time: rotate again").into())
    }

    fn sealed_again(
        &self,
        organization_id: &OrganizationId,
        kind: SecretKind,
        sealed: &SealedSecret,
    ) -> Result<SealedSecret, NotResealed> {
        let secret = self.cipher.open(organization_id, kind, sealed)?;
        Ok(self.cipher.seal(organization_id, kind, &secret)?)
    }
}

impl From<NotOpened> for NotResealed {
    fn from(_: NotOpened) -> Self {
        Self::NotOpened
    }
}

impl From<NoCredentialsKey> for NotResealed {
    fn from(error: NoCredentialsKey) -> Self {
        Self::Unavailable(PortUnavailable::new("credentials", error.to_string()))
    }
}

impl From<PortUnavailable> for NotResealed {
    fn from(error: PortUnavailable) -> Self {
        Self::Unavailable(error)
    }
}

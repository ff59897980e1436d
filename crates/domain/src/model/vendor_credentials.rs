//! The accounts that an organization has of its own at the vendors.

use std::collections::BTreeMap;
use std::fmt;

use crate::{InvalidValue, OrganizationId};

/// A secret of a vendor's account, in clear. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct VendorSecret(Box<str>);

impl VendorSecret {
    /// The longest secret, in bytes.
    pub const MAX_LEN: usize = 512;

    /// Reads a secret: 1 to 512 visible ASCII characters, which every header can carry.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue = InvalidValue("1 to 512 visible ASCII characters");
        if is_visible(text, Self::MAX_LEN) { Ok(Self(text.into())) } else { Err(INVALID) }
    }

    /// A secret of 256 random bits: 64 hex digits.
    #[must_use]
    pub fn mint(random: [u8; 32]) -> Self {
        Self(random.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for VendorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VendorSecret(..)")
    }
}

/// A secret as it is stored: only the [`CredentialCipher`](crate::ports::CredentialCipher) that sealed
/// it can open it. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret(Box<str>);

impl SealedSecret {
    /// A text of the cipher.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedSecret(..)")
    }
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretKind {
    /// The API key of the voice provider.
    VoiceApiKey,
    /// Signs the voice provider's events.
    WebhookSecret,
    /// The bearer token of the voice provider's questions and tools.
    ToolSecret,
    /// The id of an access key of the carrier's account.
    CarrierKeyId,
    /// The secret of this access key.
    CarrierKeySecret,
}

impl SecretKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::VoiceApiKey,
        Self::WebhookSecret,
        Self::ToolSecret,
        Self::CarrierKeyId,
        Self::CarrierKeySecret,
    ];

    /// The name in stores and audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VoiceApiKey => "voiceApiKey",
            Self::WebhookSecret => "webhookSecret",
            Self::ToolSecret => "toolSecret",
            Self::CarrierKeyId => "carrierKeyId",
            Self::CarrierKeySecret => "carrierKeySecret",
        }
    }

    /// Reads the name that [`SecretKind::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A part of a vendor's account that is no secret: a name, an id or a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountText(Box<str>);

impl AccountText {
    /// The longest text, in bytes: that of a host name.
    pub const MAX_LEN: usize = 253;

    /// Reads a text of 1 to 253 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue = InvalidValue("1 to 253 visible ASCII characters");
        if is_visible(text, Self::MAX_LEN) { Ok(Self(text.into())) } else { Err(INVALID) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_visible(text: &str, max_len: usize) -> bool {
    (1..=max_len).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What an organization stored of its own accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorCredentials {
    /// The name of the voice provider that it chose.
    pub voice_provider: Option<AccountText>,
    /// The project of the carrier's account.
    pub carrier_project_id: Option<AccountText>,
    /// The trunk of the carrier's account.
    pub carrier_trunk_id: Option<AccountText>,
    /// The host of this trunk.
    pub carrier_trunk_domain: Option<AccountText>,
    /// The sealed secrets.
    pub secrets: BTreeMap<SecretKind, SealedSecret>,
}

/// Stored credentials, with their revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredentials {
    /// The organization.
    pub organization_id: OrganizationId,
    /// What it stored. `None` if this release cannot read it: no call of the organization may be placed
    /// as if it had stored nothing.
    pub credentials: Option<VendorCredentials>,
    /// Counts the changes, from 1.
    pub revision: u64,
}

impl StoredCredentials {
    /// Whether the organization's calls are not placed with the account of the gateway.
    #[must_use]
    pub fn has_own_voice_account(&self) -> bool {
        let credentials = self.credentials.as_ref();
        credentials.is_none_or(|it| it.secrets.contains_key(&SecretKind::VoiceApiKey))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let secret = VendorSecret::parse("sk_the-secret").expect("a secret");
        let sealed = SealedSecret::new("sealed-text");
        let secrets = BTreeMap::from([(SecretKind::VoiceApiKey, sealed)]);
        let credentials = VendorCredentials { secrets, ..VendorCredentials::default() };
        let shown = format!("{secret:?} {credentials:?}");
        assert!(!shown.contains("the-secret") && !shown.contains("sealed-text"), "{shown}");
    }

    #[test]
    fn a_secret_fits_into_a_header() {
        for bad in ["", "two words", "line\nbreak", "Müller", &"x".repeat(513)] {
            assert!(VendorSecret::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(VendorSecret::parse(&"x".repeat(512)).expect("a secret").expose().len(), 512);
        assert_eq!(VendorSecret::mint([0xa5; 32]).expose(), "a5".repeat(32));
    }

    #[test]
    fn kinds_are_read_back_from_their_names() {
        for kind in SecretKind::ALL {
            assert_eq!(SecretKind::from_name(kind.as_str()), Some(kind));
        }
    }
}

use crate::InvalidValue;

/// What a call is for. Calling rules bind by purpose, not by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CallPurpose {
    Telemarketing,
    #[default]
    Informational,
    Debt,
    Healthcare,
    Emergency,
}

impl CallPurpose {
    /// Every purpose.
    pub const ALL: [Self; 5] =
        [Self::Telemarketing, Self::Informational, Self::Debt, Self::Healthcare, Self::Emergency];

    /// The name in requests, policies and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Telemarketing => "telemarketing",
            Self::Informational => "informational",
            Self::Debt => "debt",
            Self::Healthcare => "healthcare",
            Self::Emergency => "emergency",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        const UNKNOWN: InvalidValue =
            InvalidValue("a purpose: telemarketing, informational, debt, healthcare or emergency");
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name).ok_or(UNKNOWN)
    }
}

/// What a call is about, as the client names it, for example a debt or a product. Attempts are
/// counted for each callee and subject. It may be personal data: not for logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallSubject(Box<str>);

impl CallSubject {
    /// The longest subject, in bytes of UTF-8.
    pub const MAX_LEN: usize = 128;

    /// Accepts text that is not empty, short enough, and without control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue =
            InvalidValue("a subject: it is empty, longer than 128 bytes, or has control characters");
        if text.is_empty() || text.len() > Self::MAX_LEN || text.chars().any(char::is_control) {
            return Err(INVALID);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for CallSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallSubject(..)")
    }
}

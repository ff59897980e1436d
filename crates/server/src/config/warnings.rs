//! What is risky about settings that are valid. The gateway starts, and says so in its log.

use std::path::Path;

use crate::file_mode::mode_of;

/// A setting, or a file with secrets, and what is risky about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsWarning {
    /// The name of the setting, or the path of the file.
    pub subject: String,
    pub risk: Risk,
}

/// What is risky.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// A URL of another host in clear text.
    ClearText,
    /// A secret that is not random.
    Guessable,
    /// A vendor whose webhooks have no secret.
    NoWebhookSecret,
    /// A file with secrets that every user of the machine can read.
    ReadableByAll,
}

impl Risk {
    /// What is wrong.
    pub(crate) const fn problem(self) -> &'static str {
        match self {
            Self::ClearText => {
                "the URL has http and names another host, so that secrets and phone numbers can be read on the way"
            }
            Self::Guessable => "the secret can be guessed",
            Self::NoWebhookSecret => {
                "neither this nor OUTDIAL_ELEVENLABS_TOOL_SECRET is set: webhooks of the provider are refused, and the \
                 ends of calls are learned late, by polling"
            }
            Self::ReadableByAll => "this file has secrets, and every user of the machine can read it",
        }
    }

    /// What to do.
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::ClearText => "use https",
            Self::Guessable => "generate one, for example with `openssl rand -hex 32`",
            Self::NoWebhookSecret => "set the secret of the webhook",
            Self::ReadableByAll => "remove the permission (chmod o-r)",
        }
    }
}

impl SettingsWarning {
    pub(super) fn new(subject: impl Into<String>, risk: Risk) -> Self {
        Self { subject: subject.into(), risk }
    }

    /// A file with secrets that every user of the machine can read.
    pub(crate) fn of_secret_file(path: &Path) -> Option<Self> {
        is_readable_by_all(path).then(|| Self::new(path.display().to_string(), Risk::ReadableByAll))
    }

    pub(crate) fn log(&self) {
        let Self { subject, risk } = self;
        let risk = format!("{}: {}", risk.problem(), risk.remedy());
        tracing::warn!(setting = %subject, risk, "a setting is risky");
    }
}

fn is_readable_by_all(path: &Path) -> bool {
    mode_of(path).is_some_and(|mode| mode & 0o004 != 0)
}

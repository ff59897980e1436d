//! What is risky about settings that are valid. The gateway starts, and says so in its log.

use std::path::Path;

/// A setting, or a file with secrets, and what is risky about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsWarning {
    /// The name of the setting, or the path of the file.
    pub subject: String,
    /// What is risky, and what to do.
    pub risk: &'static str,
}

impl SettingsWarning {
    pub(super) fn new(subject: impl Into<String>, risk: &'static str) -> Self {
        Self { subject: subject.into(), risk }
    }

    /// A file with secrets that every user of the machine can read.
    pub(crate) fn of_secret_file(path: &Path) -> Option<Self> {
        let risk = "this file has secrets, and every user of the machine can read it: remove the permission (chmod o-r)";
        is_readable_by_all(path).then(|| Self::new(path.display().to_string(), risk))
    }

    pub(crate) fn log(&self) {
        let Self { subject, risk } = self;
        tracing::warn!(setting = %subject, risk, "a setting is risky");
    }
}

#[cfg(unix)]
fn is_readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_all(_: &Path) -> bool {
    false
}

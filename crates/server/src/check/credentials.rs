//! Whether the credentials that organizations stored can be used.

use domain::StoredCredentials;
use domain::ports::{CredentialCipher as _, NotOpened};

use super::Finding;
use super::directory::DIRECTORY;
use super::stores::{Listing, Stored, Unread};
use crate::config::{Settings, Voice};

const CREDENTIALS: &str = "credentials";

pub(super) fn check(settings: &Settings, listing: &Listing) -> Vec<Finding> {
    let stored = match listing {
        Ok(Stored { credentials, .. }) => credentials,
        Err(Unread::Behind(other)) => return vec![Finding::behind(CREDENTIALS, other)],
        Err(Unread::Failed(_)) => return vec![Finding::behind(CREDENTIALS, DIRECTORY)],
    };
    if stored.is_empty() || matches!(settings.voice, Voice::Vapi { .. }) {
        return vec![Finding::unneeded(CREDENTIALS, "no organization has an account of its own in use")];
    }
    let mut findings: Vec<_> = stored.iter().filter_map(|it| of_organization(settings, it)).collect();
    let keys = &settings.credentials.keys;
    let secrets =
        || stored.iter().filter_map(|it| it.credentials.as_ref()).flat_map(|it| it.secrets.values());
    if findings.is_empty() && !secrets().all(|sealed| keys.is_current(sealed)) {
        let found = "some are sealed with a key that is not the first in OUTDIAL_CREDENTIALS_KEY";
        findings.push(Finding::warning(CREDENTIALS, found, "run `outdial credentials rotate`"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CREDENTIALS, format!("those of {} organizations open", stored.len())));
    }
    findings
}

/// What keeps the organization from calling.
fn of_organization(settings: &Settings, stored: &StoredCredentials) -> Option<Finding> {
    let (found, remedy) = match &stored.credentials {
        None => ("they cannot be read by this release: its calls are refused", "run the newer release"),
        Some(credentials) => {
            let opened = credentials.secrets.iter().map(|(kind, sealed)| {
                settings.credentials.keys.open(&stored.organization_id, *kind, sealed).map(drop)
            });
            match opened.collect::<Result<(), NotOpened>>() {
                Ok(()) => return None,
                Err(NotOpened::KeyMissing) => (
                    "the key that sealed them is not set: its calls are refused",
                    "list that key in OUTDIAL_CREDENTIALS_KEY, or let a superadmin of the organization store them again",
                ),
                Err(NotOpened::Changed) => (
                    "they were changed in the database, or moved from another organization: its calls are refused",
                    "restore the row, or let a superadmin of the organization store them again",
                ),
            }
        }
    };
    Some(Finding::failed(CREDENTIALS, found, remedy).about(stored.organization_id.as_str()))
}

//! The failures of vendors in plain words, with the setting to check.

use domain::SyncError;
use domain::ports::{UpsertError, VendorFailure};

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    pub(crate) problem: String,
    /// Empty if the problem says it.
    pub(crate) remedy: &'static str,
}

impl Explanation {
    fn new(problem: impl Into<String>, remedy: &'static str) -> Self {
        Self { problem: problem.into(), remedy }
    }
}

impl From<Explanation> for anyhow::Error {
    fn from(Explanation { problem, remedy }: Explanation) -> Self {
        if remedy.is_empty() { anyhow::anyhow!(problem) } else { anyhow::anyhow!("{problem}: {remedy}") }
    }
}

/// The error with its remedy.
pub(crate) fn explain(error: &SyncError) -> anyhow::Error {
    match error {
        SyncError::Workspace(failure) => of_workspace(failure).into(),
        SyncError::Trunk(failure) => of_trunk(failure).into(),
        SyncError::StopsAllCalls => anyhow::anyhow!(
            "no number would be left for AI calls, so nothing was changed: check OUTDIAL_ELEVENLABS_API_KEY and \
             OUTDIAL_SINCH_TRUNK_ID. If that is what you want, use --allow-outage"
        ),
        SyncError::Import(UpsertError::Refused { refusal, .. }) => anyhow::anyhow!(
            "cannot import what the directory lacks: {refusal}. Load the organization and the user first, with \
             `outdial import`"
        ),
        SyncError::Import(UpsertError::Unavailable(error)) | SyncError::Unavailable(error) => {
            anyhow::anyhow!("{error}")
        }
    }
}

/// The failure to read the carrier's trunk.
pub(crate) fn of_trunk(failure: &VendorFailure) -> Explanation {
    match failure {
        VendorFailure::KeyRefused => Explanation::new(
            "Sinch does not accept the key",
            "check OUTDIAL_SINCH_KEY_ID and OUTDIAL_SINCH_KEY_SECRET",
        ),
        VendorFailure::NotAllowed => Explanation::new(
            "the Sinch key may not read the project",
            "check OUTDIAL_SINCH_PROJECT_ID and the permissions of the key",
        ),
        VendorFailure::NotFound => Explanation::new(
            "Sinch has no such trunk",
            "check OUTDIAL_SINCH_TRUNK_ID and OUTDIAL_SINCH_PROJECT_ID",
        ),
        VendorFailure::RateLimited => {
            Explanation::new("Sinch limits the number of requests", "try again in a minute")
        }
        VendorFailure::Unavailable(error) => {
            Explanation::new(format!("cannot read the Sinch trunk: {error}"), "")
        }
    }
}

/// The failure to read or change the voice provider's workspace.
pub(crate) fn of_workspace(failure: &VendorFailure) -> Explanation {
    match failure {
        VendorFailure::KeyRefused => Explanation::new(
            "ElevenLabs does not accept the key",
            "check OUTDIAL_ELEVENLABS_API_KEY, and OUTDIAL_ELEVENLABS_BASE_URL for a workspace with data residency",
        ),
        VendorFailure::NotAllowed => Explanation::new(
            "the ElevenLabs key has no permission for this",
            "give it access to agents and phone numbers, and for the webhook the role of an administrator",
        ),
        VendorFailure::NotFound => Explanation::new(
            "ElevenLabs does not find the workspace",
            "check OUTDIAL_ELEVENLABS_API_KEY and OUTDIAL_ELEVENLABS_BASE_URL",
        ),
        VendorFailure::RateLimited => {
            Explanation::new("ElevenLabs limits the number of requests", "try again in a minute")
        }
        VendorFailure::Unavailable(error) => {
            Explanation::new(format!("cannot read the ElevenLabs workspace: {error}"), "")
        }
    }
}

/// The failure to check the key of Vapi.
pub(crate) fn of_vapi(failure: &VendorFailure) -> Explanation {
    match failure {
        VendorFailure::KeyRefused | VendorFailure::NotAllowed | VendorFailure::NotFound => Explanation::new(
            "Vapi does not accept the key",
            "check OUTDIAL_VAPI_API_KEY: it must be the private key",
        ),
        VendorFailure::RateLimited => {
            Explanation::new("Vapi limits the number of requests", "try again in a minute")
        }
        VendorFailure::Unavailable(error) => Explanation::new(format!("cannot ask Vapi: {error}"), ""),
    }
}

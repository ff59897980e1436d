//! The failures of vendors in plain words, with the setting to check.

use domain::SyncError;
use domain::ports::{UpsertError, VendorFailure};

/// The error with its remedy.
pub(crate) fn explain(error: &SyncError) -> anyhow::Error {
    match error {
        SyncError::Workspace(failure) => of_workspace(failure),
        SyncError::Trunk(failure) => anyhow::anyhow!(match failure {
            VendorFailure::KeyRefused =>
                "Sinch does not accept the key: check OUTDIAL_SINCH_KEY_ID and OUTDIAL_SINCH_KEY_SECRET".to_owned(),
            VendorFailure::NotAllowed =>
                "the Sinch key may not read the project: check OUTDIAL_SINCH_PROJECT_ID and the permissions of the key"
                    .to_owned(),
            VendorFailure::NotFound =>
                "Sinch has no such trunk: check OUTDIAL_SINCH_TRUNK_ID and OUTDIAL_SINCH_PROJECT_ID".to_owned(),
            VendorFailure::RateLimited => "Sinch limits the number of requests: try again in a minute".to_owned(),
            VendorFailure::Unavailable(error) => format!("cannot read the Sinch trunk: {error}"),
        }),
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

/// The same of the workspace alone.
pub(crate) fn of_workspace(failure: &VendorFailure) -> anyhow::Error {
    anyhow::anyhow!(match failure {
        VendorFailure::KeyRefused =>
            "ElevenLabs does not accept the key: check OUTDIAL_ELEVENLABS_API_KEY, and OUTDIAL_ELEVENLABS_BASE_URL \
             for a workspace with data residency"
                .to_owned(),
        VendorFailure::NotAllowed =>
            "the ElevenLabs key has no permission for this: give it access to agents and phone numbers, and for the \
             webhook the role of an administrator"
                .to_owned(),
        VendorFailure::NotFound =>
            "ElevenLabs does not find the workspace: check OUTDIAL_ELEVENLABS_API_KEY and OUTDIAL_ELEVENLABS_BASE_URL"
                .to_owned(),
        VendorFailure::RateLimited =>
            "ElevenLabs limits the number of requests: try again in a minute".to_owned(),
        VendorFailure::Unavailable(error) => format!("cannot read the ElevenLabs workspace: {error}"),
    })
}

use serde::Serialize;
use utoipa::ToSchema;

use super::ErrorCode;

/// What a client may do after an error of a request for a call.
///
/// `same-key`: send the same request again, with the same `Idempotency-Key`, or without one as before:
/// it does not dial twice. If `opensAt` is given, not before that time. `new-key`: the key has its call, or belongs to another request; another
/// call needs a new key. `never`: do not send the request again. It gets the same error until the
/// request, or what it names, is changed; a changed request may have the same key. Or, without a key,
/// the phone may have rung and the same request may dial again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = CallsRetry)]
pub(crate) enum Retry {
    SameKey,
    NewKey,
    Never,
}

impl Retry {
    /// After this error of a request for a call. `None` for the codes of other routes.
    pub(crate) const fn after(code: ErrorCode, has_key: bool) -> Option<Self> {
        use ErrorCode as E;
        Some(match code {
            // Nothing was dialled and no key was written. The next token, the next second or the next
            // try may have another result.
            E::Unauthorized
            | E::OutboundInFlight
            | E::RateLimited
            | E::ProviderRejected
            | E::ProviderUnavailable
            | E::ServiceUnavailable => Self::SameKey,
            // Until then it gets the same error: `opensAt` says when.
            E::OutsideCallingHours
            | E::ClosedDay
            | E::AttemptCap
            | E::CoolDown
            | E::UserCallLimit
            | E::OrganizationCallLimit => Self::SameKey,
            // The key answers with its call, and nothing else does: without one, the same request may
            // dial again.
            E::CallOutcomeUnknown | E::Internal if has_key => Self::SameKey,
            E::CallOutcomeUnknown | E::Internal => Self::Never,
            E::CallNotConnected | E::IdempotencyKeyReused => Self::NewKey,
            E::ValidationFailed
            | E::ContactOrPhoneRequired
            | E::InvalidPhoneNumber
            | E::DestinationNotAllowed
            | E::CountryNotAllowed
            | E::CalleeOptedOut
            | E::OnDoNotCallList
            | E::DoNotCallListStale
            | E::ConsentMissing
            | E::ConsentRevoked
            | E::ConsentExpired
            | E::CalleeZoneUnknown
            | E::CallerNumberBarred
            | E::RingTooShort
            | E::ContactHasNoPhone
            | E::ContactPhoneMismatch
            | E::AgentNotFound
            | E::NoVoiceAgent
            | E::AgentNotSynced
            | E::NoAiEnabledNumber
            | E::FromNumberNotAvailable
            | E::NumberNotOnTrunk
            | E::ContactNotFound
            | E::UserNotFound => Self::Never,
            E::WebhookUrlRefused
            | E::TooManyWebhookEndpoints
            | E::Forbidden
            | E::PolicyChanged
            | E::SuppressionNotFound
            | E::ConsentNotFound
            | E::CallNotFound
            | E::RecordingNotFound
            | E::WebhookEndpointNotFound
            | E::WebhookUrlTaken
            | E::NumbersNotChangeable
            | E::NumberNotFound
            | E::NumberChanging
            | E::NumberInUse
            | E::RecordingTooLarge
            | E::RecordingExpired
            | E::DeliveryTimedOut
            | E::RangeNotSatisfiable
            | E::TooManyDeliveries
            | E::TooManyStreams
            | E::TooManyRecordings
            | E::NotFound
            | E::MethodNotAllowed => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table has a row with each code and what it says.
    #[test]
    fn the_document_says_what_to_do_after_each_code() {
        let document = include_str!("../../../../docs/retrying.md");
        for code in ErrorCode::ALL {
            let said = |has_key| Retry::after(*code, has_key).map(|retry| serde_json::json!(retry));
            for said in [said(true), said(false)].into_iter().flatten() {
                let said = format!("`{}`", said.as_str().expect("a word"));
                let cell = format!("`{}`", code.as_str());
                let mut rows =
                    document.lines().filter(|line| line.starts_with("| `") && line.contains(&cell));
                assert!(rows.any(|row| row.contains(&said)), "{cell} says {said}");
            }
        }
    }
}

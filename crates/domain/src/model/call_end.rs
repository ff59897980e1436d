//! Why a call ended: in our codes, and in the provider's.

use crate::{CallStatus, DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode, Timestamp};

/// Why a call ended; later values say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// The call failed, and the phone may have rung.
    Failed,
    /// The gateway withdrew the call before it asked the provider.
    Withdrawn,
    /// The provider was not reached.
    ProviderUnavailable,
    /// The provider refused the dial.
    ProviderRejected,
    /// The phone rang until the timeout, or was unreachable.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The callee declined.
    Declined,
    /// The call was answered and has ended.
    Completed,
    /// The same, and a voicemail answered.
    Voicemail,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Failed,
        Self::Withdrawn,
        Self::ProviderUnavailable,
        Self::ProviderRejected,
        Self::NoAnswer,
        Self::Busy,
        Self::Declined,
        Self::Completed,
        Self::Voicemail,
    ];

    /// The reason's name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
            Self::ProviderUnavailable => "provider-unavailable",
            Self::ProviderRejected => "provider-rejected",
            Self::NoAnswer => "no-answer",
            Self::Busy => "busy",
            Self::Declined => "declined",
            Self::Completed => "completed",
            Self::Voicemail => "voicemail",
        }
    }

    /// Reads the name that [`EndReason::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// The reason of a call whose callee was not connected.
    #[must_use]
    pub const fn of_failure(reason: NotConnectedReason) -> Self {
        match reason {
            NotConnectedReason::Failed => Self::Failed,
            NotConnectedReason::NoAnswer => Self::NoAnswer,
            NotConnectedReason::Busy => Self::Busy,
            NotConnectedReason::Declined => Self::Declined,
        }
    }

    /// The reason of a call of which no more is known than this status; `None` if it has not ended.
    #[must_use]
    pub const fn of_status(status: CallStatus) -> Option<Self> {
        match status {
            CallStatus::Failed => Some(Self::Failed),
            CallStatus::NoAnswer => Some(Self::NoAnswer),
            CallStatus::Busy => Some(Self::Busy),
            CallStatus::Completed => Some(Self::Completed),
            CallStatus::Initiated | CallStatus::Ringing | CallStatus::Unknown | CallStatus::InProgress => {
                None
            }
        }
    }

    /// The reason of a call whose dial has this outcome; `None` if the call has not ended with it.
    #[must_use]
    pub const fn of_dial(outcome: &DialOutcome) -> Option<Self> {
        match outcome {
            DialOutcome::NotConnected { reason, .. } => Some(Self::of_failure(*reason)),
            DialOutcome::NotDialled(reason) => Some(Self::of_no_dial(reason)),
            DialOutcome::Placed(_) | DialOutcome::Unknown(_) => None,
        }
    }

    const fn of_no_dial(reason: &NotDialledReason) -> Self {
        match reason {
            NotDialledReason::Rejected(_) | NotDialledReason::RejectedForNow { .. } => Self::ProviderRejected,
            NotDialledReason::Unavailable => Self::ProviderUnavailable,
            NotDialledReason::Withdrawn => Self::Withdrawn,
        }
    }

    /// The status of a call that ended for this reason.
    #[must_use]
    pub const fn status(self) -> CallStatus {
        match self {
            Self::Failed | Self::Withdrawn | Self::ProviderUnavailable | Self::ProviderRejected => {
                CallStatus::Failed
            }
            Self::NoAnswer => CallStatus::NoAnswer,
            Self::Busy | Self::Declined => CallStatus::Busy,
            Self::Completed | Self::Voicemail => CallStatus::Completed,
        }
    }
}

/// What the provider and the telephone network say about the end of a call. A provider's free text
/// is not part of it: it may quote a phone number or a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProviderCause {
    /// The provider's own code or word.
    pub code: Option<ProviderCode>,
    /// The status with which the telephone network refused the call.
    pub carrier_status: Option<CarrierStatus>,
}

impl ProviderCause {
    /// The fields of this, and those of `other` that this lacks.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            code: self.code.or_else(|| other.code.clone()),
            carrier_status: self.carrier_status.or(other.carrier_status),
        }
    }
}

impl From<ProviderCode> for ProviderCause {
    fn from(code: ProviderCode) -> Self {
        Self { code: Some(code), carrier_status: None }
    }
}

/// The final status of a call that was not connected, in the signalling of the carrier: 300 to 699.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CarrierStatus(u16);

impl CarrierStatus {
    /// The status with this number; `None` if there is no such final status of a failure.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        u16::try_from(number).ok().filter(|number| (300..=699).contains(number)).map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// A call whose dial reached no phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDialled {
    /// Why: [`EndReason::ProviderRejected`], [`EndReason::ProviderUnavailable`] or
    /// [`EndReason::Withdrawn`].
    pub reason: EndReason,
    /// The code with which the provider refused, if it did.
    pub code: Option<ProviderCode>,
    /// When this was known.
    pub at: Timestamp,
}

impl NotDialled {
    /// What the outcome of a dial says of it, if the dial reached no phone.
    #[must_use]
    pub fn of_dial(outcome: &DialOutcome, at: Timestamp) -> Option<Self> {
        let DialOutcome::NotDialled(reason) = outcome else { return None };
        let code = match reason {
            NotDialledReason::Rejected(code) | NotDialledReason::RejectedForNow { code, .. } => Some(code),
            NotDialledReason::Unavailable | NotDialledReason::Withdrawn => None,
        };
        Some(Self { reason: EndReason::of_no_dial(reason), code: code.cloned(), at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_each_reason_has_the_status_of_its_end() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::from_name(reason.as_str()), Some(reason));
            assert!(reason.status().is_final());
            let least = EndReason::of_status(reason.status()).expect("it is an end");
            assert!(least <= reason && least.status() == reason.status(), "{reason:?}");
        }
        for reason in NotConnectedReason::ALL {
            assert_eq!(EndReason::of_failure(reason).status(), CallStatus::of_failure(reason));
        }
        assert!(EndReason::ALL.is_sorted());
    }

    #[test]
    fn only_a_final_status_of_a_failure_is_a_carrier_status() {
        for (number, is_status) in [(299, false), (404, true), (699, true), (700, false), (-404, false)] {
            assert_eq!(CarrierStatus::from_number(number).is_some(), is_status, "{number}");
        }
    }
}

//! The outcome of a dial, by what may be done next.

use std::fmt;
use std::time::Duration;

use crate::{CarrierCallId, ConversationId};

/// What is known after a dial. The default is [`DialOutcome::Unknown`]: only an explicit success or
/// an explicit refusal leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialOutcome {
    /// The provider placed the call.
    Placed(ProviderReference),
    /// The provider dialled. The phone may have rung, and the callee was not connected.
    NotConnected {
        /// The provider's ids, as far as it returned them.
        reference: ProviderReference,
        /// Why.
        reason: NotConnectedReason,
        /// The same, in the provider's code.
        code: Option<ProviderCode>,
    },
    /// No phone can have rung: a retry may dial.
    NotDialled(NotDialledReason),
    /// The provider may or may not have dialled. Never dial again.
    Unknown(UnknownCause),
}

impl DialOutcome {
    /// The outcome's name in the ledger and in logs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Placed(_) => "placed",
            Self::NotConnected { .. } => "not-connected",
            Self::NotDialled(_) => "not-dialled",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// The provider's ids of one call. Both may be absent even for a placed call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderReference {
    /// The conversation.
    pub conversation_id: Option<ConversationId>,
    /// The call on the telephone network.
    pub carrier_call_id: Option<CarrierCallId>,
}

/// Why the callee was not connected; later values say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotConnectedReason {
    /// The dial failed for a reason that may have let the phone ring.
    Failed,
    /// The phone rang until the timeout, or was unreachable.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The callee declined.
    Declined,
}

impl NotConnectedReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Failed, Self::NoAnswer, Self::Busy, Self::Declined];

    /// The reason's name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Declined => "declined",
            Self::Failed => "failed",
        }
    }

    /// Reads the name that [`NotConnectedReason::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// Why no phone can have rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDialledReason {
    /// The provider refused in its own error format, with this code.
    Rejected(ProviderCode),
    /// The same, and the provider named the time after which it may accept the call.
    RejectedForNow {
        /// The provider's error code.
        code: ProviderCode,
        /// How long to wait.
        retry_after: Duration,
    },
    /// The provider was not reached: no connection was made.
    Unavailable,
    /// The gateway withdrew the booking before it asked the provider: the call lost its slot or its
    /// lock, or the time before the dial was over.
    Withdrawn,
}

impl NotDialledReason {
    /// A refusal with this code, and with the time that the provider asks to wait, if it names one.
    #[must_use]
    pub fn rejected(code: ProviderCode, retry_after: Option<Duration>) -> Self {
        match retry_after {
            Some(retry_after) => Self::RejectedForNow { code, retry_after },
            None => Self::Rejected(code),
        }
    }
}

/// A provider's code: letters, digits, `_`, `-` and `.`, at most 128. Unlike a provider's free
/// text, which may quote phone numbers, a code can be logged and returned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProviderCode(Box<str>);

impl ProviderCode {
    /// Returns the code as it is, or `unrecognized` if the text does not look like a code.
    #[must_use]
    pub fn from_untrusted(code: &str) -> Self {
        let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        // Seven digits in a row could be a phone number in disguise.
        let digits = code.bytes().filter(u8::is_ascii_digit).count();
        let fits = (1..=128).contains(&code.len()) && code.bytes().all(clean) && digits < 7;
        Self(if fits { code } else { "unrecognized" }.into())
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a provider answers a dial, relative to the callee's phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTime {
    /// After the callee has picked up or the ringing has ended: *placed* means that the phone no
    /// longer rings.
    AfterRinging,
    /// When the call is queued: the phone rings later, and *placed* does not say whether the callee
    /// answered.
    BeforeRinging,
}

/// Why an outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownCause {
    /// The provider did not respond in time.
    TimedOut,
    /// The connection broke after the request was sent.
    ConnectionLost,
    /// The response says neither that the call was placed nor that it was refused.
    UnclearAnswer,
}

impl UnknownCause {
    /// The cause's name in the ledger and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TimedOut => "timed-out",
            Self::ConnectionLost => "connection-lost",
            Self::UnclearAnswer => "unclear-answer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_kept_and_free_text_is_not() {
        assert_eq!(ProviderCode::from_untrusted("agent_not_found").as_str(), "agent_not_found");
        for text in ["", "Phone number +14165550100 already exists.", "14165550100", "a\nb", &"x".repeat(129)]
        {
            assert_eq!(ProviderCode::from_untrusted(text).as_str(), "unrecognized", "{text:?}");
        }
    }

    #[test]
    fn reasons_are_read_back_from_their_names() {
        for reason in NotConnectedReason::ALL {
            assert_eq!(NotConnectedReason::from_name(reason.as_str()), Some(reason));
        }
    }
}

//! How a dial ends, told apart by what may be done next.

use std::fmt;

use crate::{CarrierCallId, ConversationId};

/// What is known after a dial. The default is [`DialOutcome::Unknown`]: only an explicit success or an explicit refusal
/// leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialOutcome {
    /// The provider placed the call.
    Placed(ProviderReference),
    /// The provider dialled; the phone may have rung, and nobody was connected.
    NotConnected {
        /// The provider's ids, as far as it gave them.
        reference: ProviderReference,
        /// Why.
        reason: NotConnectedReason,
    },
    /// No phone can have rung: a retry may dial.
    NotDialled(NotDialledReason),
    /// The provider may or may not have dialled. Never redialled.
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

/// The provider's ids of one call. Either may be missing even of a call that was placed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderReference {
    /// The conversation.
    pub conversation_id: Option<ConversationId>,
    /// The call on the telephone network.
    pub carrier_call_id: Option<CarrierCallId>,
}

/// Why nobody was connected; the later say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotConnectedReason {
    /// It failed after the dial for a reason that is not known to be harmless.
    Failed,
    /// It rang out, or the phone was unreachable.
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

    /// Reads the name that [`NotConnectedReason::as_str`] gives.
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
    /// The provider was not reached: no connection was made, or our side gave up before a byte was sent.
    Unavailable,
}

/// A provider's error code: letters, digits, `_`, `-` and `.`, at most 64. A code can be logged and answered, which a
/// provider's free text, with phone numbers in it, cannot.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderCode(Box<str>);

impl ProviderCode {
    /// Takes a code as it is, or `unrecognized` for anything that does not look like one.
    #[must_use]
    pub fn from_untrusted(code: &str) -> Self {
        let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        // Seven digits in a row could be a phone number in disguise.
        let digits = code.bytes().filter(u8::is_ascii_digit).count();
        let fits = (1..=64).contains(&code.len()) && code.bytes().all(clean) && digits < 7;
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

/// When a provider answers a dial, as seen from the callee's phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTime {
    /// When somebody has picked up, or nobody will: *placed* means that the phone no longer rings.
    AfterRinging,
    /// When the call is queued: the phone rings later, and *placed* says nothing of the callee.
    BeforeRinging,
}

/// What made an outcome unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownCause {
    /// No answer came within the time in which the provider must have one.
    TimedOut,
    /// The connection broke after the request was sent.
    ConnectionLost,
    /// An answer came that says neither that the call was placed nor that it was refused.
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
        for text in ["", "Phone number +14165550100 already exists.", "14165550100", "a\nb", &"x".repeat(65)]
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

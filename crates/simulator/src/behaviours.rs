//! What the simulator can do with a dial, as a test writes it down.

use crate::webhooks::WebhookScript;
use serde::{Deserialize, Serialize};

/// A ring that only the request's ringing time-out ends.
pub(crate) const FOREVER_MS: u64 = u64::MAX;

/// What happens to a dial. In JSON: `{"kind": "answer", "after_ms": 250}`.
///
/// The first group are outcomes of a call, told in an answer of the provider's own form, or in the call's record
/// where the provider answers before the phone rings. The second lose,
/// garble or delay the answer, and the third refuse. What becomes of the call behind an answer that does not
/// tell is a [`CallFate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// The callee answers: 200, `success:true`, both ids.
    Answer {
        /// How long it rings first.
        after_ms: u64,
    },
    /// 200, `success:false`, SIP 486, with ids.
    Busy {
        /// How long until the network says so.
        #[serde(default)]
        after_ms: u64,
    },
    /// 200, `success:false`, SIP 480, with ids.
    NoAnswer {
        /// How long until the network says so.
        #[serde(default)]
        after_ms: u64,
    },
    /// 200, `success:false`, SIP 603, with ids.
    Decline {
        /// How long until the callee declines.
        #[serde(default)]
        after_ms: u64,
    },
    /// 200, `success:false`, `sip request timed out`, with ids.
    SipTimeout {
        /// How long until the provider gives up.
        #[serde(default)]
        after_ms: u64,
    },
    /// 200, `success:false` for any other reason.
    SipFailure {
        /// `metadata.error.code` of the conversation: a SIP status, or 1011, 3000, 4300.
        code: u16,
        /// The message, verbatim; by default the provider's sentence for that SIP status.
        #[serde(default)]
        message: Option<String>,
        /// Whether the answer carries the ids; the conversation exists either way.
        #[serde(default = "yes")]
        with_ids: bool,
    },
    /// 200, `success:true`, but both ids are null. The call is real and its conversation exists.
    SuccessWithoutIds,
    /// Rings, then does something else. Where both have a time, the times add up.
    Ring {
        /// How long it rings.
        for_ms: u64,
        /// What comes then.
        then: Box<Behaviour>,
    },

    /// Never answers the request.
    Hang,
    /// Reads the request, dials, and closes the connection without a byte (FIN).
    DropConnection,
    /// Reads the request, dials, and resets the connection without a byte (RST).
    ResetConnection,
    /// An HTTP error in one of the provider's body shapes. 4xx refuses the dial; 408, 409 and 5xx accept it and
    /// lose the answer.
    HttpError {
        /// 400 to 599.
        status: u16,
        /// Which of the four body shapes.
        #[serde(default)]
        shape: ErrorShape,
        /// The error code; by default one that the provider uses with this status.
        #[serde(default)]
        code: Option<String>,
        /// The message; a plain sentence by default.
        #[serde(default)]
        message: Option<String>,
        /// The `Retry-After` header, where there shall be one.
        #[serde(default)]
        retry_after_secs: Option<u32>,
    },
    /// No further call may be under way: 429 `concurrent_limit_exceeded`, or a call that the vendor takes and does not
    /// start (`subscriptionLimits.concurrencyBlocked`).
    ConcurrencyBlocked,
    /// An HTML page that something in front of the provider has made. Dials as [`Behaviour::HttpError`] does.
    ForeignHtml {
        /// 200 to 599.
        status: u16,
    },
    /// A redirect. The dial was accepted before it.
    Redirect {
        /// 300 to 399.
        status: u16,
        /// Where to; by default the same endpoint, so that a client that follows it dials again.
        #[serde(default)]
        location: Option<String>,
    },
    /// 200 with any body at all.
    RawBody {
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        text: String,
    },
    /// 200, a success that is longer than anybody should read, in chunks without a length.
    OversizeBody {
        /// At least this many bytes.
        bytes: u64,
    },
    /// 200, a success that arrives byte by byte.
    TrickledBody {
        /// Time between two bytes.
        interval_ms: u64,
    },
    /// 200, a success of which half arrives before the connection closes; `Content-Length` promised all of it.
    TruncatedBody,
    /// 200, the right keys, each with a value of the wrong type.
    WrongTypes,
    /// 200, a success whose message is this many arrays inside each other.
    NestedBody {
        /// How many.
        depth: u32,
    },

    /// Nobody listens: connections are refused and idle ones close, for every number and every path, the control
    /// endpoints too. Takes effect at once.
    RefuseConnections {
        /// How long; 10 000 where it is missing.
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// The next connections (`times`, one where it is missing) are accepted and closed before a byte is read,
    /// whatever they are for.
    CloseOnAccept {
        /// RST in place of FIN.
        #[serde(default)]
        reset: bool,
    },
}

/// The four body shapes of the provider's errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// `{"detail":{"type","code","message","status","request_id"}}`
    #[default]
    DetailObject,
    /// `{"detail":{"status","message"}}`
    Legacy,
    /// `{"detail":[{"loc","msg","type"}]}`
    List,
    /// `{"detail":"…"}`
    String,
}

/// What becomes of the call behind an answer that does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallFate {
    /// The callee answers, and there is a conversation.
    Answered,
    /// The callee is busy.
    Busy,
    /// The callee does not answer.
    NoAnswer,
    /// It rings on: the conversation stays `initiated`.
    Ringing,
    /// Nothing was dialled: no dial is counted and no conversation exists.
    NotDialled,
}

/// A behaviour, and which dials it is for. For one dial, a script of its own number comes before one for every
/// number; of either, those with `times` are used up in the order in which they came, and then the last one
/// without `times` holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedBehaviour {
    /// Only dials to this number, as the request spells it; every number where it is missing.
    #[serde(default)]
    pub to_number: Option<String>,
    /// Only so many dials; without limit where it is missing.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub behaviour: Behaviour,
    /// What becomes of the call, where the behaviour's own default will not do. Ignored where the answer tells.
    #[serde(default)]
    pub call: Option<CallFate>,
    /// How long an answered call lasts; some 600 ms, times the time scale, where it is missing.
    #[serde(default)]
    pub talks_for_ms: Option<u64>,
    /// What is done to the call's events.
    #[serde(default)]
    pub webhook: WebhookScript,
}

impl ScriptedBehaviour {
    /// For every number, without limit.
    #[must_use]
    pub fn new(behaviour: Behaviour) -> ScriptedBehaviour {
        ScriptedBehaviour {
            to_number: None,
            times: None,
            behaviour,
            call: None,
            talks_for_ms: None,
            webhook: WebhookScript::default(),
        }
    }

    /// Only for this number.
    #[must_use]
    pub fn to(self, number: &str) -> ScriptedBehaviour {
        ScriptedBehaviour { to_number: Some(number.to_owned()), ..self }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(self, times: u32) -> ScriptedBehaviour {
        ScriptedBehaviour { times: Some(times), ..self }
    }

    /// With this fate behind an answer that does not tell.
    #[must_use]
    pub fn call(self, fate: CallFate) -> ScriptedBehaviour {
        ScriptedBehaviour { call: Some(fate), ..self }
    }

    /// With a conversation of this length.
    #[must_use]
    pub fn talks_for_ms(self, talks_for_ms: u64) -> ScriptedBehaviour {
        ScriptedBehaviour { talks_for_ms: Some(talks_for_ms), ..self }
    }

    /// With this done to the call's events.
    #[must_use]
    pub fn webhook(self, webhook: WebhookScript) -> ScriptedBehaviour {
        ScriptedBehaviour { webhook, ..self }
    }
}

impl std::fmt::Debug for ScriptedBehaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedBehaviour")
            .field("for_one_number", &self.to_number.is_some())
            .field("times", &self.times)
            .field("behaviour", &self.behaviour)
            .field("call", &self.call)
            .field("talks_for_ms", &self.talks_for_ms)
            .field("webhook", &self.webhook)
            .finish()
    }
}

impl Behaviour {
    /// An HTTP error with the provider's usual code for that status, in its current body shape.
    #[must_use]
    pub fn http_error(status: u16) -> Behaviour {
        Behaviour::HttpError {
            status,
            shape: ErrorShape::DetailObject,
            code: None,
            message: None,
            retry_after_secs: None,
        }
    }

    /// Why this cannot be played, if it cannot.
    pub(crate) fn defect(&self) -> Option<&'static str> {
        match self {
            Behaviour::HttpError { status, .. } if !(400..=599).contains(status) => {
                Some("http_error needs a status of 400 to 599")
            }
            Behaviour::ForeignHtml { status } if !(200..=599).contains(status) => {
                Some("foreign_html needs a status of 200 to 599")
            }
            Behaviour::Redirect { status, .. } if !(300..=399).contains(status) => {
                Some("redirect needs a status of 300 to 399")
            }
            Behaviour::NestedBody { depth } if *depth > 1_000_000 => {
                Some("nested_body goes 1000000 deep at most")
            }
            Behaviour::Ring { then, .. } => match **then {
                Behaviour::RefuseConnections { .. } | Behaviour::CloseOnAccept { .. } => {
                    Some("a connection that is refused cannot ring first")
                }
                _ => then.defect(),
            },
            _ => None,
        }
    }

    /// Time from the dial to the answer, `None` for never.
    pub(crate) fn answers_after_ms(&self) -> Option<u64> {
        match self {
            Behaviour::Answer { after_ms }
            | Behaviour::Busy { after_ms }
            | Behaviour::NoAnswer { after_ms }
            | Behaviour::Decline { after_ms }
            | Behaviour::SipTimeout { after_ms } => Some(*after_ms),
            Behaviour::Ring { for_ms, then } => {
                then.answers_after_ms().map(|after_ms| for_ms.saturating_add(after_ms))
            }
            Behaviour::Hang => None,
            _ => Some(0),
        }
    }

    /// What remains when the ringing is over.
    pub(crate) fn after_ringing(&self) -> &Behaviour {
        match self {
            Behaviour::Ring { then, .. } => then.after_ringing(),
            other => other,
        }
    }

    /// What becomes of the call unless a script says otherwise.
    pub(crate) fn usual_fate(&self) -> CallFate {
        match self.after_ringing() {
            Behaviour::HttpError { status, .. } | Behaviour::ForeignHtml { status }
                if (400..500).contains(status) && !matches!(status, 408 | 409) =>
            {
                CallFate::NotDialled
            }
            Behaviour::ConcurrencyBlocked => CallFate::NotDialled,
            Behaviour::Hang => CallFate::Ringing,
            _ => CallFate::Answered,
        }
    }

    /// The same with every delay multiplied by `factor`.
    pub(crate) fn scaled(self, factor: f64) -> Behaviour {
        let scale = |ms: u64| if ms == FOREVER_MS { ms } else { (ms as f64 * factor) as u64 };
        match self {
            Behaviour::Answer { after_ms } => Behaviour::Answer { after_ms: scale(after_ms) },
            Behaviour::Busy { after_ms } => Behaviour::Busy { after_ms: scale(after_ms) },
            Behaviour::NoAnswer { after_ms } => Behaviour::NoAnswer { after_ms: scale(after_ms) },
            Behaviour::Decline { after_ms } => Behaviour::Decline { after_ms: scale(after_ms) },
            Behaviour::SipTimeout { after_ms } => Behaviour::SipTimeout { after_ms: scale(after_ms) },
            Behaviour::Ring { for_ms, then } => {
                Behaviour::Ring { for_ms: scale(for_ms), then: Box::new(then.scaled(factor)) }
            }
            Behaviour::TrickledBody { interval_ms } => {
                Behaviour::TrickledBody { interval_ms: scale(interval_ms) }
            }
            other => other,
        }
    }
}

fn yes() -> bool {
    true
}

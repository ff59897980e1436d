//! What the simulator can do with a dial, as a test scripts it.

use serde::{Deserialize, Serialize};

use crate::webhooks::WebhookScript;

/// A ring that only the request's ringing timeout ends.
pub(crate) const FOREVER_MS: u64 = u64::MAX;

/// What happens to a dial. In JSON: `{"kind": "answer", "after_ms": 250}`.
///
/// The first group contains outcomes of a call. The provider reports them in its own format: in the
/// response, or in the call's record if it responds before the phone rings. The second group loses,
/// damages or delays the response. The third refuses connections. If the response does not report
/// what happens to the call, a [`CallOutcome`] decides it. `after_ms` is the time from the dial to
/// the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// The callee answers: 200, `success:true`, both ids.
    Answer { after_ms: u64 },
    /// 200, `success:false`, SIP 486, with ids.
    Busy {
        #[serde(default)]
        after_ms: u64,
    },
    /// 200, `success:false`, SIP 480, with ids.
    NoAnswer {
        #[serde(default)]
        after_ms: u64,
    },
    /// 200, `success:false`, SIP 603, with ids.
    Decline {
        #[serde(default)]
        after_ms: u64,
    },
    /// 200, `success:false`, `sip request timed out`, with ids.
    SipTimeout {
        #[serde(default)]
        after_ms: u64,
    },
    /// 200, `success:false` for any other reason.
    SipFailure {
        /// `metadata.error.code` of the conversation: a SIP status, or 1011, 3000, 4300.
        code: u16,
        /// The message, verbatim; by default the provider's message for that SIP status.
        #[serde(default)]
        message: Option<String>,
        /// Whether the response contains the ids; the conversation exists either way.
        #[serde(default = "default_true")]
        with_ids: bool,
    },
    /// 200, `success:true`, but both ids are null. The call is real and its conversation exists.
    SuccessWithoutIds,
    /// Rings for `for_ms`, then does something else. If both have a time, the times are added.
    Ring { for_ms: u64, then: Box<Behaviour> },

    /// Never responds to the request.
    Hang,
    /// Reads the request, dials, and closes the connection without sending a byte (FIN).
    DropConnection,
    /// Reads the request, dials, and resets the connection without sending a byte (RST).
    ResetConnection,
    /// An HTTP error in one of the provider's body shapes. A 4xx refuses the dial, but after 408,
    /// 409 and 5xx the call exists and only the response is lost.
    HttpError {
        /// 400 to 599.
        status: u16,
        #[serde(default)]
        shape: ErrorShape,
        /// By default a code that the provider uses with this status.
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: Option<String>,
        /// The `Retry-After` header.
        #[serde(default)]
        retry_after_secs: Option<u32>,
    },
    /// The limit of concurrent calls is reached: 429 `concurrent_limit_exceeded`, or a call that
    /// the provider accepts and does not start (`subscriptionLimits.concurrencyBlocked`).
    ConcurrencyBlocked,
    /// The provider accepts the call, and its record then reports that it never started because of
    /// the limit of concurrent calls. It counts as a dial, although no phone rings. A provider that
    /// waits for the callee refuses instead, as with [`Behaviour::ConcurrencyBlocked`].
    ConcurrencyBlockedLater,
    /// The HTML page of a proxy in front of the provider. Dials for the same statuses as
    /// [`Behaviour::HttpError`].
    ForeignHtml {
        /// 200 to 599.
        status: u16,
    },
    /// A redirect. The dial was accepted before it.
    Redirect {
        /// 300 to 399.
        status: u16,
        /// By default the same endpoint: a client that follows the redirect dials again.
        #[serde(default)]
        location: Option<String>,
    },
    /// 200 with any body.
    RawBody { content_type: String, text: String },
    /// 200, a success of at least `bytes`, in chunks without a length.
    OversizeBody { bytes: u64 },
    /// 200, a success that arrives byte by byte.
    TrickledBody {
        /// The time between two bytes.
        interval_ms: u64,
    },
    /// 200, half of a success; then the connection closes. `Content-Length` announced all of it.
    TruncatedBody,
    /// 200, the right keys, each with a value of the wrong type.
    WrongTypes,
    /// 200, a success whose message is `depth` nested arrays.
    NestedBody { depth: u32 },

    /// Refuses connections and closes idle ones, for every number and every path, the control
    /// endpoints included. Takes effect immediately.
    RefuseConnections {
        /// 10 000 by default.
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// Accepts the next connections (`times`, by default one) and closes them before reading a
    /// byte, for every number and every path.
    CloseOnAccept {
        /// Sends a RST instead of a FIN.
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

/// What happens to a call if the response does not report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    Answered,
    Busy,
    NoAnswer,
    /// The call keeps ringing: the conversation stays `initiated`.
    Ringing,
    /// Nothing is dialled: no dial is counted and no conversation exists.
    NotDialled,
}

/// A behaviour, and the dials to which it applies. A script for the dialled number takes precedence
/// over one for every number. Among the scripts for the same number, those with `times` are used
/// first, in the order in which they were added; after them, the last one without `times` applies.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedBehaviour {
    /// The number as the request has it; by default every number.
    #[serde(default)]
    pub to_number: Option<String>,
    /// How many dials use the script; by default no limit.
    #[serde(default)]
    pub times: Option<u32>,
    pub behaviour: Behaviour,
    /// Replaces the behaviour's default outcome. Ignored if the response reports the outcome.
    #[serde(default)]
    pub call: Option<CallOutcome>,
    /// How long an answered call lasts; by default about 600 ms, multiplied by the time scale.
    #[serde(default)]
    pub talks_for_ms: Option<u64>,
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

    #[must_use]
    pub fn to(self, number: &str) -> ScriptedBehaviour {
        ScriptedBehaviour { to_number: Some(number.to_owned()), ..self }
    }

    #[must_use]
    pub fn times(self, times: u32) -> ScriptedBehaviour {
        ScriptedBehaviour { times: Some(times), ..self }
    }

    #[must_use]
    pub fn call(self, outcome: CallOutcome) -> ScriptedBehaviour {
        ScriptedBehaviour { call: Some(outcome), ..self }
    }

    #[must_use]
    pub fn talks_for_ms(self, talks_for_ms: u64) -> ScriptedBehaviour {
        ScriptedBehaviour { talks_for_ms: Some(talks_for_ms), ..self }
    }

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

    pub(crate) fn validate(&self) -> Result<(), &'static str> {
        match self {
            Behaviour::HttpError { status, .. } if !(400..=599).contains(status) => {
                Err("http_error: status must be 400 to 599")
            }
            Behaviour::ForeignHtml { status } if !(200..=599).contains(status) => {
                Err("foreign_html: status must be 200 to 599")
            }
            Behaviour::Redirect { status, .. } if !(300..=399).contains(status) => {
                Err("redirect: status must be 300 to 399")
            }
            Behaviour::NestedBody { depth } if *depth > 1_000_000 => {
                Err("nested_body: depth must be 1000000 or less")
            }
            Behaviour::Ring { then, .. } => match **then {
                Behaviour::RefuseConnections { .. } | Behaviour::CloseOnAccept { .. } => {
                    Err("ring: then must not be refuse_connections or close_on_accept")
                }
                _ => then.validate(),
            },
            _ => Ok(()),
        }
    }

    /// The time from the dial to the response; `None` if there is no response.
    pub(crate) fn responds_after_ms(&self) -> Option<u64> {
        match self {
            Behaviour::Answer { after_ms }
            | Behaviour::Busy { after_ms }
            | Behaviour::NoAnswer { after_ms }
            | Behaviour::Decline { after_ms }
            | Behaviour::SipTimeout { after_ms } => Some(*after_ms),
            Behaviour::Ring { for_ms, then } => {
                then.responds_after_ms().map(|after_ms| for_ms.saturating_add(after_ms))
            }
            Behaviour::Hang => None,
            _ => Some(0),
        }
    }

    pub(crate) fn after_ringing(&self) -> &Behaviour {
        match self {
            Behaviour::Ring { then, .. } => then.after_ringing(),
            other => other,
        }
    }

    /// For a call that the provider reports as failed: the SIP status or the provider's own code,
    /// the scripted message, and whether the response contains the ids.
    pub(crate) fn sip_failure(&self) -> Option<(u16, Option<&str>, bool)> {
        match self {
            Behaviour::Busy { .. } => Some((486, None, true)),
            Behaviour::NoAnswer { .. } => Some((480, None, true)),
            Behaviour::Decline { .. } => Some((603, None, true)),
            Behaviour::SipTimeout { .. } => Some((1011, Some("sip request timed out"), true)),
            Behaviour::SipFailure { code, message, with_ids } => Some((*code, message.as_deref(), *with_ids)),
            _ => None,
        }
    }

    /// What happens to the call if neither the response nor a script decides it.
    pub(crate) fn default_outcome(&self) -> CallOutcome {
        match self.after_ringing() {
            Behaviour::HttpError { status, .. } | Behaviour::ForeignHtml { status }
                if (400..500).contains(status) && !matches!(status, 408 | 409) =>
            {
                CallOutcome::NotDialled
            }
            Behaviour::ConcurrencyBlocked | Behaviour::ConcurrencyBlockedLater => CallOutcome::NotDialled,
            Behaviour::Hang => CallOutcome::Ringing,
            _ => CallOutcome::Answered,
        }
    }

    pub(crate) fn scale_delays(&mut self, factor: f64) {
        let scale = |ms: &mut u64| {
            if *ms != FOREVER_MS {
                *ms = (*ms as f64 * factor) as u64;
            }
        };
        match self {
            Behaviour::Answer { after_ms }
            | Behaviour::Busy { after_ms }
            | Behaviour::NoAnswer { after_ms }
            | Behaviour::Decline { after_ms }
            | Behaviour::SipTimeout { after_ms } => scale(after_ms),
            Behaviour::Ring { for_ms, then } => {
                scale(for_ms);
                then.scale_delays(factor);
            }
            Behaviour::TrickledBody { interval_ms } => scale(interval_ms),
            _ => {}
        }
    }
}

fn default_true() -> bool {
    true
}

//! The documented numbers and their behaviours.

use crate::behaviours::{Behaviour, ErrorShape, FOREVER_MS};

/// A number with its own behaviour. Every other number answers after half a second.
#[derive(Clone, Copy, Debug)]
pub struct MagicNumber {
    /// E.164, from the range that the North American plan reserves for fiction.
    pub number: &'static str,
    /// Snake case.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
    behaviour: fn() -> Behaviour,
}

impl MagicNumber {
    /// The behaviour with its delays in real time.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        (self.behaviour)()
    }
}

/// How long a number without its own behaviour rings, or any number when the response is lost.
pub(crate) const DEFAULT_RING_MS: u64 = 500;

/// What a dial to `number` does without a script, with its delays in real time.
pub(crate) fn behaviour_of(number: &str) -> Behaviour {
    MAGIC_NUMBERS
        .iter()
        .find(|magic| magic.number == number)
        .map_or(Behaviour::Answer { after_ms: DEFAULT_RING_MS }, MagicNumber::behaviour)
}

fn sip_failure(code: u16, message: Option<&str>, with_ids: bool) -> Behaviour {
    Behaviour::SipFailure { code, message: message.map(str::to_owned), with_ids }
}

fn error(status: u16, code: &str, message: &str) -> Behaviour {
    Behaviour::HttpError {
        status,
        shape: ErrorShape::DetailObject,
        code: Some(code.to_owned()),
        message: Some(message.to_owned()),
        retry_after_secs: None,
    }
}

const fn magic(
    number: &'static str,
    name: &'static str,
    description: &'static str,
    behaviour: fn() -> Behaviour,
) -> MagicNumber {
    MagicNumber { number, name, description, behaviour }
}

/// `…0110` to `…0129` are outcomes of a call, `…0130` to `…0149` lose or damage the response after
/// dialling, `…0150` to `…0169` refuse before dialling.
pub const MAGIC_NUMBERS: &[MagicNumber] = &[
    magic("+14165550110", "answers_at_once", "Answers immediately.", || Behaviour::Answer { after_ms: 0 }),
    magic("+14165550111", "slow_answer", "Rings for 27 s, then answers.", || Behaviour::Answer {
        after_ms: 27_000,
    }),
    magic("+14165550112", "long_ring", "Rings for 45 s, then answers.", || Behaviour::Answer {
        after_ms: 45_000,
    }),
    magic("+14165550113", "busy", "Busy after 1 s (SIP 486).", || Behaviour::Busy { after_ms: 1_000 }),
    magic("+14165550114", "no_answer", "Does not answer: unavailable after 3 s (SIP 480).", || {
        Behaviour::NoAnswer { after_ms: 3_000 }
    }),
    magic("+14165550115", "sip_timeout", "Fails after 4 s with `sip request timed out`.", || {
        Behaviour::SipTimeout { after_ms: 4_000 }
    }),
    magic("+14165550116", "declined", "Declines after 2 s (SIP 603).", || Behaviour::Decline {
        after_ms: 2_000,
    }),
    magic("+14165550117", "rings_out", "Rings until the request's own ringing timeout.", || {
        Behaviour::Answer { after_ms: FOREVER_MS }
    }),
    magic("+14165550118", "failure_without_ids", "Responds with `success:false` and both ids null.", || {
        sip_failure(480, None, false)
    }),
    magic("+14165550119", "success_without_ids", "Responds with `success:true` and both ids null.", || {
        Behaviour::SuccessWithoutIds
    }),
    magic("+14165550120", "domain_unavailable", "Fails: the trunk's host is wrong (SIP 404).", || {
        let message = "INVITE failed: sip status: 404: Domain unavailable (SIP 404)";
        sip_failure(404, Some(message), true)
    }),
    magic("+14165550121", "caller_not_verified", "Fails: the carrier refuses the caller (SIP 403).", || {
        let message = "INVITE failed: sip status: 403: Unverified origination number D51 (SIP 403)";
        sip_failure(403, Some(message), true)
    }),
    magic("+14165550122", "daily_limit", "Fails: the agent's daily call limit is reached.", || {
        sip_failure(4300, Some("Agent exceeded its daily call limit"), true)
    }),
    magic("+14165550130", "hangs", "Dials, and never responds.", || Behaviour::Hang),
    magic("+14165550131", "drops", "Dials, then closes the connection without a response.", || {
        Behaviour::DropConnection
    }),
    magic("+14165550132", "resets", "Dials, then resets the connection without a response.", || {
        Behaviour::ResetConnection
    }),
    magic("+14165550133", "internal_error", "Dials, then responds with 500.", || Behaviour::http_error(500)),
    magic("+14165550134", "bad_gateway", "Dials, then responds with 502 and a proxy's HTML page.", || {
        Behaviour::ForeignHtml { status: 502 }
    }),
    magic("+14165550135", "service_unavailable", "Dials, then responds with 503.", || {
        Behaviour::http_error(503)
    }),
    magic(
        "+14165550136",
        "gateway_timeout",
        "Dials, then responds with 504 and a proxy's HTML page.",
        || Behaviour::ForeignHtml { status: 504 },
    ),
    magic("+14165550137", "conflict", "Dials, then responds with 409.", || Behaviour::http_error(409)),
    magic("+14165550138", "redirects", "Dials, then redirects to the same endpoint (307).", || {
        Behaviour::Redirect { status: 307, location: None }
    }),
    magic("+14165550139", "foreign_page", "Dials, then responds with 200 and a proxy's HTML page.", || {
        Behaviour::ForeignHtml { status: 200 }
    }),
    magic("+14165550140", "oversize_body", "Dials, then responds with 200 and a body of 8 MiB.", || {
        Behaviour::OversizeBody { bytes: 8 << 20 }
    }),
    magic("+14165550141", "truncated_body", "Dials, then sends half of its response.", || {
        Behaviour::TruncatedBody
    }),
    magic("+14165550150", "unauthorized", "Refuses: 401 `unauthorized`.", || Behaviour::http_error(401)),
    magic("+14165550151", "payment_required", "Refuses: 402 `insufficient_credits`.", || {
        Behaviour::http_error(402)
    }),
    magic("+14165550152", "forbidden", "Refuses: 403 `forbidden`.", || Behaviour::http_error(403)),
    magic("+14165550153", "agent_not_found", "Refuses: 404 `agent_not_found`.", || {
        error(404, "agent_not_found", "The agent was not found.")
    }),
    magic("+14165550154", "phone_number_not_found", "Refuses: 404 `phone_number_not_found`.", || {
        error(404, "phone_number_not_found", "The phone number was not found.")
    }),
    magic("+14165550155", "invalid_request", "Refuses: 422 with a list of details.", || {
        Behaviour::HttpError {
            status: 422,
            shape: ErrorShape::List,
            code: Some("value_error".to_owned()),
            message: Some("Value error, not a number that can be called".to_owned()),
            retry_after_secs: None,
        }
    }),
    magic("+14165550156", "rate_limited", "Refuses: 429 with `Retry-After: 7`.", || Behaviour::HttpError {
        status: 429,
        shape: ErrorShape::DetailObject,
        code: Some("rate_limit_exceeded".to_owned()),
        message: None,
        retry_after_secs: Some(7),
    }),
    magic(
        "+14165550157",
        "concurrency_blocked",
        "Refuses: the limit of concurrent calls is reached.",
        || Behaviour::ConcurrencyBlocked,
    ),
];

#[cfg(test)]
mod tests;

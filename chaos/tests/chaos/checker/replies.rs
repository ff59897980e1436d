//! I4, I5, I8 and I9: what the clients got.

use super::Invariant::{DocumentedResponses, DuplicatesRepeat, Recovers, Separate};
use super::Violation;
use crate::evidence::Evidence;
use crate::history::{Kind, Reply, Request};

/// The statuses that the contract documents.
const STATUSES: [u16; 6] = [200, 400, 401, 404, 429, 500];

pub(super) fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    for request in &evidence.requests {
        violations.extend(envelope(request));
        violations.extend(expected(request));
        violations.extend(ids(evidence, request));
    }
    for intent in &evidence.blocked {
        let mut of_intent = evidence.requests.iter().rev().filter(|request| request.intent == *intent);
        let last = of_intent.next().map(|request| (request.status(), request.code().to_owned()));
        violations
            .push(Recovers.broken(format!("{intent:?} cannot be called after the last fault: {last:?}")));
    }
    for call_id in &evidence.leaked {
        violations.push(Separate.broken(format!("another organization reads call {call_id}")));
    }
    if evidence.logged > 0 {
        violations.push(Separate.broken(format!("lines of logs with personal data: {}", evidence.logged)));
    }
    violations
}

fn envelope(request: &Request) -> Option<Violation> {
    let Reply::Response { status, body } = &request.reply else { return None };
    let reason = request.reason();
    let Some(body) = body else {
        return Some(DocumentedResponses.broken(format!("{reason} got {status} without JSON")));
    };
    let is_documented = STATUSES.contains(status)
        && if *status == 200 {
            body["success"] == true && body["callId"].is_string() && body["deduplicated"].is_boolean()
        } else {
            body["success"] == false && body["code"].is_string() && body["error"].is_string()
        };
    (!is_documented).then(|| DocumentedResponses.broken(format!("{reason} got {status} {}", request.code())))
}

/// A request that must be refused is refused, or gets a store's failure.
fn expected(request: &Request) -> Option<Violation> {
    let status = request.status()?;
    let is_expected = match request.kind {
        Kind::Call => status != 400 && status != 401 && status != 404,
        Kind::BadToken => status == 401,
        Kind::BadBody => status == 400,
        Kind::ForeignContact => status == 404 || request.code() == "SERVICE_UNAVAILABLE",
    };
    let invariant = if request.kind == Kind::ForeignContact { Separate } else { DocumentedResponses };
    (!is_expected).then(|| {
        invariant.broken(format!("{} ({:?}) got {status} {}", request.reason(), request.kind, request.code()))
    })
}

/// The ids of a response are those of a call of this intent.
fn ids(evidence: &Evidence, request: &Request) -> Vec<Violation> {
    let mut violations = Vec::new();
    let Some(call_id) = request.text("callId") else { return violations };
    let reason = request.reason();
    if let Some(call) = evidence.calls.get(call_id) {
        if call.organization != request.intent.user.organization() {
            violations.push(Separate.broken(format!("{reason} got the id of another organization's call")));
        }
        if call.user != request.intent.user.id() || call.number != request.intent.number() {
            violations.push(DuplicatesRepeat.broken(format!("{reason} got the id of another intent's call")));
        }
    }
    let mut of_call = evidence.dials.iter().filter(|dial| dial.call_id == call_id);
    let dial = of_call.next();
    if request.is_new_call() && dial.is_none_or(|dial| dial.reason != reason) {
        violations
            .push(DuplicatesRepeat.broken(format!("{reason} got a new call that was not dialled for it")));
    }
    if request.is_duplicate() {
        let is_earlier = dial
            .is_some_and(|dial| dial.reason != reason && request.ended.is_some_and(|ended| dial.at <= ended));
        if !is_earlier {
            violations.push(DuplicatesRepeat.broken(format!("{reason} is a duplicate of no earlier dial")));
        }
    }
    if let (Some(dial), Some(conversation)) = (dial, request.text("conversationId"))
        && dial.conversation_id != conversation
    {
        violations.push(DuplicatesRepeat.broken(format!("{reason} got another conversation's id")));
    }
    violations
}

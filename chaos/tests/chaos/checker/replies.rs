//! I4, I5, I8 and I9: what the clients got.

use super::Invariant::{DocumentedResponses, DuplicatesRepeat, KeepsRunning, Recovers, Separate};
use super::Violation;
use crate::evidence::Evidence;
use crate::history::{Kind, Reply, Request};

/// The statuses and codes that the contract documents, as far as these requests may get them.
const REFUSALS: [(u16, &str); 9] = [
    (400, "CONTACT_OR_PHONE_REQUIRED"),
    (401, "UNAUTHORIZED"),
    (404, "CONTACT_NOT_FOUND"),
    (429, "OUTBOUND_IN_FLIGHT"),
    (500, "SERVICE_UNAVAILABLE"),
    (500, "PROVIDER_UNAVAILABLE"),
    (500, "PROVIDER_REJECTED"),
    (500, "CALL_NOT_CONNECTED"),
    (500, "CALL_OUTCOME_UNKNOWN"),
];

pub(super) fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    for request in &evidence.requests {
        violations.extend(envelope(request));
        violations.extend(expected(request));
        violations.extend(ids(evidence, request));
    }
    if evidence.left_holds > 0 {
        violations
            .push(Recovers.broken(format!("locks and reservations that stay: {}", evidence.left_holds)));
    }
    if evidence.unexpected_ends > 0 {
        let ends = evidence.unexpected_ends;
        violations.push(KeepsRunning.broken(format!("gateways that ended without a signal: {ends}")));
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
    let is_documented = if *status == 200 {
        body["success"] == true && body["callId"].is_string() && body["deduplicated"].is_boolean()
    } else {
        body["success"] == false && body["error"].is_string() && REFUSALS.contains(&(*status, request.code()))
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

/// A callee who was not connected is also reported to duplicates.
fn is_about_its_own_call(request: &Request) -> bool {
    request.is_new_call()
        || ["CALL_OUTCOME_UNKNOWN", "PROVIDER_REJECTED", "PROVIDER_UNAVAILABLE"].contains(&request.code())
}

/// The ids of a response are those of a call of this intent.
fn ids(evidence: &Evidence, request: &Request) -> Vec<Violation> {
    let mut violations = Vec::new();
    let Some(call_id) = request.text("callId") else { return violations };
    let reason = request.reason();
    match evidence.calls.get(call_id) {
        None => violations.push(DuplicatesRepeat.broken(format!("{reason} got the id of no call"))),
        Some(call) if call.organization != request.intent.user.organization() => {
            violations.push(Separate.broken(format!("{reason} got the id of another organization's call")));
        }
        Some(call) if call.user != request.intent.user.id() || call.number != request.intent.number() => {
            violations.push(DuplicatesRepeat.broken(format!("{reason} got the id of another intent's call")));
        }
        Some(call) if is_about_its_own_call(request) && call.reason != reason => {
            violations
                .push(DuplicatesRepeat.broken(format!("{reason} got the id of another request's call")));
        }
        Some(_) => {}
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

//! I6: every dial is in the ledger, and every call gets an end.

use super::Invariant::LedgerIsComplete;
use super::Violation;
use crate::evidence::Evidence;

/// Whether a call needs nothing more. That a call is unknown is an end only if the provider has no call:
/// if it has accepted the dial, its record says how the call ended.
pub(crate) fn has_ended(status: &str, was_dialled: bool) -> bool {
    ["completed", "failed", "no-answer", "busy"].contains(&status) || status == "unknown" && !was_dialled
}

pub(super) fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    for dial in &evidence.dials {
        let reason = &dial.reason;
        match evidence.calls.get(&dial.call_id) {
            None => {
                violations.push(LedgerIsComplete.broken(format!("the dial of {reason} is not in the ledger")))
            }
            Some(call) if call.number != dial.number || call.reason != *reason => {
                violations.push(LedgerIsComplete.broken(format!("the ledger has another call for {reason}")));
            }
            Some(call) if call.state == "not-dialled" => {
                violations
                    .push(LedgerIsComplete.broken(format!("{reason} was dialled, and the ledger denies it")));
            }
            Some(_) => {}
        }
    }
    for (call_id, call) in &evidence.calls {
        let status = evidence.statuses.get(call_id).map_or("(unread)", String::as_str);
        let was_dialled = evidence.dials.iter().any(|dial| dial.call_id == *call_id);
        if !has_ended(status, was_dialled) {
            let (state, reason) = (&call.state, &call.reason);
            violations
                .push(LedgerIsComplete.broken(format!("call {call_id} ({reason}) stays {status}, {state}")));
        }
    }
    violations
}

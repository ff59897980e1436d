//! Call updates, and the call that the ledger must show after merging them.

use std::time::Duration;

use domain::ports::{HistoryQuery, ProviderLookup};
use domain::{
    Analysis, AnswerTime, Booking, CallFailure, CallProgress, CallRecord, CallStatus, CallUpdate,
    CarrierStatus, CollectedValue, ConversationRecord, CriterionResult, DialOutcome, EndReason, GivenUp,
    GivenUpReason, GoalResult, HistoryFilter, NotConnectedReason, NotDialled, NotDialledReason, PrivateNote,
    ProviderCause, ProviderCode, ProviderReference, RemovedParts, Speaker, Timestamp, TranscriptLine,
    UnknownCause, UpdateContent,
};

use crate::call_ledger::booking::{results, settlement};
use crate::fixtures::{Tenant, conversation_id, moment, name, stored_contact};
use crate::harness::CallsHarness;

/// Every outcome of a dial, with as many ids as it can have and with as few.
pub(crate) fn outcomes() -> Vec<DialOutcome> {
    let rejected = NotDialledReason::Rejected(ProviderCode::from_untrusted("agent_not_found"));
    let mut outcomes = results();
    let for_now = NotDialledReason::RejectedForNow {
        code: ProviderCode::from_untrusted("rate_limit_exceeded"),
        retry_after: std::time::Duration::from_secs(7),
    };
    outcomes.extend(
        [NotDialledReason::Unavailable, NotDialledReason::Withdrawn, rejected, for_now]
            .map(DialOutcome::NotDialled),
    );
    outcomes.push(DialOutcome::Unknown(UnknownCause::TimedOut));
    outcomes
}

/// The progress of a booked call.
pub(crate) fn booked() -> CallProgress {
    CallProgress { status: Some(CallStatus::Initiated), ..CallProgress::default() }
}

/// The progress of a call with this outcome of its dial.
pub(crate) fn dialled(outcome: &DialOutcome) -> CallProgress {
    let reference = reference(outcome);
    CallProgress {
        status: Some(CallStatus::after(outcome, AnswerTime::AfterRinging)),
        conversation_id: reference.conversation_id,
        carrier_call_id: reference.carrier_call_id,
        failure: CallFailure::of_dial(outcome, settled_at()),
        ..CallProgress::default()
    }
}

/// The progress of a call with this outcome of its dial and this update, in any order. A failure in
/// an update is preferred to that of the dial.
pub(crate) fn dialled_and_updated(outcome: &DialOutcome, update: &CallUpdate) -> CallProgress {
    let mut progress = CallProgress { failure: None, ..dialled(outcome) };
    progress.merge(update);
    progress.failure = progress.failure.or(CallFailure::of_dial(outcome, settled_at()));
    progress
}

pub(crate) fn reference(outcome: &DialOutcome) -> ProviderReference {
    match outcome {
        DialOutcome::Placed(reference) | DialOutcome::NotConnected { reference, .. } => reference.clone(),
        DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => ProviderReference::default(),
    }
}

/// The time of the suites' settlements.
pub(crate) fn settled_at() -> Timestamp {
    moment().after(Duration::from_secs(1))
}

/// A failure in an update without ids.
pub(crate) fn failure(reason: NotConnectedReason) -> CallUpdate {
    let at = moment().after(Duration::from_millis(777));
    CallUpdate {
        conversation_id: None,
        carrier_call_id: None,
        content: UpdateContent::Failure(CallFailure { reason, at, cause: cause(reason.as_str()) }),
    }
}

fn cause(code: &str) -> ProviderCause {
    ProviderCause {
        code: Some(ProviderCode::from_untrusted(code)),
        carrier_status: CarrierStatus::from_number(486),
    }
}

/// That the gateway gave the call up.
pub(crate) fn given_up() -> CallUpdate {
    CallUpdate::given_up(GivenUp {
        at: moment().after(Duration::from_hours(48)),
        reason: GivenUpReason::NoRecord,
    })
}

/// A conversation with every field, in an update with the conversation's id.
pub(crate) fn conversation(status: CallStatus) -> CallUpdate {
    let line = |at_secs, speaker, text| TranscriptLine { at_secs, speaker, text: note(text) };
    let content = ConversationRecord {
        status,
        duration_secs: Some(u32::MAX),
        transcript: vec![
            line(0, Speaker::Agent, "Guten Tag, hier ist Zoë\u{2028}\"O'Brien\" – 予約 \\u0041 ✓"),
            line(0, Speaker::Callee, ""),
            line(u32::MAX, Speaker::Callee, "first line\r\n\tsecond"),
            line(7, Speaker::Agent, &"é👩‍🚀".repeat(4000)),
        ],
        started_at: Some(moment()),
        answered_at: Some(moment().after(Duration::from_millis(1))),
        ended_at: Some(moment().after(Duration::from_millis(7777))),
        end_reason: EndReason::of_status(status),
        cause: cause("client_disconnected"),
        is_truncated: true,
        summary: Some(note("What it was about: {\"a\": 1}")),
        analysis: Analysis {
            goal: Some(GoalResult::Failure),
            criteria: vec![CriterionResult {
                id: note("polite \"enough\""),
                result: GoalResult::Success,
                rationale: Some(note("Sie war höflich.")),
            }],
            collected: vec![
                CollectedValue {
                    id: note("a"),
                    json: Some(note("{\"b\": [1.5, \"\\u00e9\"]}")),
                    rationale: None,
                },
                CollectedValue { id: note("c"), json: None, rationale: Some(note("not said")) },
            ],
        },
        agent_name: Some(name("Zoë")),
        cost_credits: Some(i64::MAX),
        has_recording: true,
    };
    CallUpdate {
        conversation_id: Some(conversation_id()),
        carrier_call_id: None,
        content: UpdateContent::Conversation(content),
    }
}

/// A conversation without any optional field.
pub(crate) fn bare_conversation(status: CallStatus) -> CallUpdate {
    let content = ConversationRecord::new(status);
    CallUpdate { conversation_id: None, carrier_call_id: None, content: UpdateContent::Conversation(content) }
}

fn note(text: &str) -> PrivateNote {
    PrivateNote::parse(text).expect("no forbidden characters")
}

/// The tenant's call as the ledger must return it.
pub(crate) fn record(tenant: &Tenant, booking: &Booking, progress: CallProgress) -> CallRecord {
    CallRecord {
        identity: booking.identity.clone(),
        user_name: tenant.user.full_name.clone(),
        contact: stored_contact(&tenant.contact),
        reason: booking.reason.clone(),
        variables: booking.variables.clone(),
        metadata: booking.metadata.clone(),
        purpose: Some(booking.conditions.purpose),
        subject: booking.conditions.subject.clone(),
        decision: booking.conditions.decision.as_deref().cloned(),
        booked_at: booking.booked_at,
        progress,
        not_dialled: None,
        recording: None,
        removed: RemovedParts::default(),
    }
}

/// The tenant's call with this outcome of its dial and no update.
pub(crate) fn dialled_record(tenant: &Tenant, booking: &Booking, outcome: &DialOutcome) -> CallRecord {
    let not_dialled = NotDialled::of_dial(outcome, settled_at());
    CallRecord { not_dialled, ..record(tenant, booking, dialled(outcome)) }
}

/// The lookup of the tenant's call.
pub(crate) fn overdue(tenant: &Tenant, booking: &Booking, reference: ProviderReference) -> ProviderLookup {
    ProviderLookup {
        call_id: booking.identity.call_id.clone(),
        conversation_id: reference.conversation_id,
        provider_agent_id: tenant.agent.provider_agent_id.clone(),
        booked_at: booking.booked_at,
    }
}

/// The tenant's whole history, on one page.
pub(crate) fn everything(tenant: &Tenant) -> HistoryQuery {
    let filter = HistoryFilter { limit: 200, ..HistoryFilter::default() };
    HistoryQuery { organization_id: tenant.organization.id.clone(), filter, count_up_to: 10_000 }
}

pub(crate) async fn merge(harness: &impl CallsHarness, booking: &Booking, update: &CallUpdate) {
    harness.updater().merge(&booking.identity.call_id, update).await.expect("store is up");
}

pub(crate) async fn settle(harness: &impl CallsHarness, booking: &Booking, outcome: &DialOutcome) {
    let settlement = settlement(booking, &booking.token, outcome, Duration::from_secs(120));
    harness.ledger().settle(&settlement).await.expect("store is up");
}

/// The call of this booking, as its own organization reads it.
pub(crate) async fn find(harness: &impl CallsHarness, booking: &Booking) -> CallRecord {
    let found = harness.reader().find(&booking.identity.organization_id, &booking.identity.call_id).await;
    found.expect("store is up").expect("the call is booked")
}

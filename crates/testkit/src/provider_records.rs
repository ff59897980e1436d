//! The suite of [`ProviderRecords`](domain::ports::ProviderRecords).

mod secrecy;
mod unclear;

use std::time::Duration;

use domain::ports::ProviderLookup;
use domain::{CallProgress, CallStatus, CallUpdate, UpdateContent};

use crate::expect::unavailable_within;
use crate::fixtures::{call_id, conversation_id};
use crate::harness::{ProviderRecordsHarness, RecordedCall, RecordsUpstream};

pub use secrecy::an_error_and_the_log_show_no_key;
pub use unclear::{
    a_foreign_record_is_unavailable, a_full_list_without_our_call_is_unavailable,
    another_calls_record_is_not_reported, no_end_is_guessed, two_calls_with_our_id_are_unavailable,
};

suite! {
    $ provider_records_suite of provider_records:
    a_recorded_conversation_is_found,
    a_call_is_found_by_our_id,
    another_calls_record_is_not_reported,
    two_calls_with_our_id_are_unavailable,
    no_end_is_guessed,
    a_call_that_was_never_dialled_is_not_recorded,
    a_full_list_without_our_call_is_unavailable,
    a_foreign_record_is_unavailable,
    asking_never_dials,
    an_unreachable_provider_is_unavailable,
    an_error_and_the_log_show_no_key,
}

/// The time within which a lookup must end.
const LIMIT: Duration = Duration::from_secs(45);

/// A call whose conversation is known is found with what the provider has recorded, for each kind
/// of record.
pub async fn a_recorded_conversation_is_found(harness: &impl ProviderRecordsHarness) {
    for (call, lookup) in recorded(harness).await {
        let update = find(harness, &lookup).await.expect("the provider has a record");
        assert_eq!(update.conversation_id, lookup.conversation_id, "of a call that is {call:?}");
        reports(call, &update);
    }
}

/// A call whose conversation is not known, because the response to its dial was lost, is found by
/// our id among the other calls of its agent.
pub async fn a_call_is_found_by_our_id(harness: &impl ProviderRecordsHarness) {
    for (call, lookup) in recorded(harness).await {
        let lost = ProviderLookup { conversation_id: None, ..lookup.clone() };
        let update = find(harness, &lost).await.expect("the provider has a record");
        assert_eq!(update.conversation_id, lookup.conversation_id, "of a call that is {call:?}");
        reports(call, &update);
    }
}

/// A call that the provider does not know is not found, also if it knows other calls of the same
/// agent.
pub async fn a_call_that_was_never_dialled_is_not_recorded(harness: &impl ProviderRecordsHarness) {
    let known = harness.record(RecordedCall::Completed).await;
    let undialled = ProviderLookup { call_id: call_id(), conversation_id: None, ..known };
    assert_eq!(find(harness, &undialled).await, None);
    let forgotten = ProviderLookup { conversation_id: Some(conversation_id()), ..undialled };
    assert_eq!(find(harness, &forgotten).await, None);
}

/// No lookup makes the provider dial, whatever it responds.
pub async fn asking_never_dials(harness: &impl ProviderRecordsHarness) {
    let known = harness.record(RecordedCall::Completed).await;
    let lost = ProviderLookup { conversation_id: None, ..known.clone() };
    let undialled = ProviderLookup { call_id: call_id(), ..lost.clone() };
    let dialled = harness.dials().await;
    assert!(dialled > 0, "the harness does not count dials");
    for upstream in
        [RecordsUpstream::Responds, RecordsUpstream::ServerError, RecordsUpstream::ForeignResponse]
    {
        harness.upstream(upstream).await;
        for lookup in [&known, &lost, &undialled] {
            // Other cases check the result.
            let _update = harness.records().find(lookup).await;
        }
    }
    assert_eq!(harness.dials().await, dialled, "requests to dial");
}

/// An unavailable provider is not a provider without a record: otherwise a call that it may have
/// dialled would count as not dialled.
pub async fn an_unreachable_provider_is_unavailable(harness: &impl ProviderRecordsHarness) {
    let known = harness.record(RecordedCall::Completed).await;
    let lost = ProviderLookup { conversation_id: None, ..known.clone() };
    for upstream in RecordsUpstream::UNAVAILABLE {
        harness.upstream(upstream).await;
        for lookup in [&known, &lost] {
            unavailable_within(LIMIT, harness.records().find(lookup), &[]).await;
        }
    }
    harness.upstream(RecordsUpstream::Responds).await;
    assert!(find(harness, &known).await.is_some(), "the provider responds again");
}

/// One call of each kind in the provider's records.
async fn recorded(harness: &impl ProviderRecordsHarness) -> Vec<(RecordedCall, ProviderLookup)> {
    let mut recorded = Vec::new();
    for call in RecordedCall::ALL {
        recorded.push((call, harness.record(call).await));
    }
    recorded
}

async fn find(harness: &impl ProviderRecordsHarness, lookup: &ProviderLookup) -> Option<CallUpdate> {
    harness.records().find(lookup).await.expect("the provider responds")
}

/// Requires that an update reports such a call.
fn reports(call: RecordedCall, update: &CallUpdate) {
    let mut progress = CallProgress::default();
    progress.merge(update);
    let status = progress.status.expect("every update raises the status");
    let fits = match call {
        RecordedCall::InProgress => status == CallStatus::InProgress,
        RecordedCall::Completed => {
            status == CallStatus::Completed && matches!(update.content, UpdateContent::Conversation(_))
        }
        RecordedCall::Failed => {
            matches!(status, CallStatus::Failed | CallStatus::NoAnswer | CallStatus::Busy)
        }
    };
    assert!(fits, "a call that is {call:?} is reported as {}", status.as_str());
}

//! Responses that no well-behaved provider sends, or that say less than they seem to.

use domain::ports::ProviderLookup;
use domain::{CallProgress, CallStatus, CallUpdate};

use super::LIMIT;
use crate::fixtures::call_id;
use crate::harness::{ProviderRecordsHarness, VendorCall, VendorState};
use crate::scripted_records::ScriptedRecords;

/// A full list may be incomplete, so a call that it lacks may be recorded. Reported as absent, the
/// call could be dialled a second time.
pub async fn a_full_list_without_our_call_is_unavailable(harness: &impl ProviderRecordsHarness) {
    let format = harness.format();
    let vendor = ScriptedRecords::of(harness.format()).await;
    vendor.ignore_queries();
    let mut known = vendor.add(VendorState::Completed);
    for _ in 1..format.page_len() {
        known = vendor.add(VendorState::Completed);
    }
    let undialled = ProviderLookup { call_id: call_id(), conversation_id: None, ..known };
    is_unavailable("a full list of other calls", &vendor, &undialled).await;
}

/// Two calls under one id of ours: either could be the wrong one, whatever their order and state.
pub async fn two_calls_with_our_id_are_unavailable(harness: &impl ProviderRecordsHarness) {
    let states = [VendorState::InProgress, VendorState::Completed, VendorState::NoAnswer];
    for (first, second) in states.into_iter().flat_map(|first| states.map(|second| (first, second))) {
        let vendor = ScriptedRecords::of(harness.format()).await;
        let known = vendor.add(first);
        vendor.add_again(&known, second);
        let lost = ProviderLookup { conversation_id: None, ..known };
        is_unavailable(&format!("a list of two calls, {first:?} and {second:?},"), &vendor, &lost).await;
    }
}

/// A response that is not the provider's is neither a record nor the statement that there is none,
/// with a status of success or with 404.
pub async fn a_foreign_record_is_unavailable(harness: &impl ProviderRecordsHarness) {
    let format = harness.format();
    let vendor = ScriptedRecords::of(harness.format()).await;
    let known = vendor.add(VendorState::Completed);
    let lost = ProviderLookup { conversation_id: None, ..known.clone() };
    // Half of the vendor's list, and a list with the item of another API.
    let call = VendorCall { lookup: known.clone(), state: VendorState::Completed };
    let list = format.list(&[format.item(&call)]);
    let half = &list[..list.floor_char_boundary(list.len() / 2)];
    let foreign = r#"{"suite":{"foreign":true},"items":[1]}"#;
    let item = format.list(&[foreign.to_owned()]);
    for body in ["", "<html>Welcome</html>", "{}", "null", "\"ok\"", foreign, half, &item] {
        for status in [200, 404] {
            vendor.respond_with(status, body);
            for lookup in [&known, &lost] {
                is_unavailable(&format!("{status} with {body:?}"), &vendor, lookup).await;
            }
        }
    }
}

/// The record of another call is not reported as ours: if the provider returns it in place of the
/// requested one, and if it ignores by which id it was asked.
pub async fn another_calls_record_is_not_reported(harness: &impl ProviderRecordsHarness) {
    let vendor = ScriptedRecords::of(harness.format()).await;
    vendor.ignore_queries();
    vendor.add(VendorState::Completed);
    let ours = vendor.lookup();
    is_unavailable("another record in place of the requested one", &vendor, &ours).await;
    let lost = ProviderLookup { conversation_id: None, ..ours };
    let found = vendor.adapter("any").find(&lost).await;
    assert!(!matches!(found, Ok(Some(_))), "another call was listed, and is read as {found:?}");
}

/// A call has ended only if the provider says so, and it was answered only if the provider says so.
/// What the provider's documents do not name is neither.
pub async fn no_end_is_guessed(harness: &impl ProviderRecordsHarness) {
    for state in [
        VendorState::Ringing,
        VendorState::InProgress,
        VendorState::Completed,
        VendorState::Busy,
        VendorState::NoAnswer,
        VendorState::FailedForANewReason,
        VendorState::New,
    ] {
        let vendor = ScriptedRecords::of(harness.format()).await;
        let known = vendor.add(state);
        let lost = ProviderLookup { conversation_id: None, ..known.clone() };
        for lookup in [known, lost] {
            let found = vendor.adapter("any").find(&lookup).await.expect("the provider responds");
            let status = status(&found.expect("the provider has a record"));
            let fits = match state {
                VendorState::Completed => status == CallStatus::Completed,
                VendorState::Busy | VendorState::NoAnswer => {
                    status.is_final() && status != CallStatus::Completed
                }
                VendorState::FailedForANewReason => status <= CallStatus::Failed,
                VendorState::Ringing | VendorState::InProgress | VendorState::New => !status.is_final(),
            };
            assert!(fits, "a call that is {state:?} is reported as {}", status.as_str());
        }
    }
}

async fn is_unavailable(what: &str, vendor: &ScriptedRecords, lookup: &ProviderLookup) {
    let adapter = vendor.adapter("any");
    let found = tokio::time::timeout(LIMIT, adapter.find(lookup)).await;
    let found = found.unwrap_or_else(|_| panic!("{what} is not read within {LIMIT:?}"));
    assert!(found.is_err(), "{what} is read as {found:?}");
}

fn status(update: &CallUpdate) -> CallStatus {
    let mut progress = CallProgress::default();
    progress.merge(update);
    progress.status.expect("every update raises the status")
}

use proptest::prelude::*;

use super::*;
use crate::{
    CallFailure, CallProgress, CallUpdate, ConversationRecord, NotConnectedReason, Timestamp, UpdateContent,
};

fn any_status() -> impl Strategy<Value = CallStatus> {
    prop::sample::select(CallStatus::ALL.to_vec())
}

/// An update, and the status that it reports.
fn any_update() -> impl Strategy<Value = (CallStatus, CallUpdate)> {
    let failure = prop::sample::select(NotConnectedReason::ALL.to_vec()).prop_map(|reason| {
        let failure = CallFailure::new(reason, Timestamp::from_unix_millis(0));
        (CallStatus::of_failure(reason), UpdateContent::Failure(failure))
    });
    let conversation = any_status().prop_map(|status| {
        let conversation = ConversationRecord::new(status);
        (status, UpdateContent::Conversation(conversation))
    });
    let unresolved = Just((CallStatus::Unknown, UpdateContent::Unresolved));
    prop_oneof![failure, conversation, unresolved].prop_map(|(status, content)| {
        (status, CallUpdate { conversation_id: None, carrier_call_id: None, content })
    })
}

proptest! {
    #[test]
    fn a_status_merges_as_the_progress_of_a_call_does(
        before in any_status(),
        (reported, update) in any_update(),
    ) {
        let mut progress = CallProgress { status: Some(before), ..CallProgress::default() };
        progress.merge(&update);
        prop_assert_eq!(Some(before.merge(reported).0), progress.status);
    }

    #[test]
    fn the_events_are_those_between_the_two_statuses(before in any_status(), reported in any_status()) {
        let (merged, events) = before.merge(reported);
        prop_assert!(merged >= before && merged >= reported && (merged == before || merged == reported));
        prop_assert_eq!(events, CallEventKind::between(before, merged));
        prop_assert_eq!(merged.merge(reported), (merged, Vec::new()), "a repeated report writes nothing");
    }
}

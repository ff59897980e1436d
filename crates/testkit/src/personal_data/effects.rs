use domain::ports::{ClosedBody, HoldResult, Recipient};
use domain::{
    AudioFormat, CallMetadata, CalleeFilter, ChangeOfRecord, ConversationRecord, DynamicVariables,
    PhoneNumber, RefusalCode, Suppression,
};

use super::stored::{Stored, said, shows};
use super::{erase, export, text_of};
use crate::call_events::{merge, read};
use crate::call_ledger::booking::{book, duplicate};
use crate::call_updates::{everything, find};
use crate::fixtures::{moment, recording};
use crate::harness::{CallLedgerHarness, PersonalDataHarness};
use crate::suppressions::{is_suppressed, list};

/// The call is read and listed as before, without the person; its events keep their places.
pub async fn an_erased_call_stays_in_the_ledger(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    let before = find(harness, &stored.booking).await;
    let events = read(harness, &stored.tenant).await;
    let history = harness.reader().history(&everything(&stored.tenant)).await.expect("store is up");
    erase(harness, stored.by_number()).await;

    let after = find(harness, &stored.booking).await;
    let mut expected = before;
    expected.identity.to = PhoneNumber::erased();
    expected.contact = expected.contact.without_personal_data();
    (expected.reason, expected.metadata, expected.subject, expected.decision) = (None, None, None, None);
    expected.variables = DynamicVariables::default();
    let conversation = expected.progress.conversation.take();
    expected.progress.conversation = conversation.map(ConversationRecord::without_personal_data);
    expected.recording = None;
    assert_eq!(after, expected);
    let conversation = after.progress.conversation.expect("it took place");
    assert_eq!((conversation.duration_secs, conversation.cost_credits), (Some(41), Some(17)));

    let listed = harness.reader().history(&everything(&stored.tenant)).await.expect("store is up");
    assert_eq!((listed.total, listed.calls.len()), (history.total, history.calls.len()));
    let mut expected = events;
    for event in &mut expected {
        event.identity.to = PhoneNumber::erased();
        event.metadata = None::<CallMetadata>;
    }
    assert_eq!(read(harness, &stored.tenant).await, expected);
}

/// A contact that is stored with the number again is suppressed, for the next decision and for a booking.
pub async fn an_erased_number_stays_suppressed(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    erase(harness, stored.by_number()).await;
    let number = stored.number();
    assert!(is_suppressed(harness, &stored.tenant, Recipient::Number(&number)).await, "no contact has it");
    harness.store(&[stored.contact_record()]).await;
    let contact_id = stored.contact_id();
    for recipient in [Recipient::Number(&number), Recipient::Contact(&contact_id)] {
        assert!(is_suppressed(harness, &stored.tenant, recipient).await, "{recipient:?}");
    }
    let mut again = stored.tenant.booking(std::time::Duration::from_secs(1));
    again.conditions.refuse_suppressed = true;
    assert_eq!(book(harness, &again).await, HoldResult::Refused(RefusalCode::CalleeOptedOut));
}

/// The suppressions are found by the number and shown without it. When all are removed, the number can be
/// called.
pub async fn the_suppression_of_an_erased_number_is_listed_and_removed(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    erase(harness, stored.by_number()).await;
    let home = Some(&stored.tenant.organization.id);
    let by_number = CalleeFilter { phone_number: Some(stored.number()), ..CalleeFilter::default() };
    let listed = list(harness, home, &by_number).await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    for suppression in &listed {
        let bare = Suppression {
            phone_number: None,
            number_is_erased: true,
            contact_id: None,
            reason: None,
            conversation_id: None,
            ..suppression.clone()
        };
        assert_eq!(*suppression, bare);
        let change = ChangeOfRecord { by: None, at: moment() };
        let removed = harness.suppressions().remove_suppression(home, &suppression.id, &change).await;
        assert!(removed.expect("store is up"));
    }
    assert!(!is_suppressed(harness, &stored.tenant, Recipient::Number(&stored.number())).await);
}

/// An update, a recording and an event that arrive after the erasure change nothing. The body of the event
/// is dropped.
pub async fn a_late_report_of_an_erased_call_is_dropped(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    let open = stored.accept(harness, "late", r#"{"text":"I want the marzipan"}"#).await;
    erase(harness, stored.by_number()).await;
    let erased = find(harness, &stored.booking).await;
    let call_id = &stored.booking.identity.call_id;
    merge(harness, &stored.booking, &said()).await;
    let late = recording(call_id, AudioFormat::Wav);
    harness.updater().attach_recording(call_id, &late).await.expect("store is up");
    harness.inbox().close(&open, Some(call_id.clone()), ClosedBody::Kept).await.expect("store is up");
    assert_eq!(find(harness, &stored.booking).await, erased);
    let left = export(harness, stored.by_contact()).await;
    assert!(!shows(&text_of(&left), &stored), "left: {left:?}");
}

/// The recordings are named after a crash, until each is reported.
pub async fn recordings_of_erased_calls_are_named_until_they_are_removed(harness: &impl PersonalDataHarness) {
    let (one, two) = (Stored::new(harness).await, Stored::new(harness).await);
    for stored in [&one, &two] {
        erase(harness, stored.by_number()).await;
    }
    CallLedgerHarness::crash(harness).await;
    let data = harness.personal_data();
    assert_eq!(data.recordings_to_remove(1).await.expect("store is up").len(), 1, "more than the limit");
    for _ in 0..2 {
        data.note_removed_recording(&one.recording().key).await.expect("store is up");
    }
    assert_eq!(data.recordings_to_remove(100).await, Ok(vec![two.recording().key]));
}

/// The key still has the call, and answers no request: another request with the key is refused.
pub async fn an_idempotency_key_of_an_erased_call_dials_no_more(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    erase(harness, stored.by_number()).await;
    let request = stored.booking.keyed.clone().expect("the booking has a key");
    let found = harness.keys().find(&stored.tenant.user.id, &request.key).await.expect("store is up");
    let found = found.expect("the key was freed");
    assert_eq!(found.reference.call_id, stored.booking.identity.call_id);
    assert!(found.digest != request.digest, "what the request said is still stored");
    harness.store(&[stored.contact_record()]).await;
    assert_eq!(book(harness, &duplicate(&stored.booking)).await, HoldResult::KeyTaken);
}

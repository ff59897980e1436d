use domain::{AudioFormat, Booking, CallStatus, Recording};

use super::LONG;
use crate::call_ledger::booking::{book, tenant};
use crate::call_updates::{booked, conversation, everything, find, merge, record};
use crate::fixtures::{call_id, moment, recording};
use crate::harness::CallsHarness;

/// A recording of each format is read back with its call and in the history, with every field. It
/// changes nothing else of the call and no other call. A recording of a call that is not in the
/// ledger is no error.
pub async fn an_attached_recording_is_read_back(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let unrecorded = tenant.booking(LONG);
    book(harness, &unrecorded).await;
    for format in AudioFormat::ALL {
        let (booking, mut progress) = (tenant.booking(LONG), booked());
        book(harness, &booking).await;
        let completed = conversation(CallStatus::Completed);
        merge(harness, &booking, &completed).await;
        progress.merge(&completed);
        let recorded = recording(&booking.identity.call_id, format);
        attach(harness, &booking, &recorded).await;
        let mut expected = record(&tenant, &booking, progress);
        expected.recording = Some(recorded);
        let read = find(harness, &booking).await;
        assert!(read == expected, "attached {:?}, in the ledger is {:?}", expected.recording, read.recording);
        let listed = harness.reader().history(&everything(&tenant)).await.expect("store is up").calls;
        let listed = listed
            .into_iter()
            .find(|call| call.identity.call_id == booking.identity.call_id)
            .expect("the call is booked");
        assert_eq!(listed.recording, expected.recording, "the history");
    }
    assert_eq!(find(harness, &unrecorded).await, record(&tenant, &unrecorded, booked()));
    let unknown = call_id();
    let attached = harness.updater().attach_recording(&unknown, &recording(&unknown, AudioFormat::Mp3)).await;
    attached.expect("an unknown call is no error");
}

/// Of two recordings of a call the one that was attached last is read, with every field.
pub async fn a_recording_attached_again_is_replaced(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let booking = tenant.booking(LONG);
    book(harness, &booking).await;
    attach(harness, &booking, &recording(&booking.identity.call_id, AudioFormat::Wav)).await;
    let stored_at = moment().after(LONG);
    let again =
        Recording { size_bytes: 1, stored_at, ..recording(&booking.identity.call_id, AudioFormat::Mp3) };
    attach(harness, &booking, &again).await;
    assert_eq!(find(harness, &booking).await.recording, Some(again));
}

async fn attach(harness: &impl CallsHarness, booking: &Booking, recording: &Recording) {
    harness.updater().attach_recording(&booking.identity.call_id, recording).await.expect("store is up");
}

use domain::ports::{OldRows, UnrecordedLease};
use domain::{Analysis, AudioFormat, Booking, CallRecord, CallStatus, ConversationRecord, RemovedParts};

use super::{DAY, LONG, MANY, booking, ended, moment, now, older_than, placed, remove};
use crate::call_events::{is_about_now, merge};
use crate::call_ledger::booking::{book, tenant};
use crate::call_updates::{conversation, find};
use crate::fixtures::recording;
use crate::harness::RetentionHarness;

/// The transcript of an old call that has ended is removed, with what the provider concluded from it. Running
/// and younger calls keep theirs. A transcript that is reported again is removed again.
pub async fn old_transcripts_are_removed(harness: &impl RetentionHarness) {
    let tenant = tenant(harness).await;
    let [old, running, young] = [booking(&tenant, 9), booking(&tenant, 9), booking(&tenant, 3)];
    let [completed, in_progress] = [CallStatus::Completed, CallStatus::InProgress].map(conversation);
    for (booking, report) in [(&old, &completed), (&running, &in_progress), (&young, &completed)] {
        placed(harness, booking).await;
        merge(harness, booking, report).await;
    }
    let before = [find(harness, &old).await, find(harness, &running).await, find(harness, &young).await];
    for round in 0..2 {
        assert_eq!(remove(harness, OldRows::Transcripts, older_than(9)).await, 1, "round {round}");
        let now = find(harness, &old).await;
        assert!(now.removed.transcript.is_some_and(is_about_now));
        assert!(now.has_expired_transcript() && !before[0].has_expired_transcript());
        let removed = RemovedParts { transcript: now.removed.transcript, recording: None };
        let mut expected = CallRecord { removed, ..before[0].clone() };
        expected.progress.conversation = before[0].progress.conversation.as_ref().map(without_texts);
        assert_eq!(now, expected);
        assert_eq!(find(harness, &running).await, before[1]);
        assert_eq!(find(harness, &young).await, before[2]);
        merge(harness, &old, &completed).await;
    }
}

fn without_texts(conversation: &ConversationRecord) -> ConversationRecord {
    ConversationRecord {
        transcript: Vec::new(),
        summary: None,
        analysis: Analysis { goal: conversation.analysis.goal, ..Analysis::default() },
        ..conversation.clone()
    }
}

/// Recordings of old calls are listed, the oldest first and no more than the limit. A call without a
/// recording has none.
pub async fn old_recordings_are_listed(harness: &impl RetentionHarness) {
    let tenant = tenant(harness).await;
    let [oldest, old, young, silent] = [9, 8, 3, 9].map(|days| booking(&tenant, days));
    for booking in [&old, &young, &oldest, &silent] {
        ended(harness, booking).await;
    }
    let mut keys = Vec::new();
    for (booking, format) in
        [(&oldest, AudioFormat::Mp3), (&old, AudioFormat::Wav), (&young, AudioFormat::Mp3)]
    {
        keys.push((booking.identity.call_id.clone(), attach(harness, booking, format).await));
    }
    let port = harness.retention();
    assert_eq!(port.old_recordings(older_than(8), MANY).await, Ok(keys[..2].to_vec()));
    assert_eq!(port.old_recordings(older_than(8), 1).await, Ok(keys[..1].to_vec()));
    assert_eq!(port.old_recordings(older_than(9), MANY).await, Ok(keys[..1].to_vec()));
}

/// A call whose recording was removed shows since when, and its recording is not fetched again. A recording
/// that was replaced by another one meanwhile is not forgotten.
pub async fn a_removed_recording_is_forgotten(harness: &impl RetentionHarness) {
    let tenant = tenant(harness).await;
    let [old, replaced] = [booking(&tenant, 9), booking(&tenant, 9)];
    let mut removed = Vec::new();
    for booking in [&old, &replaced] {
        placed(harness, booking).await;
        merge(harness, booking, &conversation(CallStatus::Completed)).await;
        removed.push((booking.identity.call_id.clone(), attach(harness, booking, AudioFormat::Mp3).await));
    }
    let newer = attach(harness, &replaced, AudioFormat::Wav).await;
    let before = [find(harness, &old).await, find(harness, &replaced).await];
    for _ in 0..2 {
        harness.retention().forget_recordings(&removed).await.expect("store is up");
        let now = find(harness, &old).await;
        assert!(now.removed.recording.is_some_and(is_about_now) && now.has_expired_recording());
        assert!(now.recording.is_none() && !now.has_too_large_recording());
        assert_eq!(now.progress.conversation, before[0].progress.conversation);
        assert_eq!(find(harness, &replaced).await, before[1]);
        assert_eq!(find(harness, &replaced).await.recording.map(|it| it.key), Some(newer.clone()));
    }
    let lease = UnrecordedLease {
        now: now(),
        booked_before: now(),
        given_up_before: moment().before(DAY * 100),
        limit: MANY,
        lease_for: LONG,
    };
    assert_eq!(harness.unfinished().lease_unrecorded(&lease).await, Ok(Vec::new()));
}

/// The decision of an old call that has ended is removed, and no other one.
pub async fn old_decisions_are_removed(harness: &impl RetentionHarness) {
    let tenant = tenant(harness).await;
    let [old, running, young] = [booking(&tenant, 9), booking(&tenant, 9), booking(&tenant, 3)];
    ended(harness, &old).await;
    book(harness, &running).await;
    ended(harness, &young).await;
    let before = find(harness, &old).await;
    assert!(before.decision.is_some());
    assert_eq!(remove(harness, OldRows::Decisions, older_than(9)).await, 1);
    assert_eq!(remove(harness, OldRows::Decisions, older_than(9)).await, 0);
    assert_eq!(find(harness, &old).await, CallRecord { decision: None, ..before });
    for kept in [&running, &young] {
        assert!(find(harness, kept).await.decision.is_some());
    }
}

async fn attach(
    harness: &impl RetentionHarness,
    booking: &Booking,
    format: AudioFormat,
) -> domain::RecordingKey {
    let recording = recording(&booking.identity.call_id, format);
    let updater = harness.updater();
    updater.attach_recording(&booking.identity.call_id, &recording).await.expect("store is up");
    recording.key
}

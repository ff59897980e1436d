use domain::ports::Settlement;
use domain::{
    AudioFormat, Booking, CallEvent, CallEventKind, CallIdentity, CallStatus, CallUpdate, ConversationId,
    DialOutcome, EndReason, EventId, NotConnectedReason, NotDialledReason, ProviderReference, UnknownCause,
    UpdateContent,
};

use crate::call_events::{LONG, booked, is_about_now, merge, publish, read, steps};
use crate::call_ledger::booking::{book, duplicate, in_flight, settle, settlement, tenant};
use crate::call_updates::{bare_conversation, conversation, failure, given_up, outcomes};
use crate::expect::{CROWD, all_at_once};
use crate::fixtures::{call_id, conversation_id, provider_reference, recording};
use crate::harness::CallEventsHarness;

const INITIATED: (CallEventKind, CallStatus) = (CallEventKind::Initiated, CallStatus::Initiated);
const ANSWERED: (CallEventKind, CallStatus) = (CallEventKind::Answered, CallStatus::InProgress);
const COMPLETED: (CallEventKind, CallStatus) = (CallEventKind::Ended, CallStatus::Completed);

/// A booked call writes an event. A blocked booking writes none.
pub async fn a_booked_call_writes_an_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    in_flight(book(harness, &duplicate(&booking)).await);
    assert_eq!(steps(harness, &tenant, &booking).await, [INITIATED]);
    assert_eq!(read(harness, &tenant).await.len(), 1, "a blocked booking writes no event");
}

/// An answer writes an event, reported by the dial or by an update, and not before: a ringing phone
/// is not answered.
pub async fn an_answered_call_writes_an_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let outcome = DialOutcome::Placed(provider_reference());
    let in_progress = bare_conversation(CallStatus::InProgress);

    let dialled = booked(harness, &tenant).await;
    settle(harness, &dialled, &outcome, LONG).await;
    assert_eq!(steps(harness, &tenant, &dialled).await, [INITIATED, ANSWERED]);

    let ringing = booked(harness, &tenant).await;
    let before_ringing = settlement(&ringing, &ringing.token, &outcome, LONG);
    let settlement = Settlement { status: CallStatus::Ringing, ..before_ringing };
    harness.ledger().settle(&settlement).await.expect("store is up");
    assert_eq!(steps(harness, &tenant, &ringing).await, [INITIATED]);
    merge(harness, &ringing, &in_progress).await;
    assert_eq!(steps(harness, &tenant, &ringing).await, [INITIATED, ANSWERED]);

    let answered_early = booked(harness, &tenant).await;
    merge(harness, &answered_early, &in_progress).await;
    settle(harness, &answered_early, &outcome, LONG).await;
    assert_eq!(steps(harness, &tenant, &answered_early).await, [INITIATED, ANSWERED]);

    let ended_early = booked(harness, &tenant).await;
    merge(harness, &ended_early, &bare_conversation(CallStatus::Completed)).await;
    settle(harness, &ended_early, &outcome, LONG).await;
    let expected = [INITIATED, (CallEventKind::Answered, CallStatus::Completed), COMPLETED];
    assert_eq!(steps(harness, &tenant, &ended_early).await, expected, "the outcome of the dial is older");
}

/// A call that ended with its dial writes an event with the reason, and none for an answer. An
/// unknown outcome writes none.
pub async fn a_call_that_was_not_connected_writes_an_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    for outcome in outcomes() {
        let booking = booked(harness, &tenant).await;
        settle(harness, &booking, &outcome, LONG).await;
        let end = match &outcome {
            DialOutcome::Placed(_) => ANSWERED,
            DialOutcome::NotConnected { reason, .. } => {
                (CallEventKind::Ended, CallStatus::of_failure(*reason))
            }
            DialOutcome::NotDialled(_) => (CallEventKind::Ended, CallStatus::Failed),
            DialOutcome::Unknown(_) => continue,
        };
        assert_eq!(steps(harness, &tenant, &booking).await, [INITIATED, end], "dialled {outcome:?}");
    }
    let booking = booked(harness, &tenant).await;
    settle(harness, &booking, &DialOutcome::Unknown(UnknownCause::TimedOut), LONG).await;
    assert_eq!(steps(harness, &tenant, &booking).await, [INITIATED]);
}

/// An update that ends a call writes an event after that of the answer; an update that reports both
/// writes both, in this order. An update of no call writes none.
pub async fn an_ended_call_writes_an_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let completed = conversation(CallStatus::Completed);

    let answered = booked(harness, &tenant).await;
    settle(harness, &answered, &DialOutcome::Placed(ProviderReference::default()), LONG).await;
    merge(harness, &answered, &completed).await;
    assert_eq!(steps(harness, &tenant, &answered).await, [INITIATED, ANSWERED, COMPLETED]);

    let late = booked(harness, &tenant).await;
    settle(harness, &late, &DialOutcome::Unknown(UnknownCause::TimedOut), LONG).await;
    merge(harness, &late, &completed).await;
    let expected = [INITIATED, (CallEventKind::Answered, CallStatus::Completed), COMPLETED];
    assert_eq!(steps(harness, &tenant, &late).await, expected);

    for reason in NotConnectedReason::ALL {
        let booking = booked(harness, &tenant).await;
        merge(harness, &booking, &failure(reason)).await;
        let expected = [INITIATED, (CallEventKind::Ended, CallStatus::of_failure(reason))];
        assert_eq!(steps(harness, &tenant, &booking).await, expected);
    }
    let unknown = tenant.booking(LONG);
    merge(harness, &unknown, &completed).await;
    assert_eq!(steps(harness, &tenant, &unknown).await, []);
}

/// A recording writes an event with the status of its call. A recording of a call that is not in
/// the ledger writes none.
pub async fn a_recording_writes_an_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    merge(harness, &booking, &bare_conversation(CallStatus::Completed)).await;
    attach(harness, &booking, AudioFormat::Mp3).await;
    let expected = [
        INITIATED,
        (CallEventKind::Answered, CallStatus::Completed),
        COMPLETED,
        (CallEventKind::RecordingReady, CallStatus::Completed),
    ];
    assert_eq!(steps(harness, &tenant, &booking).await, expected);
    let unknown = Booking { identity: CallIdentity { call_id: call_id(), ..booking.identity }, ..booking };
    attach(harness, &unknown, AudioFormat::Mp3).await;
    assert_eq!(steps(harness, &tenant, &unknown).await, []);
}

/// An event has the identity and the metadata of its call, the time at which the ledger recorded it, and the
/// conversation as it was known then, from the dial or from an update. Every reader reads the same,
/// at any time.
pub async fn an_event_has_every_field(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let dialled = booked(harness, &tenant).await;
    let reference = provider_reference();
    settle(harness, &dialled, &DialOutcome::Placed(reference.clone()), LONG).await;
    let completed = CallUpdate {
        conversation_id: reference.conversation_id.clone(),
        ..conversation(CallStatus::Completed)
    };
    merge(harness, &dialled, &completed).await;
    attach(harness, &dialled, AudioFormat::Wav).await;

    let reported = booked(harness, &tenant).await;
    let reported_id = conversation_id();
    let in_progress = bare_conversation(CallStatus::InProgress);
    merge(harness, &reported, &CallUpdate { conversation_id: Some(reported_id.clone()), ..in_progress })
        .await;

    publish(harness).await;
    let events = read(harness, &tenant).await;
    let (named, by_update) = (reference.conversation_id.as_ref(), Some(&reported_id));
    let recorded = (CallEventKind::RecordingReady, CallStatus::Completed);
    let expected = [
        (&dialled, INITIATED, None),
        (&dialled, ANSWERED, named),
        (&dialled, COMPLETED, named),
        (&dialled, recorded, named),
        (&reported, INITIATED, None),
        (&reported, ANSWERED, by_update),
    ];
    assert_eq!(events.len(), expected.len());
    for (event, (booking, step, conversation_id)) in events.iter().zip(expected) {
        let expected = whole(event, booking, step, conversation_id);
        assert!(*event == expected, "expected {expected:?}, the event is {event:?}");
        assert!(is_about_now(event.happened_at), "{step:?} happened at {:?}", event.happened_at);
    }
    let query = crate::call_events::query(&tenant, domain::EventSequence::START);
    let elsewhere = harness.other_feed().await.read(&query).await.expect("store is up");
    assert!(elsewhere == events, "another process reads {elsewhere:?}");
}

/// An update that reports more about the end writes another event. One that reports less does not.
pub async fn a_later_end_writes_another_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    settle(harness, &booking, &DialOutcome::NotDialled(NotDialledReason::Unavailable), LONG).await;
    let mut expected = vec![INITIATED, (CallEventKind::Ended, CallStatus::Failed)];
    assert_eq!(steps(harness, &tenant, &booking).await, expected);
    merge(harness, &booking, &failure(NotConnectedReason::NoAnswer)).await;
    expected.push((CallEventKind::Ended, CallStatus::NoAnswer));
    assert_eq!(steps(harness, &tenant, &booking).await, expected);
    merge(harness, &booking, &failure(NotConnectedReason::Failed)).await;
    assert_eq!(steps(harness, &tenant, &booking).await, expected, "an update that reports less");
    merge(harness, &booking, &conversation(CallStatus::Completed)).await;
    expected.extend([(CallEventKind::Answered, CallStatus::Completed), COMPLETED]);
    assert_eq!(steps(harness, &tenant, &booking).await, expected);
}

/// An answered call is not answered again after a failure.
pub async fn an_answer_writes_one_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    settle(harness, &booking, &DialOutcome::Placed(provider_reference()), LONG).await;
    merge(harness, &booking, &failure(NotConnectedReason::Busy)).await;
    merge(harness, &booking, &conversation(CallStatus::Completed)).await;
    let expected = [INITIATED, ANSWERED, (CallEventKind::Ended, CallStatus::Busy), COMPLETED];
    assert_eq!(steps(harness, &tenant, &booking).await, expected);
}

/// Every step of a call writes one event, however often the call is settled, merged and attached
/// to, one after the other or at the same time, before or after publishing.
pub async fn no_event_is_written_twice(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    let outcome = DialOutcome::Placed(provider_reference());
    let completed = conversation(CallStatus::Completed);
    let mut expected = vec![INITIATED, ANSWERED, COMPLETED];
    for _ in 0..2 {
        for _ in 0..2 {
            settle(harness, &booking, &outcome, LONG).await;
            merge(harness, &booking, &completed).await;
        }
        assert_eq!(steps(harness, &tenant, &booking).await, expected);
    }
    expected.push((CallEventKind::RecordingReady, CallStatus::Completed));
    for _ in 0..2 {
        for format in AudioFormat::ALL {
            attach(harness, &booking, format).await;
        }
        assert_eq!(steps(harness, &tenant, &booking).await, expected);
    }

    let crowded = booked(harness, &tenant).await;
    let crowd = (0..CROWD).map(|member| {
        let (updater, ledger) = (harness.updater(), harness.ledger());
        let (booking, outcome, completed) = (crowded.clone(), outcome.clone(), completed.clone());
        async move {
            let recording = recording(&booking.identity.call_id, AudioFormat::Mp3);
            let settlement = settlement(&booking, &booking.token, &outcome, LONG);
            match member % 3 {
                0 => ledger.settle(&settlement).await,
                1 => updater.merge(&booking.identity.call_id, &completed).await,
                _ => updater.attach_recording(&booking.identity.call_id, &recording).await,
            }
            .expect("store is up");
        }
    });
    all_at_once(crowd).await;
    let written = steps(harness, &tenant, &crowded).await;
    for kind in CallEventKind::ALL {
        let times = written.iter().filter(|(written, _)| *written == kind).count();
        assert_eq!(times, 1, "{kind:?} among {written:?}");
    }
}

/// A call that is given up ends once for receivers, as unknown, whatever its stored status is. A
/// later report of its end writes that end too. A call whose end was reported before does not end
/// again.
pub async fn a_given_up_call_writes_its_end(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let lost = (CallEventKind::Ended, CallStatus::Unknown);
    let completed = conversation(CallStatus::Completed);

    let placed = booked(harness, &tenant).await;
    settle(harness, &placed, &DialOutcome::Placed(provider_reference()), LONG).await;
    for _ in 0..2 {
        merge(harness, &placed, &given_up()).await;
        assert_eq!(steps(harness, &tenant, &placed).await, [INITIATED, ANSWERED, lost]);
    }
    merge(harness, &placed, &completed).await;
    assert_eq!(steps(harness, &tenant, &placed).await, [INITIATED, ANSWERED, lost, COMPLETED]);

    let recorded = booked(harness, &tenant).await;
    settle(harness, &recorded, &DialOutcome::Placed(provider_reference()), LONG).await;
    merge(harness, &recorded, &given_up()).await;
    attach(harness, &recorded, AudioFormat::Mp3).await;
    let recording = (CallEventKind::RecordingReady, CallStatus::Unknown);
    assert_eq!(steps(harness, &tenant, &recorded).await, [INITIATED, ANSWERED, lost, recording]);

    let dialling = booked(harness, &tenant).await;
    merge(harness, &dialling, &given_up()).await;
    assert_eq!(steps(harness, &tenant, &dialling).await, [INITIATED, lost]);

    let ended = booked(harness, &tenant).await;
    merge(harness, &ended, &failure(NotConnectedReason::Busy)).await;
    merge(harness, &ended, &given_up()).await;
    let busy = (CallEventKind::Ended, CallStatus::Busy);
    assert_eq!(steps(harness, &tenant, &ended).await, [INITIATED, busy]);
}

/// The complete event of this step, with the sequence and time of `event`.
fn whole(
    event: &CallEvent,
    booking: &Booking,
    (kind, status): (CallEventKind, CallStatus),
    conversation_id: Option<&ConversationId>,
) -> CallEvent {
    CallEvent {
        identity: CallIdentity {
            organization_id: booking.identity.organization_id.clone(),
            call_id: booking.identity.call_id.clone(),
            user_id: booking.identity.user_id.clone(),
            contact_id: booking.identity.contact_id.clone(),
            agent_id: booking.identity.agent_id.clone(),
            from: booking.identity.from.clone(),
            to: booking.identity.to.clone(),
        },
        sequence: event.sequence,
        id: EventId::of(&booking.identity.call_id, kind, status),
        kind,
        status,
        end_reason: EndReason::of_status(status).filter(|_| kind == CallEventKind::Ended),
        conversation_id: conversation_id.cloned(),
        metadata: booking.metadata.clone(),
        happened_at: event.happened_at,
    }
}

/// The event of the end says why: by the outcome of the dial or by an update. That of a given-up call
/// and those before the end do not.
pub async fn the_end_of_a_call_has_its_reason(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let mut expected = Vec::new();
    for outcome in outcomes() {
        let booking = booked(harness, &tenant).await;
        settle(harness, &booking, &outcome, LONG).await;
        expected.extend(EndReason::of_dial(&outcome));
    }
    for reason in EndReason::ALL {
        let mut update = conversation(reason.status());
        if let UpdateContent::Conversation(conversation) = &mut update.content {
            conversation.end_reason = Some(reason);
        }
        merge(harness, &booked(harness, &tenant).await, &update).await;
        expected.push(reason);
    }
    merge(harness, &booked(harness, &tenant).await, &failure(NotConnectedReason::Declined)).await;
    expected.push(EndReason::Declined);
    merge(harness, &booked(harness, &tenant).await, &given_up()).await;
    publish(harness).await;
    let events = read(harness, &tenant).await;
    let (ends, others): (Vec<_>, Vec<_>) =
        events.iter().partition(|event| event.kind == CallEventKind::Ended && event.status.is_final());
    let reasons: Vec<_> = ends.iter().filter_map(|event| event.end_reason).collect();
    assert_eq!((reasons, ends.len()), (expected.clone(), expected.len()));
    assert!(others.iter().all(|event| event.end_reason.is_none()), "{others:?}");
}

async fn attach(harness: &impl CallEventsHarness, booking: &Booking, format: AudioFormat) {
    let recording = recording(&booking.identity.call_id, format);
    harness.updater().attach_recording(&booking.identity.call_id, &recording).await.expect("store is up");
}

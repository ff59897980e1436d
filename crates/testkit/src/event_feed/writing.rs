use domain::ports::Settlement;
use domain::{
    AudioFormat, Booking, CallEvent, CallEventKind, CallIdentity, CallStatus, CallUpdate, ConversationId,
    DialOutcome, EventId, NotConnectedReason, NotDialledReason, ProviderReference, UnknownCause,
};

use crate::call_events::{LONG, booked, is_about_now, merge, publish, read, steps};
use crate::call_ledger::booking::{book, duplicate, in_flight, settle, settlement, tenant};
use crate::call_updates::{bare_conversation, conversation, failure, outcomes};
use crate::expect::{CROWD, all_at_once};
use crate::fixtures::{call_id, conversation_id, provider_reference, recording};
use crate::harness::CallEventsHarness;

const INITIATED: (CallEventKind, CallStatus) = (CallEventKind::Initiated, CallStatus::Initiated);
const ANSWERED: (CallEventKind, CallStatus) = (CallEventKind::Answered, CallStatus::InProgress);
const COMPLETED: (CallEventKind, CallStatus) = (CallEventKind::Ended, CallStatus::Completed);

/// A booked call is told of; a booking that is blocked is not.
pub async fn a_booked_call_writes_an_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    in_flight(book(harness, &duplicate(&booking)).await);
    assert_eq!(steps(harness, &tenant, &booking).await, [INITIATED]);
    assert_eq!(read(harness, &tenant).await.len(), 1, "a blocked booking is no call");
}

/// An answer is told of, be it the dial that says so or an account, and not before: a phone that rings is not answered.
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

    let told_early = booked(harness, &tenant).await;
    merge(harness, &told_early, &in_progress).await;
    settle(harness, &told_early, &outcome, LONG).await;
    assert_eq!(steps(harness, &tenant, &told_early).await, [INITIATED, ANSWERED]);

    let ended_early = booked(harness, &tenant).await;
    merge(harness, &ended_early, &bare_conversation(CallStatus::Completed)).await;
    settle(harness, &ended_early, &outcome, LONG).await;
    let told = [INITIATED, (CallEventKind::Answered, CallStatus::Completed), COMPLETED];
    assert_eq!(steps(harness, &tenant, &ended_early).await, told, "the dial's answer says nothing new");
}

/// A call that its dial ended is told to have ended, with how, and nobody answered it. Of one whose outcome is unknown that
/// is not said.
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

/// The end that an account tells is told, behind the answer; of a call that is told of late the two of them, in this order.
/// An account of no call is nothing to tell.
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
    let told = [INITIATED, (CallEventKind::Answered, CallStatus::Completed), COMPLETED];
    assert_eq!(steps(harness, &tenant, &late).await, told);

    for reason in NotConnectedReason::ALL {
        let booking = booked(harness, &tenant).await;
        merge(harness, &booking, &failure(reason)).await;
        let told = [INITIATED, (CallEventKind::Ended, CallStatus::of_failure(reason))];
        assert_eq!(steps(harness, &tenant, &booking).await, told);
    }
    let nobodys = tenant.booking(LONG);
    merge(harness, &nobodys, &completed).await;
    assert_eq!(steps(harness, &tenant, &nobodys).await, []);
}

/// That a recording is there is told, with where its call stands by then, and of no call that is not in the books.
pub async fn a_recording_writes_an_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    merge(harness, &booking, &bare_conversation(CallStatus::Completed)).await;
    attach(harness, &booking, AudioFormat::Mp3).await;
    let told = [
        INITIATED,
        (CallEventKind::Answered, CallStatus::Completed),
        COMPLETED,
        (CallEventKind::RecordingReady, CallStatus::Completed),
    ];
    assert_eq!(steps(harness, &tenant, &booking).await, told);
    let nobodys = Booking { identity: CallIdentity { call_id: call_id(), ..booking.identity }, ..booking };
    attach(harness, &nobodys, AudioFormat::Mp3).await;
    assert_eq!(steps(harness, &tenant, &nobodys).await, []);
}

/// An event says everything: whose call, which, between whom, and when the books took it; with the conversation as it was
/// known by then, be it by the dial or by an account. Whoever reads it, and whenever, reads the same.
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

    let unheard_of = booked(harness, &tenant).await;
    let told_id = conversation_id();
    let in_progress = bare_conversation(CallStatus::InProgress);
    merge(harness, &unheard_of, &CallUpdate { conversation_id: Some(told_id.clone()), ..in_progress }).await;

    publish(harness).await;
    let events = read(harness, &tenant).await;
    let (named, told) = (reference.conversation_id.as_ref(), Some(&told_id));
    let recorded = (CallEventKind::RecordingReady, CallStatus::Completed);
    let expected = [
        (&dialled, INITIATED, None),
        (&dialled, ANSWERED, named),
        (&dialled, COMPLETED, named),
        (&dialled, recorded, named),
        (&unheard_of, INITIATED, None),
        (&unheard_of, ANSWERED, told),
    ];
    assert_eq!(events.len(), expected.len());
    for (event, (booking, step, conversation_id)) in events.iter().zip(expected) {
        let expected = whole(event, booking, step, conversation_id);
        assert!(*event == expected, "expected {expected:?}, told is {event:?}");
        assert!(is_about_now(event.happened_at), "{step:?} happened at {:?}", event.happened_at);
    }
    let query = crate::call_events::query(&tenant, domain::EventSequence::START);
    let elsewhere = harness.other_feed().await.read(&query).await.expect("store is up");
    assert!(elsewhere == events, "another process reads {elsewhere:?}");
}

/// The end is told again by an account that says more of it, and not by one that says less.
pub async fn a_later_end_writes_another_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    settle(harness, &booking, &DialOutcome::NotDialled(NotDialledReason::Unavailable), LONG).await;
    let mut told = vec![INITIATED, (CallEventKind::Ended, CallStatus::Failed)];
    assert_eq!(steps(harness, &tenant, &booking).await, told);
    merge(harness, &booking, &failure(NotConnectedReason::NoAnswer)).await;
    told.push((CallEventKind::Ended, CallStatus::NoAnswer));
    assert_eq!(steps(harness, &tenant, &booking).await, told);
    merge(harness, &booking, &failure(NotConnectedReason::Failed)).await;
    assert_eq!(steps(harness, &tenant, &booking).await, told, "an account that says less");
    merge(harness, &booking, &conversation(CallStatus::Completed)).await;
    told.extend([(CallEventKind::Answered, CallStatus::Completed), COMPLETED]);
    assert_eq!(steps(harness, &tenant, &booking).await, told);
}

/// A call that was answered is not answered again where a failure comes in between.
pub async fn an_answer_writes_one_event(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    settle(harness, &booking, &DialOutcome::Placed(provider_reference()), LONG).await;
    merge(harness, &booking, &failure(NotConnectedReason::Busy)).await;
    merge(harness, &booking, &conversation(CallStatus::Completed)).await;
    let told = [INITIATED, ANSWERED, (CallEventKind::Ended, CallStatus::Busy), COMPLETED];
    assert_eq!(steps(harness, &tenant, &booking).await, told);
}

/// Every step of a call is told once, however often it is settled, absorbed and attached: one after the other or all at once,
/// before its event is published or after it.
pub async fn no_event_is_written_twice(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let booking = booked(harness, &tenant).await;
    let outcome = DialOutcome::Placed(provider_reference());
    let completed = conversation(CallStatus::Completed);
    let mut told = vec![INITIATED, ANSWERED, COMPLETED];
    for _ in 0..2 {
        for _ in 0..2 {
            settle(harness, &booking, &outcome, LONG).await;
            merge(harness, &booking, &completed).await;
        }
        assert_eq!(steps(harness, &tenant, &booking).await, told);
    }
    told.push((CallEventKind::RecordingReady, CallStatus::Completed));
    for _ in 0..2 {
        for format in AudioFormat::ALL {
            attach(harness, &booking, format).await;
        }
        assert_eq!(steps(harness, &tenant, &booking).await, told);
    }

    let crowded = booked(harness, &tenant).await;
    let crowd = (0..CROWD).map(|member| {
        let (books, ledger) = (harness.updater(), harness.ledger());
        let (booking, outcome, completed) = (crowded.clone(), outcome.clone(), completed.clone());
        async move {
            let recording = recording(&booking.identity.call_id, AudioFormat::Mp3);
            let settlement = settlement(&booking, &booking.token, &outcome, LONG);
            match member % 3 {
                0 => ledger.settle(&settlement).await,
                1 => books.merge(&booking.identity.call_id, &completed).await,
                _ => books.attach_recording(&booking.identity.call_id, &recording).await,
            }
            .expect("store is up");
        }
    });
    all_at_once(crowd).await;
    let told = steps(harness, &tenant, &crowded).await;
    for kind in CallEventKind::ALL {
        let times = told.iter().filter(|(told, _)| *told == kind).count();
        assert_eq!(times, 1, "{kind:?} among {told:?}");
    }
}

/// What is to be told of this step, at the event's place and time.
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
        conversation_id: conversation_id.cloned(),
        happened_at: event.happened_at,
    }
}

async fn attach(harness: &impl CallEventsHarness, booking: &Booking, format: AudioFormat) {
    let recording = recording(&booking.identity.call_id, format);
    harness.updater().attach_recording(&booking.identity.call_id, &recording).await.expect("store is up");
}

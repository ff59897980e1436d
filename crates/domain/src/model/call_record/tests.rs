use proptest::prelude::*;

use super::*;
use crate::{CarrierStatus, GivenUpReason, PrivateNote, ProviderCode, Speaker, TranscriptLine};

fn note(text: &str) -> PrivateNote {
    PrivateNote::parse(text).expect("plain text")
}

fn conversation(status: CallStatus, duration_secs: Option<u32>) -> CallUpdate {
    CallUpdate {
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        carrier_call_id: None,
        content: UpdateContent::Conversation(ConversationRecord {
            duration_secs,
            ..ConversationRecord::new(status)
        }),
    }
}

/// The update with changes to its conversation.
fn with(mut update: CallUpdate, change: impl FnOnce(&mut ConversationRecord)) -> CallUpdate {
    let UpdateContent::Conversation(conversation) = &mut update.content else { panic!("no conversation") };
    change(conversation);
    update
}

fn turns(texts: &[&str]) -> Vec<TranscriptLine> {
    let line = |text: &&str| TranscriptLine { at_secs: 0, speaker: Speaker::Agent, text: note(text) };
    texts.iter().map(line).collect()
}

fn failure(reason: NotConnectedReason, at: i64) -> CallUpdate {
    CallUpdate {
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        carrier_call_id: Some(CarrierCallId::parse("otb_1").expect("an id")),
        content: UpdateContent::Failure(CallFailure::new(reason, Timestamp::from_unix_millis(at))),
    }
}

fn given_up(reason: GivenUpReason, at: i64) -> CallUpdate {
    CallUpdate::given_up(GivenUp { at: Timestamp::from_unix_millis(at), reason })
}

fn any_update() -> impl Strategy<Value = CallUpdate> {
    let reasons = prop::sample::select(NotConnectedReason::ALL.to_vec());
    let statuses = prop::sample::select(CallStatus::ALL.to_vec());
    let summaries = prop::sample::select(vec![None, Some(note("short")), Some(note("a longer one"))]);
    let transcripts =
        prop::sample::select(vec![turns(&[]), turns(&["z"]), turns(&["a", "b"]), turns(&["a", "c"])]);
    let conversations = (statuses, prop::option::of(0u32..3), summaries, transcripts, any::<bool>());
    prop_oneof![
        (reasons, 0i64..3).prop_map(|(reason, at)| failure(reason, at)),
        Just(CallUpdate::unresolved()),
        (0i64..3, prop::sample::select(GivenUpReason::ALL.to_vec()))
            .prop_map(|(at, reason)| given_up(reason, at)),
        prop::sample::select(RecordingReport::ALL.to_vec()).prop_map(CallUpdate::recording),
        conversations.prop_map(|(status, duration, summary, transcript, has_recording)| {
            let changed = with(conversation(status, duration), |conversation| {
                conversation.summary = summary;
                conversation.transcript = transcript;
                conversation.has_recording = has_recording;
            });
            // The conversation of every second update has no id.
            CallUpdate { conversation_id: changed.conversation_id.filter(|_| has_recording), ..changed }
        }),
    ]
}

fn merged<'a>(updates: impl IntoIterator<Item = &'a CallUpdate>) -> CallProgress {
    let mut progress = CallProgress::default();
    for update in updates {
        progress.merge(update);
    }
    progress
}

#[test]
fn a_late_failure_does_not_change_a_completed_call() {
    let done = conversation(CallStatus::Completed, Some(42));
    let late = failure(NotConnectedReason::NoAnswer, 1);
    let progress = merged([&done, &late]);
    assert_eq!(progress.status, Some(CallStatus::Completed));
    assert_eq!(progress, merged([&late, &done]));
}

#[test]
fn an_update_that_adds_nothing_changes_nothing() {
    let done = conversation(CallStatus::Completed, Some(42));
    let mut progress = merged([&done]);
    assert!(!progress.merge(&done));
    assert!(!progress.merge(&conversation(CallStatus::InProgress, None)));
}

/// The provider may send a record twice, the second time with its summary, and may correct it.
#[test]
fn a_fuller_record_adds_what_the_first_lacks() {
    let first = with(conversation(CallStatus::Completed, Some(42)), |it| it.transcript = turns(&["z"]));
    let second = with(conversation(CallStatus::Completed, None), |it| {
        it.summary = Some(note("They agreed."));
        it.transcript = turns(&["a", "b"]);
        it.cost_credits = Some(296);
    });
    for updates in [[&first, &second], [&second, &first]] {
        let conversation = merged(updates).conversation.expect("it was reported");
        assert_eq!((conversation.duration_secs, conversation.cost_credits), (Some(42), Some(296)));
        assert_eq!(conversation.summary, Some(note("They agreed.")));
        assert_eq!(conversation.transcript, turns(&["a", "b"]), "the longer transcript");
    }
    let ended = with(conversation(CallStatus::Failed, None), |it| it.summary = Some(note("Failed.")));
    let conversation = merged([&ended, &first]).conversation.expect("it was reported");
    assert_eq!((conversation.status, conversation.summary), (CallStatus::Completed, None));
}

/// A refusal reaches clients that hung up, or that only read the history.
#[test]
fn the_end_has_a_reason_and_the_providers_codes() {
    let code = |code: &str| Some(ProviderCode::from_untrusted(code));
    let record = |not_dialled: Option<NotDialled>, updates: &[&CallUpdate]| CallRecord {
        progress: merged(updates.iter().copied()),
        not_dialled,
        ..record()
    };
    let at = Timestamp::from_unix_millis(5);
    let failed = with(conversation(CallStatus::Failed, None), |_| ());
    let refused = record(
        Some(NotDialled { reason: EndReason::ProviderRejected, code: code("agent_not_found"), at }),
        &[&failed],
    );
    assert_eq!(refused.end_reason(), Some(EndReason::ProviderRejected));
    assert_eq!(refused.end_cause().code, code("agent_not_found"));
    for reason in [EndReason::ProviderUnavailable, EndReason::Withdrawn] {
        let unreached = record(Some(NotDialled { reason, code: None, at }), &[&failed]);
        assert_eq!((unreached.end_reason(), unreached.end_cause()), (Some(reason), ProviderCause::default()));
    }

    let cause = ProviderCause { code: code("busy"), carrier_status: CarrierStatus::from_number(486) };
    let busy = CallFailure { cause: cause.clone(), ..CallFailure::new(NotConnectedReason::Busy, at) };
    let busy = CallUpdate { content: UpdateContent::Failure(busy), ..CallUpdate::unresolved() };
    let told = record(None, &[&busy, &failed]);
    assert_eq!((told.end_reason(), told.end_cause()), (Some(EndReason::Busy), cause));

    let done = with(conversation(CallStatus::Completed, Some(42)), |it| {
        it.end_reason = Some(EndReason::Voicemail);
        it.cause.code = code("voicemail");
    });
    let answered = record(None, &[&busy, &done]);
    assert_eq!(answered.end_reason(), Some(EndReason::Voicemail));
    assert_eq!(answered.end_cause(), ProviderCause { code: code("voicemail"), carrier_status: None });

    let running = record(None, &[&conversation(CallStatus::InProgress, None)]);
    assert_eq!((running.end_reason(), running.end_cause()), (None, ProviderCause::default()));
}

/// A booked call.
fn record() -> CallRecord {
    let id = "an-id";
    let number = || crate::PhoneNumber::parse("+14165550100").expect("a number");
    let identity = CallIdentity {
        call_id: CallId::parse(id).expect("an id"),
        organization_id: crate::OrganizationId::parse(id).expect("an id"),
        user_id: UserId::parse(id).expect("an id"),
        contact_id: ContactId::parse(id).expect("an id"),
        agent_id: crate::AgentId::parse(id).expect("an id"),
        from: number(),
        to: number(),
    };
    let contact = Contact {
        id: identity.contact_id.clone(),
        organization_id: identity.organization_id.clone(),
        first_name: None,
        last_name: None,
        phone_number: None,
    };
    CallRecord {
        identity,
        user_name: PersonName::parse("Grace").expect("a name"),
        contact,
        reason: None,
        variables: crate::DynamicVariables::default(),
        metadata: None,
        purpose: None,
        subject: None,
        decision: None,
        booked_at: Timestamp::from_unix_millis(0),
        progress: CallProgress::default(),
        not_dialled: None,
        recording: None,
        removed: crate::RemovedParts::default(),
    }
}

/// Clients see a given-up call as unknown until a report ends it. Its events say so once.
#[test]
fn a_given_up_call_is_shown_as_unknown_until_its_end_is_reported() {
    let steps = |progress: &mut CallProgress, update: &CallUpdate| {
        let before = progress.clone();
        progress.merge(update);
        progress.events_since(&before)
    };
    let (lost, done) = (given_up(GivenUpReason::NoRecord, 1), conversation(CallStatus::Completed, None));
    let mut progress = merged([&conversation(CallStatus::InProgress, None)]);
    assert_eq!(steps(&mut progress, &lost), [CallEventKind::Ended]);
    assert_eq!(progress.status, Some(CallStatus::InProgress), "the stored status is not lowered");
    assert_eq!(progress.shown_status(), Some(CallStatus::Unknown));
    assert_eq!(steps(&mut progress, &given_up(GivenUpReason::NoEnd, 2)), []);
    assert_eq!(progress.shown_given_up().map(|it| it.reason), Some(GivenUpReason::NoRecord));
    assert_eq!(steps(&mut progress, &conversation(CallStatus::InProgress, Some(1))), []);
    assert_eq!(progress.shown_status(), Some(CallStatus::Unknown), "it may never end");
    assert_eq!(steps(&mut progress, &done), [CallEventKind::Ended]);
    assert_eq!((progress.shown_status(), progress.shown_given_up()), (Some(CallStatus::Completed), None));

    let mut ended = merged([&done]);
    assert_eq!(steps(&mut ended, &lost), [], "its end was reported a moment before");
    assert_eq!((ended.shown_status(), ended.shown_given_up()), (Some(CallStatus::Completed), None));
}

#[test]
fn the_names_of_reasons_are_read_back() {
    for reason in GivenUpReason::ALL {
        assert_eq!(GivenUpReason::from_name(reason.as_str()), Some(reason));
    }
}

/// The provider may send the record of the conversation before or after the event that reports its
/// recording.
#[test]
fn a_reported_recording_is_one_that_the_provider_has() {
    let [report, too_large] = RecordingReport::ALL.map(CallUpdate::recording);
    let done = conversation(CallStatus::Completed, Some(42));
    let has_recording =
        |progress: &CallProgress| progress.conversation.as_ref().is_some_and(|it| it.has_recording);
    assert!(!has_recording(&merged([&done])));
    for updates in [[&report, &done], [&done, &report], [&done, &too_large]] {
        assert!(has_recording(&merged(updates)), "{updates:?}");
    }
    let progress = merged([&report]);
    assert_eq!((progress.status, progress.recording), (None, Some(RecordingReport::AtProvider)));
    assert_eq!(merged([&too_large, &report]).recording, Some(RecordingReport::TooLarge));
}

proptest! {
    /// Every permutation of up to five updates, each of them also twice, has the same result.
    #[test]
    fn every_order_has_the_same_result(updates in prop::collection::vec(any_update(), 1..6), seed in any::<u64>()) {
        let expected = merged(&updates);
        let mut shuffled: Vec<&CallUpdate> = updates.iter().chain(&updates).collect();
        let mut state = seed;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, usize::try_from(state >> 33).expect("fits") % (i + 1));
        }
        prop_assert_eq!(merged(shuffled), expected);
    }

    #[test]
    fn the_status_never_decreases(updates in prop::collection::vec(any_update(), 1..6)) {
        let mut progress = CallProgress::default();
        for update in &updates {
            let before = progress.status;
            progress.merge(update);
            prop_assert!(progress.status >= before);
        }
    }
}

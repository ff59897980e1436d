use std::time::Duration;

use domain::ports::{ProviderEvent, UnreadableEvent};
use domain::{InboundCall, NotConnectedReason, Personalization, UpdateContent};

use super::{event, every_kind, now};
use crate::expect::shows_none_of;
use crate::fixtures::{conversation_id, name, phone_number, provider_agent_id};
use crate::harness::{ProviderWebhookHarness, SampleEvent, SampleKind};

/// The longest key, in bytes.
const MAX_KEY_LEN: usize = 300;

fn read(harness: &impl ProviderWebhookHarness, event: &SampleEvent) -> ProviderEvent {
    harness.webhook().read(&harness.event(event), now()).expect("the body is an event")
}

fn inbound_call() -> InboundCall {
    InboundCall {
        conversation_id: Some(conversation_id()),
        caller: Some(phone_number()),
        called: Some(phone_number()),
        provider_agent_id: Some(provider_agent_id()),
    }
}

/// A second delivery of an event has the same key, also if it arrives later.
pub async fn a_repeated_event_has_the_same_key(harness: &impl ProviderWebhookHarness) {
    for event in every_kind() {
        let (body, webhook) = (harness.event(&event), harness.webhook());
        let first = webhook.read(&body, now()).expect("the body is an event");
        let second = webhook.read(&body, now().after(Duration::from_secs(60))).expect("the same body");
        assert_eq!(first.key, second.key);
        assert!((1..=MAX_KEY_LEN).contains(&first.key.len()), "the key {:?} is too long", first.key);
    }
}

/// Events of another conversation or of another type have another key.
pub async fn another_event_has_another_key(harness: &impl ProviderWebhookHarness) {
    let mut events = every_kind().to_vec();
    for event in &mut events {
        event.conversation_id = conversation_id();
    }
    let of_one_conversation = events.clone().into_iter().map(|event| SampleEvent {
        conversation_id: events[0].conversation_id.clone(),
        call_id: events[0].call_id.clone(),
        ..event
    });
    let mut keys: Vec<String> = of_one_conversation.map(|event| read(harness, &event).key).collect();
    keys.extend(events[1..].iter().map(|event| read(harness, event).key));
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count, "keys of different events");
}

/// A second event of a conversation may say more than the first: it has another key.
pub async fn a_fuller_event_has_another_key(harness: &impl ProviderWebhookHarness) {
    let first = event(SampleKind::Conversation);
    let second = SampleEvent { said: format!("{} Thank you.", first.said), ..first.clone() };
    assert_ne!(read(harness, &first).key, read(harness, &second).key, "keys of different reports");
}

/// Whatever identifies the call is read: our id, the conversation, the numbers and the agent.
pub async fn an_event_identifies_its_call(harness: &impl ProviderWebhookHarness) {
    for kind in [SampleKind::Conversation, SampleKind::FailedDial] {
        let event = event(kind);
        let ProviderEvent { lookup, origin, .. } = read(harness, &event);
        assert_eq!(lookup.conversation_id.as_ref(), Some(&event.conversation_id), "{:?}", event.kind);
        let parties = lookup.parties.expect("the body has both numbers and the agent");
        let mut numbers = [&parties.one, &parties.other];
        let mut expected = [&event.from, &event.to];
        numbers.sort_by_key(|number| number.as_e164());
        expected.sort_by_key(|number| number.as_e164());
        assert_eq!((numbers, &parties.provider_agent_id), (expected, &event.provider_agent_id));
        assert!((parties.booked_since..=parties.booked_until).contains(&now()), "{parties:?}");
        let mut of_origin = origin.numbers.expect("the body has both numbers");
        of_origin.sort_by(|one, other| one.as_e164().cmp(other.as_e164()));
        assert_eq!(
            (of_origin.each_ref(), origin.provider_agent_id),
            (expected, Some(event.provider_agent_id))
        );
        assert!(!origin.has_other_id, "the id may be ours");
        if event.kind == SampleKind::Conversation {
            assert_eq!(lookup.call_id, Some(event.call_id));
        }
    }
}

/// The end of a conversation, the reason of a failed dial, and a recording are read.
pub async fn an_event_reports_its_call(harness: &impl ProviderWebhookHarness) {
    for event in every_kind() {
        let read = read(harness, &event);
        let content = read.update.map(|update| update.content);
        match (&event.kind, content) {
            (SampleKind::Conversation, Some(UpdateContent::Conversation(conversation))) => {
                assert!(conversation.status.is_final(), "{:?}", conversation.status);
                assert_eq!(conversation.transcript.len(), 1);
            }
            (SampleKind::FailedDial, Some(UpdateContent::Failure(failure))) => {
                assert_eq!(failure.reason, NotConnectedReason::Busy);
            }
            (SampleKind::Recording(audio), _) => assert_eq!(read.recording.as_ref(), Some(audio)),
            (SampleKind::Unknown, _) => {}
            (kind, content) => panic!("{kind:?} is read as {content:?}"),
        }
    }
}

/// An event of an unknown type has a key and a type, so that it can be stored, and reports nothing.
pub async fn an_event_of_an_unknown_type_has_only_a_key(harness: &impl ProviderWebhookHarness) {
    let read = read(harness, &event(SampleKind::Unknown));
    assert!(!read.key.is_empty() && !read.kind.is_empty(), "{read:?}");
    assert_eq!((read.update, read.recording), (None, None));
}

/// A body that is not an event is refused without a panic.
pub async fn a_body_that_is_not_an_event_is_refused(harness: &impl ProviderWebhookHarness) {
    let webhook = harness.webhook();
    let deep = "[".repeat(100_000);
    for body in ["", "null", "{}", "[]", "{\"type\":", "<html></html>", "\u{0}", &deep] {
        assert_eq!(webhook.read(body.as_bytes(), now()), Err(UnreadableEvent), "{:.20}", body);
    }
    assert_eq!(webhook.read(&[0xff, 0xfe], now()), Err(UnreadableEvent));
}

/// `Debug` of an event, the key and the type are logged: none shows a number or what was said.
pub async fn nothing_personal_is_shown(harness: &impl ProviderWebhookHarness) {
    for event in every_kind() {
        let read = read(harness, &event);
        let shown = format!("{read:?} {} {}", read.key, read.kind);
        shows_none_of(&shown, &[event.from.as_e164(), event.to.as_e164(), &event.said]);
    }
    let body = b"{\"caller_id\":\"+14165550199\",\"said\":4242";
    let error = harness.webhook().read_question(body).expect_err("the body is cut");
    shows_none_of(&format!("{error} {error:?}"), &["+14165550199", "4242"]);
}

/// A question has the conversation, both numbers and the agent.
pub async fn a_question_is_read(harness: &impl ProviderWebhookHarness) {
    let call = inbound_call();
    let question = harness.webhook().read_question(&harness.question(&call)).expect("the body is a question");
    assert_eq!(question.call, call);
    for body in ["", "null", "[]", "<html></html>"] {
        assert!(harness.webhook().read_question(body.as_bytes()).is_err(), "{body:?}");
    }
}

/// The reply has the caller's name and number and the organization's name; for an unknown caller it
/// has none of them.
pub async fn a_reply_names_the_caller(harness: &impl ProviderWebhookHarness) {
    let call = inbound_call();
    let webhook = harness.webhook();
    let question = webhook.read_question(&harness.question(&call)).expect("the body is a question");
    let personalization = Personalization {
        caller_name: Some(name("Ada")),
        caller_number: call.caller.clone().expect("the caller has a number"),
        organization_name: name("Engines Ltd"),
    };
    let reply = |personalization| {
        let reply = webhook.write_reply(&question, personalization);
        assert_eq!(reply.media_type, "application/json");
        String::from_utf8(reply.body).expect("JSON is text")
    };
    let (known, unknown) = (reply(Some(personalization.clone())), reply(None));
    let number = personalization.caller_number.as_e164();
    for text in ["Ada", "Engines Ltd", number] {
        assert!(known.contains(text), "{text} is not in {known}");
        assert!(!unknown.contains(text), "{text} is in {unknown}");
    }
}

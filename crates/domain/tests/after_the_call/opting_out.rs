//! Opt-outs: what the agent reports during a call, and what is collected in a conversation.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    CallUpdater, ContextCache, EventInbox, EventOrigin, IncomingEvent, MockIdentifiers, MockProviderWebhook,
    ProviderEvent,
};
use domain::{
    Analysis, CallStatus, CallUpdate, CollectedValue, ConversationContext, ConversationId,
    ConversationRecord, DestinationRules, OptOutResult, OptOutsOfUpdates, PhoneNumber, PrivateNote,
    ProviderReference, ReceiveEvent, ReceiveEventPorts, RecordOptOut, RecordOptOutPorts, Suppression,
    UpdateContent,
};
use testkit::fixtures::{
    context, conversation_id, inbound_context, organization_id, provider_reference, suppression_id,
};

use crate::world::{World, unavailable};

const NUMBER: &str = "+14165550199";

fn record_opt_out(world: &World) -> RecordOptOut {
    let mut identifiers = MockIdentifiers::new();
    identifiers.expect_suppression_id().returning(suppression_id);
    let memory = Arc::new(world.memory.clone());
    let ports = RecordOptOutPorts {
        suppressions: memory.clone(),
        updater: memory.clone(),
        contexts: memory,
        identifiers: Arc::new(identifiers),
        clock: world.clock.clone(),
    };
    RecordOptOut::new(ports, DestinationRules::default(), "opt_out")
}

/// The updater that the gateway uses.
fn updater(world: &World) -> OptOutsOfUpdates {
    OptOutsOfUpdates::new(Arc::new(world.memory.clone()), Arc::new(record_opt_out(world)))
}

fn suppressions(world: &World) -> Vec<Suppression> {
    world.memory.tables().directory.suppressions.clone()
}

fn note(text: &str) -> PrivateNote {
    PrivateNote::parse(text).expect("a note")
}

/// A report of a conversation in which this was collected.
fn report(conversation_id: Option<ConversationId>, id: &str, json: &str) -> CallUpdate {
    let value = CollectedValue { id: note(id), json: Some(note(json)), rationale: None };
    let analysis = Analysis { collected: vec![value], ..Analysis::default() };
    let content = ConversationRecord { analysis, ..ConversationRecord::new(CallStatus::Completed) };
    CallUpdate { conversation_id, carrier_call_id: None, content: UpdateContent::Conversation(content) }
}

#[tokio::test]
async fn the_agents_opt_out_suppresses_the_callee_of_the_call() {
    let world = World::new();
    let (cached, ledger) = (conversation_id(), conversation_id());
    let reference = ProviderReference { conversation_id: Some(ledger.clone()), ..provider_reference() };
    let booking = world.place(reference).await;
    let mut outbound = context();
    outbound.conversation_id = cached.clone();
    let callee = outbound.identity.clone();
    let outbound = ConversationContext::Outbound(outbound);
    world.memory.store(&outbound, Duration::from_hours(1)).await.expect("the store is up");
    let use_case = record_opt_out(&world);
    for (conversation, identity) in [(cached, callee), (ledger, booking.identity)] {
        for _ in 0..2 {
            let result = use_case.by_agent(None, Some(conversation.clone()), Some(NUMBER)).await;
            assert_eq!(result, Ok(OptOutResult::Suppressed));
        }
        let stored = suppressions(&world).pop().expect("it is stored");
        assert_eq!(stored.organization_id.as_ref(), Some(&identity.organization_id));
        assert_eq!(stored.phone_number.as_ref(), Some(&identity.to), "not the number of the request");
        assert_eq!(stored.contact_id.as_ref(), Some(&identity.contact_id));
        assert_eq!(stored.conversation_id.as_ref(), Some(&conversation));
        assert_eq!((stored.source.as_str(), stored.expires_at), ("agent-tool", None));
    }
    assert_eq!(suppressions(&world).len(), 2, "one for each conversation");
}

#[tokio::test]
async fn the_callers_of_inbound_calls_opt_out_too() {
    let world = World::new();
    let inbound = inbound_context();
    let context = ConversationContext::Inbound(inbound.clone());
    world.memory.store(&context, Duration::from_hours(1)).await.expect("the store is up");
    let result = record_opt_out(&world).by_agent(None, Some(inbound.conversation_id), None).await;
    assert_eq!(result, Ok(OptOutResult::Suppressed));
    let stored = &suppressions(&world)[0];
    assert_eq!(stored.organization_id, Some(inbound.organization_id));
    assert_eq!(stored.phone_number, Some(inbound.caller));
}

#[tokio::test]
async fn a_number_without_a_call_is_suppressed_for_every_organization() {
    let world = World::new();
    let (use_case, conversation) = (record_opt_out(&world), conversation_id());
    let result = use_case.by_agent(None, Some(conversation.clone()), Some(NUMBER)).await;
    assert_eq!(result, Ok(OptOutResult::Suppressed));
    let stored = &suppressions(&world)[0];
    assert_eq!((&stored.organization_id, &stored.contact_id), (&None, &None));
    assert_eq!(stored.phone_number.as_ref().map(PhoneNumber::as_e164), Some(NUMBER));
    let directory = world.memory.tables().directory.clone();
    let now = domain::ports::Clock::now(&*world.clock);
    assert!(directory.is_suppressed(&organization_id(), stored.phone_number.as_ref(), None, now));
}

#[tokio::test]
async fn an_opt_out_of_no_one_is_kept_for_a_person_to_look_at() {
    let world = World::new();
    let use_case = record_opt_out(&world);
    for (conversation, number) in
        [(None, None), (Some(conversation_id()), None), (Some(conversation_id()), Some("nonsense"))]
    {
        let result = use_case.by_agent(None, conversation.clone(), number).await;
        assert_eq!(result, Ok(OptOutResult::Unmatched));
        let stored = suppressions(&world).pop().expect("it is stored");
        assert_eq!((stored.organization_id, stored.phone_number, stored.contact_id), (None, None, None));
        assert_eq!(stored.conversation_id, conversation);
    }
    assert_eq!(suppressions(&world).len(), 3);
    world.memory.lose();
    let lost = use_case.by_agent(None, None, None).await.expect_err("the store is lost");
    assert_ne!(lost, unavailable(), "the error of the memory itself");
}

#[tokio::test]
async fn a_report_that_says_yes_suppresses_the_callee_before_it_is_merged_and_once() {
    let world = World::new();
    let booking = world.place(provider_reference()).await;
    let updater = updater(&world);
    let call_id = &booking.identity.call_id;
    let conversation = Some(conversation_id());
    for (id, json) in [("opt_out", "false"), ("opt_out", "null"), ("other", "true")] {
        updater.merge(call_id, &report(conversation.clone(), id, json)).await.expect("the store is up");
    }
    assert_eq!(suppressions(&world), []);
    for json in ["true", r#""yes""#] {
        updater
            .merge(call_id, &report(conversation.clone(), "opt_out", json))
            .await
            .expect("the store is up");
    }
    let stored = suppressions(&world);
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!(stored[0].organization_id, Some(booking.identity.organization_id.clone()));
    assert_eq!(stored[0].phone_number, Some(booking.identity.to.clone()));
    assert_eq!((stored[0].source.as_str(), &stored[0].conversation_id), ("post-call", &conversation));
    assert_eq!(world.call(&booking).progress.status, Some(CallStatus::Completed));
}

#[tokio::test]
async fn a_report_whose_opt_out_cannot_be_stored_is_not_merged() {
    let world = World::new();
    let booking = world.place(provider_reference()).await;
    let elsewhere = World::new();
    elsewhere.memory.lose();
    let mut ports_of_lost_store = MockIdentifiers::new();
    ports_of_lost_store.expect_suppression_id().returning(suppression_id);
    let ports = RecordOptOutPorts {
        suppressions: Arc::new(elsewhere.memory.clone()),
        updater: Arc::new(world.memory.clone()),
        contexts: Arc::new(world.memory.clone()),
        identifiers: Arc::new(ports_of_lost_store),
        clock: world.clock.clone(),
    };
    let opt_outs = Arc::new(RecordOptOut::new(ports, DestinationRules::default(), "opt_out"));
    let updater = OptOutsOfUpdates::new(Arc::new(world.memory.clone()), opt_outs);
    let before = world.call(&booking).progress.status;
    let merged = updater.merge(&booking.identity.call_id, &report(None, "opt_out", "true")).await;
    merged.expect_err("the opt-out is not stored, so that the event must come again");
    assert_eq!(world.call(&booking).progress.status, before);
}

/// Applies an event that reports an opt-out in this conversation, after it has waited this long.
async fn apply(world: &World, conversation_id: ConversationId, waited: Duration) {
    let event = ProviderEvent {
        key: format!("event {conversation_id}"),
        kind: "conversation".to_owned(),
        lookup: domain::ports::CallLookup {
            conversation_id: Some(conversation_id.clone()),
            ..domain::ports::CallLookup::default()
        },
        origin: EventOrigin::default(),
        update: Some(report(Some(conversation_id), "opt_out", "true")),
        recording: None,
    };
    let received_at = domain::ports::Clock::now(&*world.clock);
    let incoming =
        IncomingEvent { key: &event.key, kind: &event.kind, body: b"{}", received_at, organization_id: None };
    world.memory.accept(&incoming).await.expect("the store is up");
    world.clock.advance(waited).await;
    let mut webhook = MockProviderWebhook::new();
    webhook.expect_read().returning(move |_, _| Ok(event.clone()));
    let memory = Arc::new(world.memory.clone());
    let receive_event = ReceiveEvent::new(ReceiveEventPorts {
        webhook: Arc::new(webhook),
        inbox: memory.clone(),
        updater: Arc::new(updater(world)),
        contexts: memory,
        opt_outs: Arc::new(record_opt_out(world)),
        recordings: None,
        clock: world.clock.clone(),
    });
    assert_eq!(receive_event.apply_open().await, Ok(1));
}

#[tokio::test]
async fn events_of_our_calls_of_inbound_calls_and_of_no_call_record_their_opt_outs() {
    let world = World::new();
    let ours = conversation_id();
    let reference = ProviderReference { conversation_id: Some(ours.clone()), ..provider_reference() };
    let booking = world.place(reference).await;
    apply(&world, ours, Duration::ZERO).await;
    let stored = suppressions(&world);
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].phone_number, Some(booking.identity.to));

    let inbound = inbound_context();
    let context = ConversationContext::Inbound(inbound.clone());
    world.memory.store(&context, Duration::from_hours(1)).await.expect("the store is up");
    apply(&world, inbound.conversation_id.clone(), Duration::ZERO).await;
    let stored = suppressions(&world);
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[1].phone_number, Some(inbound.caller));

    let unknown = conversation_id();
    apply(&world, unknown.clone(), Duration::ZERO).await;
    assert_eq!(suppressions(&world).len(), 2, "its call may still be found");
    let later = World::new();
    apply(&later, unknown.clone(), Duration::from_hours(25)).await;
    let stored = suppressions(&later);
    assert_eq!(stored.len(), 1);
    assert_eq!((&stored[0].phone_number, &stored[0].conversation_id), (&None, &Some(unknown)));
}

/// Its number is not known any more, and the placeholder of it must not be suppressed.
#[tokio::test]
async fn an_opt_out_of_an_erased_call_suppresses_no_placeholder() {
    let world = World::new();
    let booking = world.place(provider_reference()).await;
    world.memory.tables().calls[0].booking.identity.to = PhoneNumber::erased();
    let update = report(None, "opt_out", "true");
    updater(&world).merge(&booking.identity.call_id, &update).await.expect("the store is up");
    assert_eq!(suppressions(&world), []);
    let conversation = world.call(&booking).progress.conversation_id;
    let result = record_opt_out(&world).by_agent(None, conversation, Some(NUMBER)).await;
    assert_eq!(result, Ok(OptOutResult::Suppressed), "the number that the agent wrote");
    let stored = suppressions(&world).pop().and_then(|it| it.phone_number).expect("it is stored");
    assert_eq!(stored.as_e164(), NUMBER);
}

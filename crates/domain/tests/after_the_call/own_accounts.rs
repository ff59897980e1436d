//! Events and reports that an organization's own secret verifies count for its own calls only.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::ports::{
    CallLookup, EventOrigin, MockIdentifiers, MockProviderWebhook, ProviderEvent, Unverified,
    WebhookCredentials,
};
use domain::{
    CallFailure, CallId, CallStatus, CallUpdate, ConversationId, DestinationRules, NoSource,
    NotConnectedReason, OptOutResult, OrganizationId, ProviderCause, ProviderReference, ReceiveEvent,
    ReceiveEventError, ReceiveEventPorts, RecordOptOut, RecordOptOutPorts, UpdateContent,
};
use testkit::fixtures::{conversation_id, provider_reference, suppression_id};
use testkit::memory::OwnWebhooks;

use crate::world::World;

fn failure(conversation_id: &ConversationId, call_id: Option<&CallId>) -> ProviderEvent {
    let failure = CallFailure {
        reason: NotConnectedReason::Busy,
        at: testkit::clock::ManualClock::START,
        cause: ProviderCause::default(),
    };
    ProviderEvent {
        key: "failure".to_owned(),
        kind: "failure".to_owned(),
        lookup: CallLookup {
            call_id: call_id.cloned(),
            conversation_id: Some(conversation_id.clone()),
            parties: None,
        },
        origin: EventOrigin::default(),
        update: Some(CallUpdate {
            conversation_id: Some(conversation_id.clone()),
            carrier_call_id: None,
            content: UpdateContent::Failure(failure),
        }),
        recording: None,
    }
}

fn opt_outs(world: &World) -> RecordOptOut {
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

/// Receives events of this content. The organizations verify everything, and the gateway nothing.
fn receiving(world: &World, event: ProviderEvent, organizations: &[&OrganizationId]) -> ReceiveEvent {
    let of_organization = || {
        let mut webhook = MockProviderWebhook::new();
        webhook.expect_check_headers().return_const(Ok(()));
        webhook.expect_verify().return_const(Ok(()));
        webhook.expect_verify_question().return_const(Ok(()));
        Arc::new(webhook) as Arc<_>
    };
    let webhooks: BTreeMap<_, _> =
        organizations.iter().map(|id| ((*id).clone(), of_organization())).collect();
    let mut gateway = MockProviderWebhook::new();
    gateway.expect_check_headers().return_const(Err(Unverified));
    gateway.expect_verify_question().return_const(Err(Unverified));
    gateway.expect_read().returning(move |_, _| Ok(event.clone()));
    let memory = Arc::new(world.memory.clone());
    let ports = ReceiveEventPorts {
        webhook: Arc::new(gateway),
        inbox: memory.clone(),
        updater: memory.clone(),
        contexts: memory,
        opt_outs: Arc::new(opt_outs(world)),
        recordings: None,
        clock: world.clock.clone(),
    };
    ReceiveEvent::new(ports).with_accounts(Arc::new(OwnWebhooks(webhooks)))
}

async fn receive(
    use_case: &ReceiveEvent,
    organization_id: Option<&OrganizationId>,
    bearer: Option<&str>,
) -> Result<Option<CallId>, ReceiveEventError> {
    let credentials = WebhookCredentials::new([], bearer);
    let source = use_case.source(organization_id, &credentials).await?;
    let received = use_case.receive(&source, &credentials, b"{}").await?;
    while use_case.apply_open().await.expect("the store is up") > 0 {}
    Ok(received)
}

#[tokio::test]
async fn an_organizations_secret_reports_its_own_calls_and_no_others() {
    let other = OrganizationId::parse("another organization").expect("an id");
    for (by_path, is_ours) in [(true, true), (true, false), (false, true), (false, false)] {
        let world = World::new();
        let conversation = conversation_id();
        let reference =
            ProviderReference { conversation_id: Some(conversation.clone()), ..provider_reference() };
        let booking = world.place(reference).await;
        let (ours, call_id) = (&booking.identity.organization_id, &booking.identity.call_id);
        let organization = if is_ours { ours } else { &other };
        let event = failure(&conversation, Some(call_id));
        let use_case = receiving(&world, event, &[ours, &other]);
        let received = match by_path {
            true => receive(&use_case, Some(organization), None).await,
            false => receive(&use_case, None, Some(organization.as_str())).await,
        };
        assert_eq!(received, Ok(is_ours.then(|| call_id.clone())), "by path {by_path}, ours {is_ours}");
        let is_busy = world.call(&booking).progress.failure.is_some();
        assert_eq!(is_busy, is_ours, "by path {by_path}, ours {is_ours}");
        let closed = world.memory.tables().inbox.iter().all(|event| event.closed.is_some());
        assert!(closed, "an event of another organization is closed like a foreign one");
    }
}

/// The same body of two organizations is two events: one does not make that of the other known.
#[tokio::test]
async fn an_event_of_another_organization_does_not_take_the_place_of_ours() {
    let other = OrganizationId::parse("another organization").expect("an id");
    let world = World::new();
    let conversation = conversation_id();
    let booking = world
        .place(ProviderReference { conversation_id: Some(conversation.clone()), ..provider_reference() })
        .await;
    let ours = &booking.identity.organization_id;
    let use_case = receiving(&world, failure(&conversation, None), &[ours, &other]);
    assert_eq!(receive(&use_case, Some(&other), None).await, Ok(None));
    assert_eq!(receive(&use_case, Some(ours), None).await, Ok(Some(booking.identity.call_id.clone())));
    assert!(world.call(&booking).progress.failure.is_some());
}

/// The call is the organization's own, and the conversation is that of another call: it would bring its
/// transcript and its recording.
#[tokio::test]
async fn an_event_of_our_call_with_the_conversation_of_another_one_is_foreign() {
    let world = World::new();
    let theirs = conversation_id();
    world.place(ProviderReference { conversation_id: Some(theirs.clone()), ..provider_reference() }).await;
    let booking = world.place(ProviderReference::default()).await;
    let (ours, call_id) = (&booking.identity.organization_id, &booking.identity.call_id);
    let use_case = receiving(&world, failure(&theirs, Some(call_id)), &[ours]);
    assert_eq!(receive(&use_case, Some(ours), None).await, Ok(None));
    assert_eq!(world.call(&booking).progress.conversation_id, None);
    assert_ne!(world.call(&booking).progress.status, Some(CallStatus::Busy));
}

#[tokio::test]
async fn a_request_that_no_secret_verifies_is_refused() {
    let (known, unknown) = ("known", OrganizationId::parse("unknown").expect("an id"));
    let known = OrganizationId::parse(known).expect("an id");
    let world = World::new();
    let use_case = receiving(&world, failure(&conversation_id(), None), &[&known]);
    let refused = Err(ReceiveEventError::from(NoSource::Unverified(Unverified)));
    assert_eq!(receive(&use_case, Some(&unknown), None).await, refused);
    assert_eq!(receive(&use_case, None, Some("unknown")).await, refused);
    assert_eq!(receive(&use_case, None, None).await, refused);
    assert!(world.memory.tables().inbox.is_empty());
}

/// With the secret of another organization neither the call nor the number is suppressed for ours.
#[tokio::test]
async fn an_agents_opt_out_counts_for_the_organization_of_its_secret() {
    let world = World::new();
    let conversation = conversation_id();
    let booking = world
        .place(ProviderReference { conversation_id: Some(conversation.clone()), ..provider_reference() })
        .await;
    let other = OrganizationId::parse("another organization").expect("an id");
    let number = "+14165550199";
    let by_other =
        opt_outs(&world).by_agent(Some(other.clone()), Some(conversation.clone()), Some(number)).await;
    assert_eq!(by_other, Ok(OptOutResult::Suppressed));
    let stored = world.memory.tables().directory.suppressions.clone();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].organization_id, Some(other), "not for every organization");
    assert_eq!(stored[0].phone_number.as_ref().map(|number| number.as_e164()), Some(number));

    let ours = booking.identity.organization_id.clone();
    let by_ours = opt_outs(&world).by_agent(Some(ours.clone()), Some(conversation), None).await;
    assert_eq!(by_ours, Ok(OptOutResult::Suppressed));
    let stored = world.memory.tables().directory.suppressions.clone();
    assert_eq!(stored[1].organization_id, Some(ours));
    assert_eq!(stored[1].phone_number, Some(booking.identity.to));
}

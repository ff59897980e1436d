//! Requests with an idempotency key, with the stores in memory: one call answers a request, however
//! often and to whichever process it is sent.

mod office;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::ports::{CallUpdater, MockIdempotencyKeys, PortUnavailable};
use domain::{
    CallFailure, CallId, CallStatus, CallUpdate, ConversationRecord, DialOutcome, DirectoryRecord,
    NotConnectedReason, NotDialledReason, PlaceCallError, PlacedCall, ProviderCause, ProviderReference,
    RawPlaceCall, RemoveReservations, UnknownCause, UpdateContent, VariableValue,
};
use testkit::fixtures::{self, moment, provider_reference};

use self::office::{Answer, FoundLate, Office, Silent, command};

/// Longer than the lock and the reservation hold a result.
const LATER: Duration = Duration::from_hours(12);
const RESERVATION: Duration = Duration::from_secs(120);

fn placed(answer: &Answer) -> &PlacedCall {
    answer.as_ref().expect("a placed call")
}

fn replay_of(first: &Answer) -> Answer {
    Ok(PlacedCall { deduplicated: true, replayed: true, ..placed(first).clone() })
}

#[tokio::test]
async fn a_repeated_request_gets_the_result_of_its_call() {
    let office = Office::new();
    let first = office.send(office.request("k1")).await;
    assert!(!placed(&first).deduplicated && !placed(&first).replayed);
    for _ in 0..2 {
        assert_eq!(office.send(office.request("k1")).await, replay_of(&first));
        office.clock.advance(LATER).await;
    }
    assert_eq!(office.dials(), 1);
    // Another key is another call: the intent is free again.
    assert!(!placed(&office.send(office.request("k2")).await).deduplicated);
    assert_eq!(office.dials(), 2);
}

#[tokio::test]
async fn a_repeated_request_gets_the_reason_why_its_call_was_not_connected() {
    let office = Office::new();
    let reason = NotConnectedReason::Declined;
    let outcome = DialOutcome::NotConnected { reference: provider_reference(), reason, code: None };
    office.provider.set_outcome(outcome);
    let first = office.send(office.request("k1")).await;
    let Err(PlaceCallError::NotConnected { reference, .. }) = first else { panic!("{first:?}") };
    office.clock.advance(LATER).await;
    let again = office.send(office.request("k1")).await;
    assert_eq!(again, Err(PlaceCallError::NotConnectedBefore { reference, reason }));
    assert_eq!(office.dials(), 1);
}

/// The result stays the same, whatever the directory says by now. A user that is no longer stored gets
/// nothing.
#[tokio::test]
async fn a_repeated_request_is_answered_although_it_could_not_be_made_any_more() {
    let office = Office::new();
    let first = office.send(office.request("k1")).await;
    office.memory.tables().directory.agents.clear();
    office.memory.tables().directory.contacts.clear();
    assert_eq!(office.send(office.request("k1")).await, replay_of(&first));
    office.memory.tables().directory.users.clear();
    assert_eq!(office.send(office.request("k1")).await, Err(PlaceCallError::UserNotFound));
}

#[tokio::test]
async fn a_key_with_another_request_is_refused() {
    let office = Office::new();
    let contact = office.tenant.contact_id();
    let number = office.tenant.contact.phone_number.clone().expect("the contact has a number");
    let variables = |value| [("name".to_owned(), value)];
    let text = variables(VariableValue::Text("1".into()));
    let integer = variables(VariableValue::Integer(1));
    let base = RawPlaceCall { contact_id: Some(contact.as_str()), ..RawPlaceCall::default() };
    let raw = RawPlaceCall {
        phone_number: Some(number.as_e164()),
        agent_id: Some(office.tenant.agent.id.as_str()),
        from_number: Some(office.tenant.number.number.phone_number.as_e164()),
        call_reason: Some("Renewal"),
        dynamic_variables: &text,
        metadata: Some("{\"order\": 1}"),
        ..base
    };
    let first = office.send(office.request_for("k1", raw)).await;
    let others = [
        RawPlaceCall { contact_id: None, ..raw },
        RawPlaceCall { phone_number: None, ..raw },
        RawPlaceCall { contact_id: None, phone_number: Some("+14165550142"), ..raw },
        RawPlaceCall { agent_id: None, ..raw },
        RawPlaceCall { from_number: None, ..raw },
        RawPlaceCall { call_reason: None, ..raw },
        RawPlaceCall { call_reason: Some("renewal"), ..raw },
        RawPlaceCall { dynamic_variables: &[], ..raw },
        RawPlaceCall { dynamic_variables: &integer, ..raw },
        RawPlaceCall { metadata: None, ..raw },
        RawPlaceCall { metadata: Some("{\"order\": 2}"), ..raw },
        base,
    ];
    for (n, other) in others.into_iter().enumerate() {
        let answer = office.send(office.request_for("k1", other)).await;
        assert_eq!(answer, Err(PlaceCallError::KeyReused), "request {n}");
    }
    assert_eq!(office.memory.tables().directory.contacts.len(), 1, "a refused request creates no contact");
    // The same request in other words.
    let spaced = format!(" {} ", number.as_e164());
    let same = RawPlaceCall { phone_number: Some(&spaced), metadata: Some("{ \"order\" :1 }"), ..raw };
    assert_eq!(office.send(office.request_for("k1", same)).await, replay_of(&first));
    assert_eq!(office.dials(), 1);
}

/// The policy reads the number in another way by now, or not at all. The request is what the client wrote.
#[tokio::test]
async fn a_repeated_request_is_recognized_after_the_default_country_was_changed() {
    let office = Office::new();
    let national = RawPlaceCall { phone_number: Some("4165550142"), ..RawPlaceCall::default() };
    office.set_default_country(Some("CA"));
    let first = office.send(office.request_for("k1", national)).await;
    placed(&first);
    for country in [Some("US"), Some("GB"), Some("CH"), None] {
        office.set_default_country(country);
        assert_eq!(office.send(office.request_for("k1", national)).await, replay_of(&first), "{country:?}");
    }
    office.set_default_country(Some("CA"));
    let other = RawPlaceCall { phone_number: Some("+14165550142"), ..national };
    assert_eq!(office.send(office.request_for("k1", other)).await, Err(PlaceCallError::KeyReused));
    assert_eq!(office.dials(), 1);
}

/// The process ends during the dial. Its call stays *dialling* until a report decides it.
#[tokio::test]
async fn a_call_cut_short_answers_its_key_until_a_report_decides_it() {
    for report in [completed(), busy()] {
        let office = Office::new();
        let call_id = cut_short(&office).await;
        let rest = RESERVATION - Duration::from_secs(50);
        office.clock.advance(Duration::from_secs(50)).await;
        let answer = office.send(office.request("k1")).await;
        assert_eq!(answer, Err(PlaceCallError::InFlight { retry_after: rest }));
        for wait in [rest, LATER * 60] {
            office.clock.advance(wait).await;
            let answer = office.send(office.request("k1")).await;
            assert_eq!(answer, Err(PlaceCallError::StillUnknown { call_id: call_id.clone() }));
        }
        let changed = RawPlaceCall { phone_number: Some("+14165550142"), ..RawPlaceCall::default() };
        let other = office.send(office.request_for("k1", changed)).await;
        assert_eq!(other, Err(PlaceCallError::KeyReused));
        office.memory.merge(&call_id, &report).await.expect("the store is up");
        let answer = office.send(office.request("k1")).await;
        match &report.content {
            UpdateContent::Failure(_) => {
                let before = matches!(&answer, Err(PlaceCallError::NotConnectedBefore { reference, reason })
                    if reference.call_id == call_id && *reason == NotConnectedReason::Busy);
                assert!(before, "{answer:?}");
            }
            _ => {
                let call = placed(&answer);
                assert_eq!((&call.reference.call_id, call.replayed), (&call_id, true));
            }
        }
        assert_eq!(office.dials(), 0, "no other process dialled");
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_the_answer_of_its_key_immediately() {
    let office = Office::new();
    office.provider.set_outcome(DialOutcome::Unknown(UnknownCause::ConnectionLost));
    let first = office.send(office.request("k1")).await;
    let Err(PlaceCallError::OutcomeUnknown { call_id, .. }) = first else { panic!("{first:?}") };
    for _ in 0..2 {
        let answer = office.send(office.request("k1")).await;
        assert_eq!(answer, Err(PlaceCallError::StillUnknown { call_id: call_id.clone() }));
        office.clock.advance(LATER).await;
    }
    assert_eq!(office.dials(), 1);
}

#[tokio::test]
async fn a_call_that_was_not_dialled_frees_its_key() {
    let office = Office::new();
    office.provider.set_outcome(DialOutcome::NotDialled(NotDialledReason::Unavailable));
    let refused = office.send(office.request("k1")).await;
    assert!(matches!(refused, Err(PlaceCallError::ProviderUnavailable { .. })), "{refused:?}");
    office.provider.set_outcome(DialOutcome::Placed(provider_reference()));
    // Also for another request: nothing is known of the first one.
    let changed = RawPlaceCall { phone_number: Some("+14165550142"), ..RawPlaceCall::default() };
    assert!(!placed(&office.send(office.request_for("k1", changed)).await).deduplicated);
    assert_eq!(office.dials(), 2);
}

#[tokio::test]
async fn neither_a_refusal_nor_a_request_in_flight_writes_its_key() {
    let office = Office::new();
    office.memory.tables().directory.agents[0].voice_enabled = false;
    assert_eq!(office.send(office.request("k1")).await, Err(PlaceCallError::NoVoiceAgent));
    office.memory.tables().directory.agents[0].voice_enabled = true;
    cut_short(&office).await;
    let in_flight = office.send(office.request("k2")).await;
    assert!(matches!(in_flight, Err(PlaceCallError::InFlight { .. })), "{in_flight:?}");
    let keys = office.memory.tables().keys.len();
    assert_eq!(keys, 1, "the key of the call in flight alone");
}

/// The natural key still applies. Without the binding, the second key would dial when the result is
/// held no longer.
#[tokio::test]
async fn a_key_whose_request_gets_an_earlier_result_is_bound_to_that_call() {
    let busy = DialOutcome::NotConnected {
        reference: ProviderReference::default(),
        reason: NotConnectedReason::Busy,
        code: None,
    };
    for (outcome, loses_lock) in [
        (DialOutcome::Placed(provider_reference()), false),
        (DialOutcome::Placed(provider_reference()), true),
        (busy, false),
    ] {
        let office = Office::new();
        office.provider.set_outcome(outcome);
        let first = office.send(office.request("")).await;
        if loses_lock {
            // The reservation has the result too.
            office.memory.tables().locks.clear();
        }
        let second = office.send(office.request("k2")).await;
        match (&first, &second) {
            (Ok(first), Ok(second)) => {
                assert_eq!(second.reference, first.reference);
                assert!(second.deduplicated && !second.replayed, "it is another request of the intent");
            }
            (first, second) => assert_eq!(first, second),
        }
        office.clock.advance(LATER).await;
        match office.send(office.request("k2")).await {
            Ok(again) => assert_eq!(Ok(again), replay_of(&first)),
            again => assert!(matches!(again, Err(PlaceCallError::NotConnectedBefore { .. })), "{again:?}"),
        }
        assert_eq!(office.dials(), 1);
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_bound_refuses_its_request() {
    let office = Office::new();
    office.send(office.request("")).await.expect("a placed call");
    let unavailable = PortUnavailable::new("store", "unavailable");
    let mut keys = MockIdempotencyKeys::new();
    keys.expect_find().returning(|_, _| Ok(None));
    keys.expect_bind().return_const(Err(unavailable.clone()));
    let gateway = office.gateway_with(Arc::new(office.provider.clone()), Arc::new(keys));
    let answer = gateway.execute(office.request("k2")).await;
    assert_eq!(answer, Err(PlaceCallError::ServiceUnavailable(unavailable.clone())));

    let mut keys = MockIdempotencyKeys::new();
    keys.expect_find().return_const(Err(unavailable.clone()));
    let gateway = office.gateway_with(Arc::new(office.provider.clone()), Arc::new(keys));
    let answer = gateway.execute(office.request("k3")).await;
    assert_eq!(answer, Err(PlaceCallError::ServiceUnavailable(unavailable)));
    assert_eq!(office.dials(), 1);
}

/// Another request with the key is booked after this one has looked for the key. The intent of this one
/// stays free.
#[tokio::test]
async fn a_key_that_got_a_call_meanwhile_answers_with_it() {
    let office = Office::new();
    let first = office.send(office.request("k1")).await;
    let late = || {
        let (keys, looks) = (office.memory.clone(), AtomicUsize::new(0));
        let keys = Arc::new(FoundLate { keys, looks, not_found: 1 });
        office.gateway_with(Arc::new(office.provider.clone()), keys)
    };
    let other = RawPlaceCall { phone_number: Some("+14165550142"), ..RawPlaceCall::default() };
    assert_eq!(late().execute(office.request_for("k1", other)).await, Err(PlaceCallError::KeyReused));
    let free = office.send(office.request_for("", other)).await;
    assert!(!placed(&free).deduplicated, "the refused request left its intent reserved");

    office.clock.advance(LATER).await;
    assert_eq!(late().execute(office.request("k1")).await, replay_of(&first));
    // In the time of the hold, the natural key finds the call first, and the binding finds the key.
    let by_intent = office.send(office.request("k3")).await.expect("a placed call");
    assert_eq!(late().execute(office.request("k3")).await, replay_of(&Ok(by_intent)));

    // The call that has taken the key may be freed again before it is read.
    let (keys, looks) = (office.memory.clone(), AtomicUsize::new(0));
    let keys = Arc::new(FoundLate { keys, looks, not_found: 2 });
    let gateway = office.gateway_with(Arc::new(office.provider.clone()), keys);
    let other = RawPlaceCall { phone_number: Some("+14165550143"), ..RawPlaceCall::default() };
    let freed = gateway.execute(office.request_for("k1", other)).await;
    assert_eq!(freed, Err(PlaceCallError::InFlight { retry_after: Duration::from_secs(1) }));
    assert_eq!(office.dials(), 3);
}

#[tokio::test]
async fn a_key_belongs_to_its_user() {
    let office = Office::new();
    office.send(office.request("k1")).await.expect("a placed call");
    let colleague = fixtures::user(&office.tenant.organization.id);
    let number = fixtures::number(&colleague, 0);
    let records = [DirectoryRecord::User(colleague.clone()), DirectoryRecord::Number(number)];
    office.memory.import(&records);
    let contact = office.tenant.contact_id();
    let raw = RawPlaceCall { contact_id: Some(contact.as_str()), ..RawPlaceCall::default() };
    let theirs = office.send(command(colleague.id, "k1", raw)).await;
    assert!(!placed(&theirs).deduplicated);
    assert_eq!(office.dials(), 2);
}

/// The worker removes a key 24 hours after the end of its call, and no sooner.
#[tokio::test]
async fn a_key_is_kept_for_24_hours_after_the_end_of_its_call() {
    let office = Office::new();
    let store = Arc::new(office.memory.clone());
    let remove = RemoveReservations::new(store.clone(), store, Duration::from_hours(24));
    let removed = async || while remove.run_once().await.expect("the store is up") > 0 {};
    let first = office.send(office.request("k1")).await;
    let call_id = placed(&first).reference.call_id.clone();
    office.clock.advance(LATER * 10).await;
    removed().await;
    assert_eq!(office.send(office.request("k1")).await, replay_of(&first), "the call has not ended");
    office.memory.merge(&call_id, &completed()).await.expect("the store is up");
    office.clock.advance(Duration::from_hours(24) - Duration::from_secs(1)).await;
    removed().await;
    assert!(placed(&office.send(office.request("k1")).await).replayed);
    office.clock.advance(Duration::from_secs(1)).await;
    removed().await;
    assert!(!placed(&office.send(office.request("k1")).await).deduplicated);
    assert_eq!(office.dials(), 2);
}

/// Sends a request with the key `k1` to a process that ends during the dial. Returns its call.
async fn cut_short(office: &Office) -> CallId {
    let silent = Arc::new(Silent::default());
    let gateway = office.gateway_with(silent.clone(), Arc::new(office.memory.clone()));
    let request = office.request("k1");
    let running = tokio::spawn(async move { gateway.execute(request).await });
    testkit::eventually("the provider gets the dial", async || silent.0.load(Ordering::SeqCst) == 1).await;
    running.abort();
    assert!(running.await.is_err(), "the process has ended");
    let tables = office.memory.tables();
    tables.calls.last().expect("the call is booked").booking.identity.call_id.clone()
}

fn completed() -> CallUpdate {
    let content = ConversationRecord::new(CallStatus::Completed);
    CallUpdate { conversation_id: None, carrier_call_id: None, content: UpdateContent::Conversation(content) }
}

fn busy() -> CallUpdate {
    let failure =
        CallFailure { reason: NotConnectedReason::Busy, at: moment(), cause: ProviderCause::default() };
    CallUpdate { conversation_id: None, carrier_call_id: None, content: UpdateContent::Failure(failure) }
}

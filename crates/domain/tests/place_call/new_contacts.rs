use domain::ports::CallerNumberChoice;
use domain::{
    Area, Contact, Country, ForbiddenRange, IntentKey, PhoneNumber, PlaceCallError, RawPlaceCall,
    UnfitCallerNumber, UnmetCondition, UserId,
};

use crate::world::{
    World, agent, caller_number, choice, contact, new_contact, number, number_without_contact, unavailable,
};

const NEW_NUMBER: RawPlaceCall<'_> = RawPlaceCall {
    contact_id: None,
    phone_number: Some("+14165550111"),
    agent_id: None,
    from_number: None,
    call_reason: None,
    dynamic_variables: &[],
    metadata: None,
    purpose: None,
    subject: None,
};

/// A world in which the called number has no contact yet.
fn world() -> World {
    World { contact: None, ..World::working() }
}

fn intent_key(contact: &Contact, to: &PhoneNumber) -> IntentKey {
    IntentKey::new(&UserId::parse("user-1").expect("an id"), &contact.id, &agent().id, to)
}

fn changed(change: impl FnOnce(&mut CallerNumberChoice)) -> CallerNumberChoice {
    let mut choice = choice(Some(caller_number()));
    change(&mut choice);
    choice
}

#[tokio::test]
async fn a_new_number_gets_its_contact_before_the_lock() {
    let run = world().call(NEW_NUMBER).await;
    assert!(run.answer.is_ok(), "{:?}", run.answer);
    assert_eq!(
        run.steps(),
        ["contact: create", "lock: acquire", "ledger: book", "dial", "ledger: settle placed", "lock: settle"]
    );
    assert_eq!(run.dialled[0].to, number_without_contact());
}

/// A concurrent request may have created the contact. Both requests then have the same intent key.
#[tokio::test]
async fn the_intent_key_contains_the_contact_that_the_store_returned() {
    let run = world().call(NEW_NUMBER).await;
    let key = intent_key(&new_contact(), &number_without_contact());
    assert_eq!(run.keys, [key]);
}

#[tokio::test]
async fn a_known_number_creates_no_contact() {
    let known = RawPlaceCall { phone_number: Some("+14165550110"), ..NEW_NUMBER };
    let run = World::working().call(known).await;
    assert!(run.answer.is_ok(), "{:?}", run.answer);
    assert_eq!(run.steps().first(), Some(&"lock: acquire"));
    let key = intent_key(&contact(), &number("+14165550110"));
    assert_eq!(run.keys, [key]);
}

#[tokio::test]
async fn a_refused_call_creates_no_contact() {
    let own_number = PlaceCallError::DestinationNotAllowed(ForbiddenRange::OwnNumber);
    let mut silent = agent();
    silent.voice_enabled = false;
    let mut unsynced = agent();
    unsynced.provider_agent_id = None;
    let numbers = |change: fn(&mut CallerNumberChoice)| World { numbers: changed(change), ..world() };
    let shown = changed(|choice| {
        choice.caller.as_mut().expect("a caller").phone_number = number_without_contact();
    });
    let asked = RawPlaceCall { agent_id: Some("agent-9"), ..NEW_NUMBER };
    let from = RawPlaceCall { from_number: Some("+14165550101"), ..NEW_NUMBER };
    let off_trunk = numbers(|choice| choice.caller.as_mut().expect("a caller").on_trunk = false);
    let not_on_trunk =
        UnfitCallerNumber { number: caller_number().phone_number, unmet: UnmetCondition::OnTrunk };
    let rows = [
        (World { user: None, ..world() }, NEW_NUMBER, PlaceCallError::UserNotFound),
        (World { agent: None, ..world() }, asked, PlaceCallError::AgentNotFound),
        (World { agent: None, ..world() }, NEW_NUMBER, PlaceCallError::NoVoiceAgent),
        (World { agent: Some(silent), ..world() }, NEW_NUMBER, PlaceCallError::NoVoiceAgent),
        (World { agent: Some(unsynced), ..world() }, NEW_NUMBER, PlaceCallError::AgentNotSynced),
        (numbers(|choice| choice.recipient_is_own_number = true), NEW_NUMBER, own_number.clone()),
        (World { numbers: shown, ..world() }, NEW_NUMBER, own_number),
        (numbers(|choice| choice.caller = None), NEW_NUMBER, PlaceCallError::NoAiEnabledNumber(None)),
        (numbers(|choice| choice.caller = None), from, PlaceCallError::FromNumberNotAvailable(None)),
        (
            numbers(|choice| choice.organization_numbers = vec![number("+442079460018")]),
            NEW_NUMBER,
            PlaceCallError::CountryNotAllowed(Area::Country(Country::parse("CA").expect("a country"))),
        ),
        (off_trunk, NEW_NUMBER, PlaceCallError::NumberNotOnTrunk(not_on_trunk)),
        (
            World { directory: Err(unavailable()), ..world() },
            NEW_NUMBER,
            PlaceCallError::ServiceUnavailable(unavailable()),
        ),
    ];
    for (world, raw, refusal) in rows {
        let run = world.call(raw).await;
        assert_eq!(run.answer, Err(refusal.clone()));
        assert_eq!(run.steps(), Vec::<&str>::new(), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_contact_that_cannot_be_created_is_not_called() {
    let run = World { created_contact: Err(unavailable()), ..world() }.call(NEW_NUMBER).await;
    assert_eq!(run.answer, Err(PlaceCallError::ServiceUnavailable(unavailable())));
    assert_eq!(run.steps(), ["contact: create"]);
}

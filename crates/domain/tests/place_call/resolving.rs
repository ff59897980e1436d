use std::sync::Arc;

use domain::ports::CallerNumberChoice;
use domain::{
    Agent, AllowedCountries, Area, CallerNumber, Carrier, Contact, Country, DestinationRefusal,
    DestinationRules, ForbiddenRange, NumberingPlan, OrganizationId, PlaceCallError, RawPlaceCall, Shares,
    UnfitCallerNumber, UnmetCondition,
};

use crate::world::{World, agent, caller_number, choice, contact, number, organization_id, unavailable};

/// The error of a refused call, for which nothing is locked, booked or dialled.
async fn refused(world: World, raw: RawPlaceCall<'_>) -> PlaceCallError {
    let run = world.call(raw).await;
    assert_eq!(run.steps(), Vec::<&str>::new(), "all checks come before the first write");
    run.answer.expect_err("refused")
}

const BY_CONTACT: RawPlaceCall<'_> = RawPlaceCall {
    contact_id: Some("contact-1"),
    phone_number: None,
    agent_id: None,
    from_number: None,
    call_reason: None,
    dynamic_variables: &[],
    metadata: None,
    purpose: None,
    subject: None,
};

#[tokio::test]
async fn the_refusal_names_the_user_contact_agent_or_number_that_is_missing() {
    let world = World { user: None, ..World::working() };
    assert_eq!(refused(world, BY_CONTACT).await, PlaceCallError::UserNotFound);
    let world = World { contact: None, ..World::working() };
    assert_eq!(refused(world, BY_CONTACT).await, PlaceCallError::ContactNotFound);
    let world = World { agent: None, ..World::working() };
    assert_eq!(refused(world, BY_CONTACT).await, PlaceCallError::NoVoiceAgent);
    let world = World { agent: None, ..World::working() };
    let asked = RawPlaceCall { agent_id: Some("agent-9"), ..BY_CONTACT };
    assert_eq!(refused(world, asked).await, PlaceCallError::AgentNotFound);
    let none = choice(None);
    let world = World { numbers: none.clone(), ..World::working() };
    assert_eq!(refused(world, BY_CONTACT).await, PlaceCallError::NoAiEnabledNumber(None));
    let world = World { numbers: none, ..World::working() };
    let asked = RawPlaceCall { from_number: Some("+14165550101"), ..BY_CONTACT };
    assert_eq!(refused(world, asked).await, PlaceCallError::FromNumberNotAvailable(None));
}

#[tokio::test]
async fn an_agent_must_be_enabled_for_voice_and_synced() {
    let mut silent = agent();
    silent.voice_enabled = false;
    let world = World { agent: Some(silent), ..World::working() };
    let asked = RawPlaceCall { agent_id: Some("agent-1"), ..BY_CONTACT };
    assert_eq!(refused(world, asked).await, PlaceCallError::NoVoiceAgent);
    let mut unsynced = agent();
    unsynced.provider_agent_id = None;
    let world = World { agent: Some(unsynced), ..World::working() };
    assert_eq!(refused(world, BY_CONTACT).await, PlaceCallError::AgentNotSynced);
}

#[tokio::test]
async fn a_caller_number_must_serve_ai_calls_and_be_on_the_trunk() {
    fn with(change: fn(&mut domain::CallerNumber)) -> World {
        let mut caller = caller_number();
        change(&mut caller);
        let numbers = choice(Some(caller));
        World { numbers, ..World::working() }
    }
    let asked = RawPlaceCall { from_number: Some("+14165550100"), ..BY_CONTACT };
    let unfit = |unmet| UnfitCallerNumber { number: number("+14165550100"), unmet };
    let silent = || with(|n| n.ai_enabled = false);
    let unserved = || with(|n| n.carrier = Carrier::named("twilio"));
    for (world, unmet) in [
        (silent as fn() -> World, UnmetCondition::EnabledForAiCalls),
        (unserved, UnmetCondition::CarrierServed(Carrier::named("twilio"))),
    ] {
        let refusal = Some(unfit(unmet));
        assert_eq!(refused(world(), asked).await, PlaceCallError::FromNumberNotAvailable(refusal.clone()));
        assert_eq!(refused(world(), BY_CONTACT).await, PlaceCallError::NoAiEnabledNumber(refusal));
    }
    for (world, unmet) in [
        (with(|n| n.on_trunk = false), UnmetCondition::OnTrunk),
        (with(|n| n.provider_number_id = None), UnmetCondition::KnownToProvider),
    ] {
        assert_eq!(refused(world, asked).await, PlaceCallError::NumberNotOnTrunk(unfit(unmet)));
    }
}

#[tokio::test]
async fn a_contact_is_called_at_its_own_number_or_not_at_all() {
    let mut unreachable = contact();
    unreachable.phone_number = None;
    let world = World { contact: Some(unreachable.clone()), ..World::working() };
    assert_eq!(refused(world, BY_CONTACT).await, PlaceCallError::ContactHasNoPhone);
    let both = RawPlaceCall { phone_number: Some("+14165550199"), ..BY_CONTACT };
    assert_eq!(refused(World::working(), both).await, PlaceCallError::ContactPhoneMismatch);
    let world = World { contact: Some(unreachable), ..World::working() };
    assert_eq!(refused(world, both).await, PlaceCallError::ContactPhoneMismatch);
    let same = RawPlaceCall { phone_number: Some("14165550110"), ..BY_CONTACT };
    assert_eq!(World::working().call(same).await.dials(), 1);
}

#[tokio::test]
async fn a_forbidden_number_and_the_organization_itself_are_not_called() {
    let own = CallerNumberChoice { recipient_is_own_number: true, ..choice(Some(caller_number())) };
    let world = World { numbers: own, ..World::working() };
    let refusal = PlaceCallError::DestinationNotAllowed(ForbiddenRange::OwnNumber);
    assert_eq!(refused(world, BY_CONTACT).await, refusal);

    let mut shown = contact();
    shown.phone_number = Some(number("+14165550100"));
    let world = World { contact: Some(shown), ..World::working() };
    assert_eq!(refused(world, BY_CONTACT).await, refusal, "the caller number is never called");

    let mut premium = contact();
    premium.phone_number = Some(number("+19002345678"));
    let world = World { contact: Some(premium), ..World::working() };
    let refusal = PlaceCallError::DestinationNotAllowed(ForbiddenRange::PremiumRate);
    assert_eq!(refused(world, BY_CONTACT).await, refusal, "a stored number is checked like a given one");
}

#[tokio::test]
async fn a_number_that_may_not_be_called_is_refused_before_any_store_is_read() {
    let by_number = |text| RawPlaceCall { phone_number: Some(text), ..RawPlaceCall::default() };
    for (text, refusal) in [
        ("+447031234567", PlaceCallError::DestinationNotAllowed(ForbiddenRange::SpecialTariff)),
        ("+39087819436", PlaceCallError::DestinationNotAllowed(ForbiddenRange::PremiumRate)),
        ("+999123456789", PlaceCallError::InvalidPhoneNumber(DestinationRefusal::NoRange)),
    ] {
        for raw in [by_number(text), RawPlaceCall { phone_number: Some(text), ..BY_CONTACT }] {
            let world = World { directory: Err(unavailable()), ..World::working() };
            assert_eq!(refused(world, raw).await, refusal, "{text}");
        }
    }
}

#[tokio::test]
async fn a_stored_number_in_no_known_range_is_called_only_if_an_extra_range_contains_it() {
    let newer = || {
        let mut contact = contact();
        contact.phone_number = Some(number("+999123456789"));
        World { contact: Some(contact), ..World::working() }
    };
    assert_eq!(
        refused(newer(), BY_CONTACT).await,
        PlaceCallError::InvalidPhoneNumber(DestinationRefusal::NoRange)
    );
    let plan = NumberingPlan::with_extra_ranges(["+9991"]).expect("a prefix");
    let destinations = DestinationRules { plan, ..DestinationRules::default() };
    let run = World { destinations, ..newer() }.call(BY_CONTACT).await;
    assert_eq!(run.dials(), 1);
}

fn area(code: &str) -> Area {
    Area::Country(Country::parse(code).expect("an ISO code"))
}

fn rules(allowed: &str, default_country: Option<&str>) -> DestinationRules {
    DestinationRules {
        plan: NumberingPlan::default(),
        allowed: AllowedCountries::parse(allowed).expect("a list"),
        default_country: default_country.map(|code| Country::parse(code).expect("an ISO code")),
    }
}

#[tokio::test]
async fn a_number_of_a_country_that_is_not_allowed_is_refused_however_it_is_given() {
    let jamaican = || {
        let mut contact = contact();
        contact.phone_number = Some(number("+18765550123"));
        World { contact: Some(contact), ..World::working() }
    };
    let refusal = PlaceCallError::CountryNotAllowed(area("JM"));
    let by_number = RawPlaceCall { phone_number: Some("+18765550123"), ..RawPlaceCall::default() };
    for raw in [BY_CONTACT, by_number] {
        assert_eq!(refused(jamaican(), raw).await, refusal, "the organization has a number in CA only");
        for allowed in ["US,CA", "GB"] {
            let world = World { destinations: rules(allowed, None), ..jamaican() };
            assert_eq!(refused(world, raw).await, refusal);
        }
        for allowed in ["JM", "*"] {
            let run = World { destinations: rules(allowed, None), ..jamaican() }.call(raw).await;
            assert_eq!(run.dials(), 1, "{allowed}");
        }
    }
}

#[tokio::test]
async fn a_number_without_a_plus_is_not_called_in_another_country() {
    let by_number = RawPlaceCall { phone_number: Some("6465550123"), ..RawPlaceCall::default() };
    let no_plus = DestinationRefusal::NoPlus { international: area("NZ") };
    let refusal = refused(World::working(), by_number).await;
    assert_eq!(refusal, PlaceCallError::AmbiguousPhoneNumber(no_plus));
    let text = refusal.to_string();
    assert!(text.contains("NZ") && !text.contains("555"), "{text}");

    let national = World { destinations: rules("US,CA", Some("US")), ..World::working() };
    let run = national.call(by_number).await;
    assert_eq!(run.dialled[0].to, number("+16465550123"));

    let both = World { destinations: rules("*", Some("US")), ..World::working() };
    let two = DestinationRefusal::TwoReadings { international: area("NZ"), national: area("US") };
    assert_eq!(refused(both, by_number).await, PlaceCallError::AmbiguousPhoneNumber(two));
}

#[tokio::test]
async fn a_number_with_and_without_its_plus_is_one_intent() {
    let run = async |text| {
        let raw = RawPlaceCall { phone_number: Some(text), ..RawPlaceCall::default() };
        World::working().call(raw).await
    };
    let (with, without) = (run("+14165550110").await, run("14165550110").await);
    assert_eq!((with.dials(), without.dials()), (1, 1));
    assert_eq!(with.keys, without.keys);
}

/// The stored number of the contact decides which of the readings the client means.
#[tokio::test]
async fn a_number_beside_a_contact_means_the_contacts_number() {
    let both = RawPlaceCall { phone_number: Some("4165550110"), ..BY_CONTACT };
    let national = World { destinations: rules("*", Some("CA")), ..World::working() };
    assert_eq!(national.call(both).await.dialled[0].to, number("+14165550110"));
    for stored in ["+16465550123", "+6465550123"] {
        let mut contact = contact();
        contact.phone_number = Some(number(stored));
        let world =
            World { contact: Some(contact), destinations: rules("*", Some("US")), ..World::working() };
        let raw = RawPlaceCall { phone_number: Some("6465550123"), ..BY_CONTACT };
        assert_eq!(world.call(raw).await.dialled[0].to, number(stored));
    }
}

#[tokio::test]
async fn a_store_that_is_unavailable_fails_closed() {
    let by_number = RawPlaceCall { phone_number: Some("+14165550110"), ..RawPlaceCall::default() };
    for raw in [BY_CONTACT, by_number] {
        let world = World { directory: Err(unavailable()), ..World::working() };
        assert_eq!(refused(world, raw).await, PlaceCallError::ServiceUnavailable(unavailable()));
    }
}

/// A call that has every fault is refused for the first one. Each step then mends that one.
#[tokio::test]
async fn the_first_of_several_refusals_is_the_answer() {
    let shares = Arc::new(Shares::new(2, 1));
    let mut held = shares.take(&organization_id());
    let mut mute = agent();
    (mute.voice_enabled, mute.provider_agent_id) = (false, None);
    let unreachable = Contact { phone_number: None, ..contact() };
    let elsewhere = CallerNumber { phone_number: number("+442079460018"), ..caller_number() };
    let unfit = CallerNumber { on_trunk: false, ..elsewhere.clone() };
    let own = CallerNumberChoice {
        recipient_is_own_number: true,
        organization_numbers: vec![elsewhere.phone_number.clone()],
        ..choice(None)
    };
    let reachable = CallerNumberChoice { recipient_is_own_number: false, ..own.clone() };
    let not_on_trunk =
        UnfitCallerNumber { number: elsewhere.phone_number.clone(), unmet: UnmetCondition::OnTrunk };
    type Mending = Box<dyn FnOnce(&mut World)>;
    let steps: [(PlaceCallError, Mending); 10] = [
        (PlaceCallError::UserNotFound, Box::new(|world| world.user = World::working().user)),
        (PlaceCallError::TooManyInFlight, Box::new(move |_| drop(held.take()))),
        (PlaceCallError::ContactNotFound, Box::new(move |world| world.contact = Some(unreachable))),
        (PlaceCallError::ContactHasNoPhone, Box::new(|world| world.contact = Some(contact()))),
        (
            PlaceCallError::DestinationNotAllowed(ForbiddenRange::OwnNumber),
            Box::new(move |world| world.numbers = reachable),
        ),
        (PlaceCallError::NoVoiceAgent, Box::new(move |world| world.agent = Some(mute))),
        (
            PlaceCallError::NoVoiceAgent,
            Box::new(|world| world.agent = Some(Agent { provider_agent_id: None, ..agent() })),
        ),
        (PlaceCallError::AgentNotSynced, Box::new(|world| world.agent = Some(agent()))),
        (PlaceCallError::NoAiEnabledNumber(None), Box::new(move |world| world.numbers.caller = Some(unfit))),
        (
            PlaceCallError::NumberNotOnTrunk(not_on_trunk),
            Box::new(move |world| world.numbers.caller = Some(elsewhere)),
        ),
    ];
    let mut world = World {
        shares,
        user: None,
        contact: None,
        agent: None,
        numbers: own,
        directory: Err(unavailable()),
        ..World::working()
    };
    assert_eq!(refused(world.clone(), BY_CONTACT).await, PlaceCallError::ServiceUnavailable(unavailable()));
    world.directory = Ok(());
    for (refusal, mend) in steps {
        assert_eq!(refused(world.clone(), BY_CONTACT).await, refusal);
        mend(&mut world);
    }
    let refusal = PlaceCallError::CountryNotAllowed(area("CA"));
    assert_eq!(refused(world.clone(), BY_CONTACT).await, refusal);
    world.numbers.organization_numbers.push(caller_number().phone_number);
    assert_eq!(world.call(BY_CONTACT).await.dials(), 1);
}

#[tokio::test]
async fn an_organization_at_its_share_is_refused_and_another_one_is_not() {
    let other = OrganizationId::parse("org-2").expect("an id");
    for (holder, is_refused) in [(organization_id(), true), (other, false)] {
        let shares = Arc::new(Shares::new(2, 1));
        let held = shares.take(&holder).expect("a permit");
        let world = World { shares: shares.clone(), ..World::working() };
        if is_refused {
            assert_eq!(refused(world, BY_CONTACT).await, PlaceCallError::TooManyInFlight);
        } else {
            assert!(world.call(BY_CONTACT).await.answer.is_ok());
        }
        assert_eq!(shares.held(), 1, "the call gave its permit back");
        drop(held);
    }
}

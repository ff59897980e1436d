//! The decision: which requests it refuses, before anything is created, locked, booked or dialled.

use std::time::Duration;

use domain::ports::HoldResult;
use domain::{
    AgentReason, AppliedRule, AppliedRules, CallPurpose, CallerReason, CallingFacts, CallingPolicy, Cap,
    Country, Decision, DestinationRules, Mode, Modes, OpenTimes, Place, PlaceBasis, PlaceCallError,
    RawPlaceCall, RefusalCode, RuleGroup, RuleId, TimeOfRule, VersionedPolicy, ZoneName,
};

use crate::world::{World, contact, new_contact, number_without_contact, unavailable};

fn stored(policy: CallingPolicy) -> Option<VersionedPolicy> {
    Some(VersionedPolicy { policy, revision: 3, changed: None })
}

fn facts(policy: CallingPolicy) -> CallingFacts {
    CallingFacts { policy: stored(policy), ..CallingFacts::default() }
}

fn country(code: &str) -> Country {
    Country::parse(code).expect("a country")
}

fn codes(decision: &Decision) -> Vec<RefusalCode> {
    decision.refusals.iter().map(|refusal| refusal.code).collect()
}

fn refused(answer: Result<impl std::fmt::Debug, PlaceCallError>) -> Decision {
    match answer {
        Err(PlaceCallError::Refused(decision)) => *decision,
        other => panic!("the call is refused, and not {other:?}"),
    }
}

/// A rule that is closed all the time, and caps attempts.
fn closed() -> AppliedRules {
    let rule = AppliedRule {
        id: RuleId("us-fl".into()),
        version: 2,
        source: "Fla. Stat. 501.616(6)".into(),
        place: 0,
        open: Some(OpenTimes {
            intervals: Vec::new(),
            closed: Some(TimeOfRule::Day(
                domain::LocalDate::new(2026, 9, 21).expect("a date"),
                "Sunday".into(),
            )),
        }),
        caps: vec![Cap { attempts: 3, within: Duration::from_hours(24), unless_consent: false }],
        cool_downs: Vec::new(),
        consent: None,
        do_not_call_list: None,
        least_ring: None,
        bars_local_number: false,
    };
    let place = Place { region: None, basis: PlaceBasis::Number, zones: vec![ZoneName::utc()] };
    AppliedRules { places: vec![place], rules: vec![rule] }
}

#[tokio::test]
async fn a_refused_request_creates_locks_books_and_dials_nothing() {
    let calling = CallingFacts { is_suppressed: true, ..CallingFacts::default() };
    let world = World { calling, contact: None, ..World::working() };
    let number = number_without_contact();
    let raw = RawPlaceCall { phone_number: Some(number.as_e164()), ..RawPlaceCall::default() };
    let run = world.call(raw).await;
    let decision = refused(run.answer.clone());
    assert_eq!(codes(&decision), [RefusalCode::CalleeOptedOut]);
    assert_eq!((run.steps(), run.looked_up.len()), (vec![], 1));
    assert_eq!(decision.contact_id, None);
}

#[tokio::test]
async fn an_allowed_call_is_booked_with_its_decision_and_what_to_check_again() {
    let mut world = World { contact: None, ..World::working() };
    world.rules.applied = closed();
    let number = number_without_contact();
    let raw = RawPlaceCall {
        phone_number: Some(number.as_e164()),
        purpose: Some("telemarketing"),
        subject: Some("offer 7"),
        ..RawPlaceCall::default()
    };
    let run = world.call(raw).await;
    assert!(run.answer.is_ok(), "the default policy only warns about hours: {:?}", run.answer);
    let conditions = &run.booked[0].conditions;
    assert_eq!(conditions.purpose, CallPurpose::Telemarketing);
    assert_eq!(conditions.subject.as_ref().map(|subject| subject.as_str()), Some("offer 7"));
    assert!(conditions.refuse_suppressed, "suppressions are enforced without a policy");
    let attempt = conditions.attempt.clone().expect("a rule has a cap");
    assert_eq!((attempt.caps.len(), attempt.remember_for), (0, Duration::from_hours(24)));
    let decision = conditions.decision.as_ref().expect("a decision");
    assert!(decision.is_allowed());
    assert_eq!(
        decision.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(),
        [RefusalCode::ClosedDay]
    );
    assert_eq!(decision.contact_id, Some(new_contact().id), "the contact that was created");
    assert_eq!(decision.agent.as_ref().map(|agent| agent.1), Some(AgentReason::Default));
    assert_eq!(decision.caller_number.as_ref().map(|number| number.1), Some(CallerReason::First));
    assert_eq!(decision.callee_local_time.len(), 1);
}

#[tokio::test]
async fn the_purpose_of_the_policy_counts_if_the_request_names_none() {
    for (requested, expected) in [(None, CallPurpose::Debt), (Some("emergency"), CallPurpose::Emergency)] {
        let policy = CallingPolicy { default_purpose: CallPurpose::Debt, ..CallingPolicy::default() };
        let world = World { calling: facts(policy), ..World::working() };
        let raw =
            RawPlaceCall { contact_id: Some("contact-1"), purpose: requested, ..RawPlaceCall::default() };
        assert_eq!(world.call(raw).await.booked[0].conditions.purpose, expected);
    }
}

#[tokio::test]
async fn what_the_booking_refuses_is_a_decision_and_frees_the_lock() {
    let limit = |code| Ok(HoldResult::Refused(code));
    let booked = World { booked: limit(RefusalCode::CalleeOptedOut), ..World::working() };
    let run = booked.call_the_contact().await;
    let decision = refused(run.answer.clone());
    assert_eq!(codes(&decision), [RefusalCode::CalleeOptedOut]);
    assert_eq!(decision.contact_id, Some(contact().id));
    assert_eq!(run.steps(), ["lock: acquire", "ledger: book", "lock: release"]);

    let locked = World { acquired: limit(RefusalCode::UserCallLimit), ..World::working() };
    let run = locked.call_the_contact().await;
    let decision = refused(run.answer.clone());
    assert_eq!((codes(&decision), run.steps()), (vec![RefusalCode::UserCallLimit], vec!["lock: acquire"]));
    assert!(decision.opens_at.is_some(), "the next day begins");
}

#[tokio::test]
async fn errors_of_resolving_come_before_the_decision() {
    let calling = CallingFacts { is_suppressed: true, ..CallingFacts::default() };
    let no_agent = World { calling: calling.clone(), agent: None, ..World::working() };
    assert_eq!(no_agent.call_the_contact().await.answer, Err(PlaceCallError::NoVoiceAgent));
    let lost = World { calling, directory: Err(unavailable()), ..World::working() };
    assert_eq!(lost.call_the_contact().await.answer, Err(PlaceCallError::ServiceUnavailable(unavailable())));
}

#[tokio::test]
async fn the_policy_narrows_the_countries_of_the_operator() {
    let policy = |mode| CallingPolicy {
        modes: Modes::default().with(RuleGroup::Countries, mode),
        allowed_countries: Some([country("US"), country("FR")].into()),
        ..CallingPolicy::default()
    };
    let enforced = World { calling: facts(policy(Mode::Enforce)), ..World::working() };
    let decision = refused(enforced.call_the_contact().await.answer);
    assert_eq!(codes(&decision), [RefusalCode::CountryNotAllowed]);
    assert!(decision.refusals[0].detail.contains("CA") && decision.refusals[0].detail.contains("FR, US"));
    let warned = World { calling: facts(policy(Mode::Warn)), ..World::working() };
    assert!(warned.call_the_contact().await.answer.is_ok());
}

#[tokio::test]
async fn a_national_number_is_read_with_the_default_country_of_the_policy() {
    let policy = CallingPolicy { default_country: Some(country("CA")), ..CallingPolicy::default() };
    let call = |operators: Option<&str>, policy: CallingPolicy, number: &'static str| {
        let destinations =
            DestinationRules { default_country: operators.map(country), ..DestinationRules::default() };
        let world = World { calling: facts(policy), destinations, ..World::working() };
        world.call(RawPlaceCall { phone_number: Some(number), ..RawPlaceCall::default() })
    };
    // The operator's rules do not explain the number; the look-up for the policy does.
    let run = call(None, policy.clone(), "4165550110").await;
    assert!(run.answer.is_ok(), "{:?}", run.answer);
    assert_eq!(run.looked_up.last().map(String::as_str), Some("+14165550110"));
    assert_eq!((run.looked_up.len(), run.dialled[0].to.as_e164()), (2, "+14165550110"));
    // One look-up, if there is nothing to read again.
    for (operators, number) in [(None, "+14165550110"), (Some("CA"), "4165550110"), (None, "14165550110")] {
        let run = call(operators, policy.clone(), number).await;
        assert_eq!((run.answer.is_ok(), run.looked_up.len()), (true, 1), "{number}: {:?}", run.answer);
    }
    // Without such a country the refusal stays.
    let run = call(None, CallingPolicy::default(), "09999999999").await;
    assert!(matches!(run.answer, Err(PlaceCallError::InvalidPhoneNumber(_))), "{:?}", run.answer);
    let run = call(None, policy, "+19995550110").await;
    assert_eq!((run.answer.is_err(), run.looked_up.len()), (true, 0));
}

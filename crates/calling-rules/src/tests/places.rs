//! Where the callee is.

use domain::ports::{CallingRules, Proximity};
use domain::{Country, PhoneNumber};

use super::world::{MINUTE, NEW_YORK, Question, RULES, SECOND, ids, instant, local, shown, zone};

#[test]
fn a_number_has_the_place_of_its_area_code() {
    let place = |number, country| shown(&Question::about(number, country).apply());
    assert_eq!(place("+13055550123", "US"), ["US-FL Number America/New_York"]);
    assert_eq!(place("+14155550123", "US"), ["US-CA Number America/Los_Angeles"]);
    assert_eq!(place("+12065550123", "US"), ["US-WA Number America/Los_Angeles"]);
    assert_eq!(place("+12025550123", "US"), ["US-DC Number America/New_York"]);
    assert_eq!(place("+12505550123", "CA"), ["CA-BC Number America/Vancouver"]);
    assert_eq!(place("+17875550123", "PR"), ["PR Number America/Puerto_Rico"]);
    assert_eq!(place("+33612345678", "FR"), ["FR Number Europe/Paris"]);
    // A longer prefix wins: Pensacola and Tallahassee share an area code.
    assert_eq!(place("+18502005555", "US"), ["US-FL Number America/Chicago"]);
}

#[test]
fn a_shared_area_code_has_all_its_states() {
    let place = |number, country| shown(&Question::about(number, country).apply());
    let maritimes = ["CA-NS Number America/Halifax", "CA-PE Number America/Halifax"];
    assert_eq!(place("+19025550123", "CA"), maritimes);
    assert_eq!(
        place("+12015550123", "US"),
        ["US-NJ Number America/New_York", "US-NY Number America/New_York"]
    );
    assert_eq!(place("+18675550123", "CA").len(), 3);
}

#[test]
fn every_zone_of_a_number_must_be_open() {
    // Most of area code 208 is Mountain time, and the north of Idaho is Pacific time. Idaho has the
    // federal hours, 08:00 to 21:00.
    let question = Question::about("+12085550123", "US");
    assert_eq!(shown(&question.apply()), ["US-ID Number America/Boise America/Los_Angeles"]);
    let pacific = |time| local(time, "America/Los_Angeles");
    assert!(!question.allows(pacific("2026-12-02T07:30"), SECOND), "08:30 in Mountain time alone");
    assert!(question.allows(pacific("2026-12-02T08:00"), SECOND));
    assert!(question.allows(pacific("2026-12-02T19:59:30"), 29 * SECOND));
    assert!(!question.allows(pacific("2026-12-02T19:59:30"), 30 * SECOND), "21:00 in Mountain time");
}

#[test]
fn zones_that_are_too_far_apart_are_no_zones() {
    // Toll-free numbers have the 42 zones of +1, and a number of no known prefix those of +7.
    for (number, country) in [("+18005550123", "US"), ("+75001234567", "RU")] {
        let applied = Question::about(number, country).apply();
        assert_eq!(shown(&applied), [format!("{country} Number ")]);
        assert!(applied.rules.iter().all(|rule| rule.open.is_none()), "hours cannot be judged");
    }
    let russia = Question::about("+33612345678", "FR").stated_region("RU").apply();
    assert_eq!(shown(&russia), ["RU Contact "]);
    assert!(ids(&Question::about("+18005550123", "US").apply()).contains(&"us-strict"));
    // No row at all.
    let satellite = Question::about("+88161234567", "-").apply();
    assert_eq!(shown(&satellite), ["? Number "]);
    // The zones of the states together are near enough.
    let moved = Question::about("+33612345678", "FR").stated_region("US").apply();
    assert_eq!(moved.places[0].region.as_ref().unwrap().as_str(), "US");
    assert!(moved.places[0].zones.len() > 20, "{:?}", shown(&moved));
}

#[test]
fn the_operators_zone_is_taken_if_none_is_known() {
    let mut question = Question::about("+18005550123", "US");
    question.default_zones = vec![
        (Country::parse("RU").unwrap(), zone("Europe/Moscow")),
        (Country::parse("US").unwrap(), zone("America/Chicago")),
    ];
    assert_eq!(shown(&question.apply()), ["US DefaultZone America/Chicago"]);
    let known = Question { number: PhoneNumber::parse("+13055550123").unwrap(), ..question.clone() };
    assert_eq!(shown(&known.apply()), ["US-FL Number America/New_York"]);
    question.default_zones = vec![(Country::parse("US").unwrap(), zone("America/Gotham"))];
    assert_eq!(shown(&question.apply()), ["US Number "]);
}

#[test]
fn a_stated_zone_wins_over_the_number() {
    let question = Question::about("+14155550123", "US");
    // It fits the number's state.
    let same = question.clone().stated_zone("America/Los_Angeles").apply();
    assert_eq!(shown(&same), ["US-CA Contact America/Los_Angeles"]);
    let old_name = question.clone().stated_zone("US/Pacific").apply();
    assert_eq!(shown(&old_name), ["US-CA Contact US/Pacific"]);
    // It does not: the state is not known.
    let moved = question.clone().stated_zone(NEW_YORK).apply();
    assert_eq!(shown(&moved), ["US Contact America/New_York"]);
    assert!(ids(&moved).contains(&"us-strict"));
    let abroad = question.clone().stated_zone("Europe/Paris").apply();
    assert_eq!(shown(&abroad), ["FR Contact Europe/Paris"]);
    assert!(ids(&abroad).contains(&"fr-hours"));
    // With its state.
    let stated = question.clone().stated_zone(NEW_YORK).stated_region("US-GA").apply();
    assert_eq!(shown(&stated), ["US-GA Contact America/New_York"]);
    // No such zone: the number decides.
    let unknown = question.stated_zone("America/Gotham").apply();
    assert_eq!(shown(&unknown), ["US-CA Number America/Los_Angeles"]);
}

#[test]
fn a_stated_state_has_the_zones_of_its_area_codes() {
    let question = Question::about("+14155550123", "US");
    let tennessee = question.clone().stated_region("US-TN").apply();
    assert_eq!(shown(&tennessee), ["US-TN Contact America/Chicago America/New_York"]);
    let germany = question.clone().stated_region("DE").apply();
    assert_eq!(shown(&germany), ["DE Contact Europe/Berlin Europe/Busingen"]);
    let bavaria = question.clone().stated_region("DE-BY").apply();
    assert_eq!(shown(&bavaria), ["DE-BY Contact Europe/Berlin Europe/Busingen"]);
    assert!(ids(&bavaria).contains(&"de-consent"));
    let puerto_rico = question.clone().stated_region("US-PR").apply();
    assert_eq!(shown(&puerto_rico), ["PR Contact America/Puerto_Rico"]);
    // The country of the number adds nothing.
    let same = question.stated_region("US").apply();
    assert_eq!(shown(&same), ["US-CA Number America/Los_Angeles"]);
}

#[test]
fn where_the_area_code_counts_by_law_both_places_are_returned() {
    let places = |number, stated: &str| {
        shown(&Question::about(number, "US").stated_region(stated).stated_zone("America/Denver").apply())
    };
    for (number, by_law) in [
        ("+13055550123", "US-FL AreaCodeByLaw America/New_York"),
        ("+15035550123", "US-OR AreaCodeByLaw America/Los_Angeles"),
        ("+14055550123", "US-OK AreaCodeByLaw America/Chicago"),
        ("+18605550123", "US-CT AreaCodeByLaw America/New_York"),
    ] {
        assert_eq!(places(number, "US-CO"), ["US-CO Contact America/Denver", by_law]);
    }
    assert_eq!(places("+14155550123", "US-CO"), ["US-CO Contact America/Denver"]);
    let florida = Question::about("+13055550123", "US").stated_zone(NEW_YORK).apply();
    assert_eq!(shown(&florida), ["US-FL Contact America/New_York"], "the same place is returned once");

    // A Floridian number in Colorado: 20:00 in Florida is 18:00 in Colorado.
    let moved = Question::about("+13055550123", "US").stated_region("US-CO").stated_zone("America/Denver");
    assert!(moved.allows(local("2026-12-02T17:59", "America/Denver"), SECOND));
    assert!(!moved.allows(local("2026-12-02T18:00", "America/Denver"), SECOND), "Florida is closed");
    assert!(!moved.allows(local("2026-12-02T07:59", "America/Denver"), SECOND), "Colorado is closed");
    assert_eq!(ids(&moved.apply()).iter().filter(|id| **id == "us-federal").count(), 2, "for each place");
}

#[test]
fn arizona_has_no_summer_time_and_utah_has() {
    let arizona = Question::about("+14805550123", "US");
    let utah = Question::about("+18015550123", "US");
    assert_eq!(shown(&arizona.apply()), ["US-AZ Number America/Phoenix"]);
    // A Wednesday in July: 21:00 in Utah is 20:00 in Arizona.
    let summer = instant("2026-07-15T03:00:00Z");
    assert!(arizona.allows(summer, MINUTE));
    assert!(!utah.allows(summer, MINUTE));
    // In winter, both have 20:00.
    let winter = instant("2026-12-02T03:00:00Z");
    assert!(arizona.allows(winter, MINUTE) && utah.allows(winter, MINUTE));
}

#[test]
fn florida_closes_while_the_phone_rings() {
    let florida = Question::about("+13055550123", "US").purpose(domain::CallPurpose::Debt);
    let at = local("2026-12-02T20:59:40", NEW_YORK);
    assert!(florida.allows(at, 19 * SECOND));
    assert!(!florida.allows(at, 30 * SECOND), "21:00:10");
    let marketing = Question::about("+13055550123", "US");
    assert!(!marketing.allows(at, SECOND), "Florida's hours end at 20:00");
    let at = local("2026-12-02T19:59:40", NEW_YORK);
    assert!(marketing.allows(at, 19 * SECOND));
    assert!(!marketing.allows(at, 30 * SECOND));
}

#[test]
fn a_number_is_local_by_area_code_or_state() {
    let proximity = |one: &str, other: &str| {
        let [one, other] = [one, other].map(|number| PhoneNumber::parse(number).unwrap());
        assert_eq!(RULES.proximity(&one, &other), RULES.proximity(&other, &one));
        RULES.proximity(&one, &other)
    };
    assert_eq!(proximity("+13055550123", "+13055550199"), Proximity::SameAreaCode);
    assert_eq!(proximity("+12085550123", "+12085550199"), Proximity::SameAreaCode);
    assert_eq!(proximity("+13055550123", "+14075550199"), Proximity::SameRegion);
    assert_eq!(proximity("+13055550123", "+12125550199"), Proximity::Elsewhere);
    assert_eq!(proximity("+18005550123", "+18005550199"), Proximity::Elsewhere);
    assert_eq!(proximity("+18765550123", "+18765550199"), Proximity::SameAreaCode);
    assert_eq!(proximity("+33612345678", "+33112345678"), Proximity::SameRegion);
    assert_eq!(proximity("+33612345678", "+13055550199"), Proximity::Elsewhere);
    assert_eq!(proximity("+551123456789", "+551134567890"), Proximity::SameAreaCode);
    assert_eq!(proximity("+88161234567", "+88161234568"), Proximity::Elsewhere);
}

#[test]
fn a_number_shows_its_states() {
    let states = |number: &str| {
        let states = RULES.states(&PhoneNumber::parse(number).unwrap());
        states.iter().map(|state| state.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states("+17035550123"), ["US-VA"]);
    assert_eq!(states("+19025550123"), ["CA-NS", "CA-PE"]);
    assert!(states("+18005550123").is_empty() && states("+33612345678").is_empty());
}

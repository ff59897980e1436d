use super::*;

const SERVED: &[Carrier] = &[Carrier::named("telnyx"), Carrier::named("own-trunk")];

fn fit() -> CallerNumber {
    CallerNumber {
        organization_id: OrganizationId::parse("o1").expect("an id"),
        user_id: UserId::parse("u1").expect("an id"),
        phone_number: PhoneNumber::parse("+14165550123").expect("a number"),
        carrier: Carrier::named("own-trunk"),
        ai_enabled: true,
        on_trunk: true,
        provider_number_id: ProviderNumberId::parse("number_1").ok(),
    }
}

#[test]
fn a_carriers_name_is_short_and_never_a_phone_number() {
    let longest = "a".repeat(32);
    for name in ["sinch", "o2", "own-trunk", "a", "carrier-123456", &longest] {
        assert_eq!(Carrier::parse(name).expect(name).as_str(), name);
    }
    let too_long = "a".repeat(33);
    for text in [
        "",
        "Sinch",
        "own trunk",
        "+14165550123",
        "14165550123",
        "a1416555",
        "2go",
        "-a",
        "é",
        "a\n",
        &too_long,
    ] {
        assert_eq!(Carrier::parse(text), Err(INVALID), "{text:?}");
    }
}

#[test]
fn a_number_of_a_served_carrier_places_ai_calls() {
    assert_eq!(fit().for_ai_call(SERVED).ok(), fit().provider_number_id);
}

/// The first condition that fails is named, and the number is not shown.
#[test]
fn the_refusal_names_the_condition_and_the_last_digits() {
    let mut number = fit();
    let mut refused = |change: fn(&mut CallerNumber), carriers: &[Carrier]| {
        change(&mut number);
        number.for_ai_call(carriers).expect_err("a condition is not met").to_string()
    };
    for (change, expected) in [
        ((|it| it.provider_number_id = None) as fn(&mut CallerNumber), "is not known to the voice provider"),
        (|it| it.on_trunk = false, "is not on the trunk"),
        (
            |it| it.carrier = Carrier::named("twilio"),
            "has the carrier twilio, which the voice provider does not serve",
        ),
        (|it| it.ai_enabled = false, "is not enabled for AI calls"),
    ] {
        assert_eq!(refused(change, SERVED), format!("the caller number +…23 {expected}"));
    }
    assert!(fit().for_ai_call(&[]).is_err(), "a provider that serves no carrier serves no number");
}

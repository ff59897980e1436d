use super::*;

#[test]
fn the_command_line_is_well_formed() {
    use clap::CommandFactory as _;
    Cli::command().debug_assert();
}

#[test]
fn a_position_is_a_number_and_not_negative() {
    assert_eq!(parse_position("4711").expect("valid").number(), 4711);
    for bad in ["", "-1", "1.5", "yesterday", "9223372036854775808"] {
        let error = parse_position(bad).expect_err(bad).to_string();
        assert!(error.contains("0 or more"), "{bad:?}: {error}");
    }
}

#[test]
fn a_ttl_is_numbers_with_units() {
    for (text, secs) in [("90s", 90), ("1h", 3600), ("1h 30m", 5400), ("1h30m", 5400), ("2weeks", 1_209_600)]
    {
        assert_eq!(parse_ttl(text).expect(text), Duration::from_secs(secs), "{text}");
    }
    for bad in ["", "1", "h", "1x", "0s", "-1h", "1500ms", "367d", "999999999999d"] {
        assert!(parse_ttl(bad).is_err(), "{bad:?}");
    }
    let error = parse_ttl("90").expect_err("no unit").to_string();
    assert!(error.contains("unit"), "{error}");
}

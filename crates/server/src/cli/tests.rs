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
fn a_ttl_has_a_number_and_a_unit() {
    assert_eq!(parse_ttl("90s").expect("valid"), Duration::from_secs(90));
    assert_eq!(parse_ttl("1h").expect("valid"), Duration::from_secs(3600));
    for bad in ["", "1", "h", "1w", "0s", "-1h", "1h1m", "999999999d"] {
        assert!(parse_ttl(bad).is_err(), "{bad:?}");
    }
}

use super::*;

#[test]
fn a_minted_id_has_24_hex_digits_and_sorts_by_time() {
    let earlier = CallId::mint(0x6650_0000, [0xff; 8]);
    let later = CallId::mint(0x6650_0001, [0; 8]);
    assert_eq!(earlier.as_str(), "66500000ffffffffffffffff");
    assert!(earlier < later);
}

#[test]
fn text_that_could_break_a_log_line_or_a_statement_is_not_an_id() {
    for bad in ["", "a\nb", "a\0", "\u{85}", &"x".repeat(MAX_ID_LEN + 1)] {
        assert_eq!(ContactId::parse(bad), Err(INVALID), "{bad:?}");
    }
    assert_eq!(ContactId::parse("a:b|c").map(|id| id.to_string()), Ok("a:b|c".to_owned()));
}

#[test]
fn a_token_does_not_show_itself() {
    assert_eq!(format!("{:?}", OwnerToken::mint([7; 16])), "OwnerToken(..)");
}

#[test]
fn an_id_that_is_a_phone_number_is_not_shown() {
    let shown = |id: &str| format!("{:?}", ProviderNumberId::parse(id).expect("an id"));
    assert_eq!(shown("+14165550123"), "ProviderNumberId(+…23)");
    for id in ["number-1", "14165550123", "+", "+1", "+a4165550123"] {
        assert_eq!(shown(id), format!("ProviderNumberId({id})"));
    }
}

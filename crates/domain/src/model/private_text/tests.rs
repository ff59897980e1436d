use super::*;

#[test]
fn nul_and_escape_are_refused_and_line_breaks_kept() {
    assert_eq!(CallReason::parse("quote\0"), Err(INVALID));
    assert_eq!(CallReason::parse("\u{1b}[31mred"), Err(INVALID));
    assert!(CallReason::parse("first line\r\n\tsecond").is_ok());
}

#[test]
fn the_bound_is_in_bytes() {
    assert!(PersonName::parse(&"é".repeat(256)).is_ok());
    assert_eq!(PersonName::parse(&"é".repeat(257)), Err(INVALID));
}

#[test]
fn a_joined_name_has_no_gaps() {
    let name = |text: &str| PersonName::parse(text).expect("plain text");
    let joined = |a: Option<&str>, b: Option<&str>| {
        let (a, b) = (a.map(name), b.map(name));
        PersonName::joined([a.as_ref(), b.as_ref()]).map(|name| name.as_str().to_owned())
    };
    assert_eq!(joined(Some("Ada"), Some("Lovelace")), Some("Ada Lovelace".to_owned()));
    assert_eq!(joined(Some("  "), Some("Lovelace ")), Some("Lovelace".to_owned()));
    assert_eq!(joined(None, Some(" ")), None);
}

#[test]
fn debug_says_nothing() {
    let reason = CallReason::parse("about the tumour").expect("plain text");
    assert_eq!(format!("{reason:?}"), "CallReason(..)");
}

#[test]
fn a_text_of_a_provider_is_cut_and_cleaned_rather_than_refused() {
    let note = |text: &str| Some(PrivateNote::parse(text).expect("plain text"));
    assert_eq!(PrivateNote::shortened("a\u{0}b\u{1b}[1m\u{85}c\nd"), (note("ab[1mc\nd"), false));
    assert_eq!(PrivateNote::shortened("\u{0} \n"), (None, false));
    let (cut, is_cut) = PrivateNote::shortened(&format!("a{}", "é".repeat(PrivateNote::MAX_LEN)));
    assert_eq!((cut.map(|text| text.as_str().len()), is_cut), (Some(PrivateNote::MAX_LEN - 1), true));
    let longest = "é".repeat(PrivateNote::MAX_LEN / 2);
    assert_eq!(PrivateNote::shortened(&longest), (note(&longest), false));
}

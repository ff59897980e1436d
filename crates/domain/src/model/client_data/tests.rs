use proptest::prelude::*;

use super::*;

fn text(value: &str) -> VariableValue {
    VariableValue::Text(value.into())
}

fn one(name: &str, value: VariableValue) -> Result<DynamicVariables, VariablesFault> {
    DynamicVariables::parse(&[(name.to_owned(), value)])
}

#[test]
fn strings_numbers_and_booleans_are_variables() {
    let given = [
        ("first_name".to_owned(), text("Zoë\n\tO'Brien")),
        ("_amount2".to_owned(), VariableValue::Integer(-3)),
        ("Rate".to_owned(), VariableValue::Decimal(0.5)),
        ("isNew".to_owned(), VariableValue::Boolean(true)),
        ("system".to_owned(), text("")),
    ];
    let variables = DynamicVariables::parse(&given).expect("usable names");
    let mut sorted = given.to_vec();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let read: Vec<_> = variables.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    assert_eq!(read, sorted);
    assert_eq!(DynamicVariables::parse(&[]), Ok(DynamicVariables::default()));
}

#[test]
fn reserved_names_are_refused() {
    let prefixed = RESERVED_PREFIXES.map(|prefix| format!("{prefix}x"));
    for name in RESERVED_NAMES.into_iter().chain(prefixed.iter().map(String::as_str)) {
        assert_eq!(one(name, text("x")), Err(VariablesFault::ReservedName), "{name}");
        let shown = VariablesFault::ReservedName.as_str();
        assert!(shown.contains(name.trim_end_matches('x')), "{name} is not in the message");
    }
}

#[test]
fn names_that_a_prompt_cannot_use_are_refused() {
    for name in ["", "2nd", "a b", "a.b", "a-b", "{{a}}", "é", &"a".repeat(65)] {
        assert_eq!(one(name, text("x")), Err(VariablesFault::InvalidName), "{name}");
    }
    assert!(one(&"a".repeat(64), text("x")).is_ok());
}

#[test]
fn count_and_size_are_bounded() {
    let many = |count: usize| -> Vec<_> {
        (0..count).map(|number| (format!("v{number}"), VariableValue::Boolean(true))).collect()
    };
    assert!(DynamicVariables::parse(&many(32)).is_ok());
    assert_eq!(DynamicVariables::parse(&many(33)), Err(VariablesFault::TooMany));
    assert!(one("v", text(&"é".repeat(4095))).is_ok());
    assert_eq!(one("v", text(&"é".repeat(4096))), Err(VariablesFault::TooLarge));
}

#[test]
fn control_characters_and_repeated_names_are_refused() {
    assert_eq!(one("v", text("\0")), Err(VariablesFault::ControlCharacters));
    let twice = [("v".to_owned(), text("a")), ("v".to_owned(), text("b"))];
    assert_eq!(DynamicVariables::parse(&twice), Err(VariablesFault::NotUnique));
}

#[test]
fn metadata_keeps_the_spelling_of_its_values() {
    let json = " { \"a\" : [ 1.10 , 12345678901234567890 ],\r\n\t\"b \\\" c\" : \" \\\\\" , \"d\":null } ";
    let metadata = CallMetadata::parse(json).expect("short");
    assert_eq!(metadata.as_json(), r#"{"a":[1.10,12345678901234567890],"b \" c":" \\","d":null}"#);
}

#[test]
fn metadata_is_bounded_without_its_white_space() {
    let of = |count: usize| format!("[{}\"{}\"]", " ".repeat(5000), "x".repeat(count));
    assert_eq!(CallMetadata::parse(&of(4092)).map(|it| it.as_json().len()), Ok(4096));
    assert!(CallMetadata::parse(&of(4093)).is_err());
}

#[test]
fn debug_and_errors_show_neither_names_nor_values() {
    let variables = one("private_name", text("private value")).expect("a name");
    let metadata = CallMetadata::parse("\"private\"").expect("short");
    let value = text("private");
    let fault = one("private name", text("private")).expect_err("a space");
    let too_long = CallMetadata::parse(&"\"private\"".repeat(999)).expect_err("too long");
    for shown in [
        format!("{variables:?} {metadata:?} {value:?} {fault:?} {fault}"),
        format!("{too_long:?} {too_long}"),
    ] {
        assert!(!shown.contains("private"), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_text_of_metadata_is_changed(text in any::<String>().prop_map(|text| text.replace(['\\', '"'], "\\\""))) {
        let json = format!("\"{text}\"");
        if json.len() <= CallMetadata::MAX_LEN {
            prop_assert_eq!(CallMetadata::parse(&json).expect("short").as_json().to_owned(), json);
        }
    }
}

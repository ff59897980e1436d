use proptest::prelude::*;

use super::*;

fn decode(mut bytes: &[u8]) -> Vec<String> {
    let mut fields = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
        let (field, rest) = rest.split_at(usize::try_from(u64::from_be_bytes(*length)).expect("fits"));
        fields.push(String::from_utf8(field.to_vec()).expect("was a string"));
        bytes = rest;
    }
    fields
}

fn key(user: &str, contact: &str, agent: &str, line: u32) -> IntentKey {
    IntentKey::new(
        &UserId::parse(user).expect("id"),
        &ContactId::parse(contact).expect("id"),
        &AgentId::parse(agent).expect("id"),
        &PhoneNumber::parse(&format!("+1416555{line:04}")).expect("number"),
    )
}

#[test]
fn it_is_64_hex_digits_without_the_number() {
    let key = key("u", "c", "a", 123);
    assert_eq!(key.as_str().len(), 64);
    assert!(key.as_str().bytes().all(|b| b.is_ascii_hexdigit()));
}

#[test]
fn text_that_moves_between_fields_moves_the_key() {
    assert_ne!(key("ab", "c", "a", 100), key("a", "bc", "a", 100));
    assert_ne!(key("a:b", "c", "a", 100), key("a", "b:c", "a", 100));
}

proptest! {
    /// The hashed bytes can be decoded, so two different tuples never hash the same bytes.
    #[test]
    fn the_encoding_loses_nothing(fields in prop::array::uniform4("\\PC{0,12}|[:|\\x00-\\x20]{0,4}")) {
        let decoded = decode(&encode(fields.each_ref().map(String::as_str)));
        prop_assert_eq!(decoded, fields.to_vec());
    }

    #[test]
    fn no_two_tuples_give_one_key(
        a in ("[a-c:|]{1,3}", "[a-c:|]{1,3}", "[a-c:|]{1,3}", 100u32..104),
        b in ("[a-c:|]{1,3}", "[a-c:|]{1,3}", "[a-c:|]{1,3}", 100u32..104),
    ) {
        let same = key(&a.0, &a.1, &a.2, a.3) == key(&b.0, &b.1, &b.2, b.3);
        prop_assert_eq!(same, a == b);
    }
}

use proptest::prelude::*;

use super::*;

#[test]
fn a_key_has_1_to_255_visible_ascii_characters() {
    for text in ["!", "~", "6f1c2d9e-1b7a", &"k".repeat(255)] {
        assert!(IdempotencyKey::parse(text.as_bytes()).is_ok(), "{text}");
    }
    for text in ["", " ", "a b", "a\tb", "a\u{7f}", "ключ", &"k".repeat(256)] {
        assert!(IdempotencyKey::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn neither_the_key_nor_its_hash_is_shown() {
    let key = IdempotencyKey::parse(b"order-4711").expect("a valid key");
    assert_eq!(key.as_hash().len(), 64);
    assert_eq!(format!("{key:?}"), "IdempotencyKey(..)");
    let digest = RequestDigest::of([("reason", b"debt".as_slice())]);
    assert_eq!(format!("{digest:?}"), "RequestDigest(..)");
    assert_eq!(RequestDigest::parse(digest.as_str()).as_ref(), Ok(&digest));
    for text in ["", "ab", &"g".repeat(64), &"A".repeat(64)] {
        assert!(RequestDigest::parse(text).is_err(), "{text}");
    }
}

proptest! {
    /// Different lists of fields have different digests, also if their bytes are the same in a row.
    #[test]
    fn a_digest_tells_requests_apart(
        one in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..3),
        other in prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..3),
    ) {
        let digest = |fields: &[(String, String)]| {
            RequestDigest::of(fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
        };
        prop_assert_eq!(one == other, digest(&one) == digest(&other));
    }
}

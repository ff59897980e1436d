use super::*;

#[test]
fn a_sequence_is_a_number_without_a_sign() {
    assert_eq!(sequence("0"), Some(EventSequence::START));
    assert_eq!(sequence("9223372036854775807").map(EventSequence::number), Some(i64::MAX));
    for text in ["", "-1", "+1", " 1", "1.0", "0x1", "9223372036854775808", "\u{661}"] {
        assert_eq!(sequence(text), None, "{text:?}");
    }
}

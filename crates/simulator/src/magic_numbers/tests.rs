use std::collections::HashSet;

use super::*;

#[test]
fn every_number_is_fictional_unique_and_valid() {
    let mut numbers = HashSet::new();
    let mut names = HashSet::new();
    for magic in MAGIC_NUMBERS {
        let rest = magic.number.strip_prefix("+1416555").expect("one exchange");
        assert!(matches!(rest.parse::<u32>(), Ok(110..=199)), "{}", magic.name);
        assert!(numbers.insert(magic.number) && names.insert(magic.name), "{}", magic.name);
        assert_eq!(magic.behaviour().validate(), Ok(()), "{}", magic.name);
    }
}

#[test]
fn any_other_number_answers() {
    assert_eq!(behaviour_of("+442079460000"), Behaviour::Answer { after_ms: 500 });
}

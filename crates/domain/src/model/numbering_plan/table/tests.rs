use super::*;

#[test]
fn the_table_is_readable_and_no_two_ranges_overlap() {
    let ranges = &TABLE.ranges;
    assert!(ranges.len() > 10_000);
    for range in ranges {
        assert!(range.first <= range.last && range.first.to_string().len() == range.digits, "{range:?}");
        assert!((6..=15).contains(&range.digits), "{range:?} is not readable as a phone number");
        assert!(range.country.is_none_or(|country| country.as_str().len() == 2), "{range:?}");
    }
    for pair in ranges.windows(2) {
        assert!(pair[0].digits < pair[1].digits || pair[0].last < pair[1].first, "{pair:?}");
    }
}

#[test]
fn a_number_is_found_from_the_first_to_the_last_one_of_its_range() {
    for range in &TABLE.ranges {
        for number in [range.first, range.last] {
            assert_eq!(find(&number.to_string()), Some(range));
        }
    }
    assert_eq!(find(""), None);
    assert_eq!(find("999999999999999"), None);
}

#[test]
fn a_table_with_an_unknown_word_or_without_a_section_is_refused() {
    let table = parse("XX 12 0\nXX standard\n123-124 6\n").expect("it is readable");
    assert_eq!((table.countries.len(), table.ranges.len()), (1, 1));
    for broken in ["123 6\n", "XX lunar\n", "XX standard\n123 2\n", "XX standard\n123 x\n", "XX\n"] {
        assert!(parse(broken).is_none(), "{broken:?}");
    }
}

#[test]
fn every_country_of_a_range_has_a_calling_code_with_which_its_numbers_begin() {
    for range in &TABLE.ranges {
        let Some(country) = range.country else { continue };
        let entry = super::country(country.as_str()).expect("the country is listed");
        assert!(range.first.to_string().starts_with(entry.calling_code), "{entry:?} {range:?}");
    }
}

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_query_is_read_or_refused(query in "[ -~é]{0,80}") {
        let _ = HistoryParameters::parse(&query);
    }

    #[test]
    fn accepted_parameters_are_within_their_bounds(limit in any::<u32>(), offset in any::<u32>()) {
        let filter = HistoryParameters::parse(&format!("limit={limit}&offset={offset}"));
        let expected = (1..=200).contains(&limit) && offset <= 100_000;
        prop_assert_eq!(filter.ok().map(|it| (it.limit, it.offset)), expected.then_some((limit, offset)));
    }
}

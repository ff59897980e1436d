use super::*;

fn shares(total: usize, of_one: usize) -> Arc<Shares<&'static str>> {
    Arc::new(Shares::new(total, of_one))
}

#[test]
fn one_holder_has_at_most_its_maximum_and_another_one_finds_a_permit() {
    let shares = shares(4, 3);
    let mut held: Vec<_> = (0..3).map(|_| shares.take(&"a").expect("a permit")).collect();
    assert!(shares.take(&"a").is_none());
    let other = shares.take(&"b").expect("a permit");
    assert_eq!((shares.held(), shares.held_by_each()), (4, BTreeMap::from([("a", 3), ("b", 1)])));
    drop(other);
    held.pop();
    held.push(shares.take(&"a").expect("one was given back"));
    assert!(shares.take(&"a").is_none());
    drop(held);
    assert_eq!((shares.held(), shares.held_by_each()), (0, BTreeMap::new()));
}

#[test]
fn all_holders_together_have_at_most_the_total() {
    let shares = shares(3, 2);
    let held = ["a", "a", "b"].map(|holder| shares.take(&holder).expect("a permit"));
    assert!(shares.take(&"b").is_none());
    assert!(shares.take(&"c").is_none());
    drop(held);
    assert!(shares.take(&"c").is_some());
}

#[test]
fn a_share_is_rounded_down_and_never_empty() {
    let share = |percent| MaxShare::from_percent(percent).expect("a valid part");
    for (percent, permits, expected) in
        [(75, 64, 48), (75, 10_000, 7500), (75, 5, 3), (75, 1, 1), (1, 1, 1), (1, 250, 2), (100, 7, 7)]
    {
        assert_eq!(share(percent).of(permits), expected, "{percent} % of {permits}");
    }
    assert_eq!(share(100).of(usize::MAX), usize::MAX);
    assert_eq!(MaxShare::default(), share(75));
    for percent in [0, 101, 255] {
        assert_eq!(MaxShare::from_percent(percent), Err(InvalidValue("a part from 1 to 100 percent")));
    }
}

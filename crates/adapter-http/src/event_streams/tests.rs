use super::*;

fn user(n: usize) -> UserId {
    UserId::parse(&format!("u{n}")).expect("an id")
}

#[test]
fn a_user_has_at_most_20_streams_and_a_closed_one_makes_room() {
    let open = Arc::default();
    let mut permits: Vec<_> = (0..MAX_STREAMS_PER_USER)
        .map(|_| StreamPermit::acquire(&open, &user(1)).expect("a permit"))
        .collect();
    assert!(StreamPermit::acquire(&open, &user(1)).is_none());
    let other = StreamPermit::acquire(&open, &user(2));
    assert!(other.is_some());
    permits.pop();
    assert!(StreamPermit::acquire(&open, &user(1)).is_some());
    drop((permits, other));
    let counted = open.lock().expect("no test panics");
    assert_eq!((counted.all, counted.by_user.len()), (0, 0));
}

#[test]
fn a_process_has_at_most_1000_streams() {
    let open = Arc::default();
    let take = |n| StreamPermit::acquire(&open, &user(n));
    let mut permits: Vec<_> = (0..MAX_STREAMS).map(|n| take(n).expect("a permit")).collect();
    assert!(take(MAX_STREAMS).is_none());
    permits.pop();
    assert!(take(MAX_STREAMS).is_some());
}

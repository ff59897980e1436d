use super::*;

const STALL: Duration = Duration::from_secs(4);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_sender_at_the_minimum_rate_may_go_on_and_a_slower_one_may_not() {
    let (mut steady, mut slow) = (MinimumRate::new(16 * 1024, STALL), MinimumRate::new(16 * 1024, STALL));
    for _ in 0..100 {
        steady.received(16 * 1024, SECOND);
        slow.received(12 * 1024, SECOND);
    }
    assert_eq!(steady.longest_wait(), STALL);
    // It lost a quarter of a second each second, and earns what it waits for in the end.
    assert!(slow.longest_wait() < SECOND, "{:?}", slow.longest_wait());
}

#[test]
fn a_sender_that_was_quick_may_not_stall_for_longer() {
    let mut rate = MinimumRate::new(16 * 1024, STALL);
    rate.received(16 * 1024 * 1024, Duration::ZERO);
    assert_eq!(rate.longest_wait(), STALL);
    rate.received(1, STALL - SECOND);
    assert!((SECOND..SECOND * 2).contains(&rate.longest_wait()), "{:?}", rate.longest_wait());
}

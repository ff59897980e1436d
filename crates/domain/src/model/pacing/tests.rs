use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

fn trunk(calls_per_second: u32) -> Pace {
    Pace::of_trunk(TrunkId::parse("trunk-1").expect("an id"), calls_per_second)
}

fn number(calls_per_minute: u32) -> Pace {
    let limit = NonZeroU32::new(calls_per_minute).expect("a limit");
    Pace::of_number(ProviderNumberId::parse("number-1").expect("an id"), limit)
}

/// Takes a slot, and keeps it if it is near enough.
fn take(taken: &mut [Option<TakenSlots>], paces: &[Pace], now: Timestamp, longest_wait: Duration) -> Slot {
    let slot = Slot::next(now, paces.iter().zip(taken.iter().map(Option::as_ref)), longest_wait);
    if let Slot::In(wait) = slot {
        for (taken, pace) in taken.iter_mut().zip(paces) {
            *taken = Some(TakenSlots::with(taken.as_ref(), now.after(wait), pace, now));
        }
    }
    slot
}

fn last(slot: Timestamp) -> Option<TakenSlots> {
    Some(TakenSlots { last: slot, gaps: Vec::new() })
}

#[test]
fn a_trunk_stays_at_nine_tenths_of_what_the_carrier_allows() {
    assert_eq!(trunk(1).interval, Duration::from_micros(1_111_112));
    assert_eq!(trunk(10).interval, Duration::from_micros(111_112));
    assert_eq!(number(6).interval, Duration::from_secs(10));
    assert_eq!(number(7).interval, Duration::from_micros(8_571_429), "never shorter");
}

#[test]
fn the_first_call_starts_immediately_and_the_next_ones_follow_one_by_one() {
    let (paces, mut last) = ([number(60)], [None]);
    for second in 0..4 {
        let slot = take(&mut last, &paces, NOW, Duration::from_secs(3));
        assert_eq!(slot, Slot::In(Duration::from_secs(second)));
    }
    let refused = Slot::Beyond(Duration::from_secs(4));
    assert_eq!(take(&mut last, &paces, NOW, Duration::from_secs(3)), refused);
    assert_eq!(take(&mut last, &paces, NOW, Duration::from_secs(3)), refused, "it took nothing");
    let later = NOW.after(Duration::from_millis(1500));
    assert_eq!(take(&mut last, &paces, later, Duration::from_secs(3)), Slot::In(Duration::from_millis(2500)));
}

#[test]
fn the_slowest_scope_decides() {
    let (paces, mut last) = ([trunk(1), number(6)], [None, None]);
    assert_eq!(take(&mut last, &paces, NOW, Duration::ZERO), Slot::In(Duration::ZERO));
    assert_eq!(take(&mut last, &paces, NOW, Duration::ZERO), Slot::Beyond(Duration::from_secs(10)));
    let mut other = [last[0].clone(), None];
    assert_eq!(take(&mut other, &paces, NOW, Duration::ZERO), Slot::Beyond(Duration::from_millis(1112)));
}

#[test]
fn a_slot_from_before_the_clock_was_set_back_does_not_count() {
    let paces = [number(60)];
    let mut last = [self::last(NOW.after(Slot::FARTHEST + Duration::from_millis(1)))];
    assert_eq!(take(&mut last, &paces, NOW, Duration::ZERO), Slot::In(Duration::ZERO));
    let mut last = [self::last(NOW.after(Slot::FARTHEST))];
    let refused = Slot::Beyond(Slot::FARTHEST + Duration::from_secs(1));
    assert_eq!(take(&mut last, &paces, NOW, Duration::from_secs(30)), refused);
}

/// A trunk with one call per second, and numbers with one in ten seconds.
#[test]
fn a_call_that_waits_for_its_number_leaves_the_trunk_to_others() {
    let (paces, longest_wait) = ([trunk(1), number(6)], Duration::from_secs(30));
    let mut slow = [None, None];
    assert_eq!(take(&mut slow, &paces, NOW, longest_wait), Slot::In(Duration::ZERO));
    assert_eq!(take(&mut slow, &paces, NOW, longest_wait), Slot::In(Duration::from_secs(10)));
    let mut of_trunk = [slow[0].clone()];
    let waits: Vec<Slot> = (0..9).map(|_| take(&mut of_trunk, &paces[..1], NOW, longest_wait)).collect();
    let expected = [1112, 2224, 3336, 4448, 5560, 6672, 7784, 11_112, 12_224].map(Duration::from_millis);
    assert_eq!(waits, expected.map(Slot::In), "the slot at 8.896 s is too close to that at 10 s");
}

proptest! {
    /// Calls of many numbers over one trunk: each one starts as early as all slots before it allow.
    #[test]
    fn a_slot_is_the_first_one_that_keeps_all_intervals(
        calls_per_second in 1_u32..5,
        calls_per_minute in 4_u32..60,
        calls in prop::collection::vec((0_usize..4, 0_u64..2000), 1..60),
    ) {
        let paces = [trunk(calls_per_second), number(calls_per_minute)];
        let intervals = [paces[0].in_whole_millis(), paces[1].in_whole_millis()];
        let (mut of_trunk, mut of_numbers) = (None, vec![None; 4]);
        let (mut now, mut starts) = (NOW, Vec::<(usize, Timestamp)>::new());
        for (number, pause) in calls {
            now = now.after(Duration::from_millis(pause));
            let mut taken = [of_trunk.take(), of_numbers[number].take()];
            let slot = take(&mut taken, &paces, now, Duration::from_secs(20));
            [of_trunk, of_numbers[number]] = taken;
            let is_free = |at: Timestamp| starts.iter().all(|(of, start)| {
                let apart = at.since(*start).max(start.since(at));
                apart >= intervals[0] && (*of != number || apart >= intervals[1])
            });
            // The first free time is now, or an interval behind a slot.
            let behind = |(_, start): &(usize, Timestamp)| intervals.map(|interval| start.after(interval));
            let times = starts.iter().flat_map(behind).chain([now]).filter(|at| *at >= now && is_free(*at));
            let wait = times.min().expect("behind the last slot").since(now);
            let is_near = wait <= Duration::from_secs(20);
            prop_assert_eq!(slot, if is_near { Slot::In(wait) } else { Slot::Beyond(wait) });
            if is_near {
                starts.push((number, now.after(wait)));
            }
        }
    }

    /// Whatever asks whenever: slots keep every interval, and none is later than it must be.
    #[test]
    fn slots_are_never_closer_than_the_interval(
        calls_per_second in 1_u32..40,
        calls_per_minute in 1_u32..600,
        pauses in prop::collection::vec(0_u64..3000, 1..60),
        longest_wait in 0_u64..20_000,
    ) {
        let (paces, mut last) = ([trunk(calls_per_second), number(calls_per_minute)], [None, None]);
        let interval = paces[0].interval.max(paces[1].interval);
        let longest_wait = Duration::from_millis(longest_wait);
        let (mut now, mut slots) = (NOW, Vec::<Timestamp>::new());
        for pause in pauses {
            now = now.after(Duration::from_millis(pause));
            match take(&mut last, &paces, now, longest_wait) {
                Slot::In(wait) => {
                    prop_assert!(wait <= longest_wait);
                    slots.push(now.after(wait));
                }
                Slot::Beyond(wait) => {
                    prop_assert!(wait > longest_wait);
                    prop_assert_eq!(take(&mut last.clone(), &paces, now, wait), Slot::In(wait), "it is free");
                }
            }
        }
        for pair in slots.windows(2) {
            prop_assert!(pair[1].since(pair[0]) >= interval, "{:?} < {:?}", pair[1].since(pair[0]), interval);
        }
    }

    /// Calls over a busy trunk that start up to 250 ms after their slots, as `PlaceCall` lets them: a
    /// carrier that allows up to 8 in a second never sees more than one more, in whatever second.
    #[test]
    fn a_second_never_has_more_than_one_call_too_many(
        calls_per_second in 1_u32..=8,
        delays in prop::collection::vec(0_u64..=250, 2..80),
    ) {
        let (paces, mut last) = ([trunk(calls_per_second)], [None]);
        let (mut now, mut starts) = (NOW, Vec::new());
        for delay in delays {
            let Slot::In(wait) = take(&mut last, &paces, now, Duration::MAX) else { unreachable!("it may wait") };
            now = now.after(wait);
            starts.push(now.after(Duration::from_millis(delay)));
        }
        starts.sort_unstable();
        let second = Duration::from_millis(999);
        for (index, start) in starts.iter().enumerate() {
            let within = starts[index..].iter().take_while(|it| it.since(*start) <= second).count();
            prop_assert!(within <= calls_per_second as usize + 1, "{within} in a second");
        }
    }
}

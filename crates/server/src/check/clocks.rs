use domain::{ClockAgreement, ClockReading};

use super::Finding;

pub(super) const CLOCKS: &str = "clocks";

/// Compares the clock of a store with that of this host.
pub(super) fn of(store: &str, reading: &ClockReading) -> Finding {
    let remedy = "let a time service set the clocks of all hosts, slowly while calls are placed";
    let difference = reading.difference();
    let direction = if reading.ahead() > reading.behind() { "ahead of" } else { "behind" };
    let found = format!("{:.1} s {direction} this host", difference.as_secs_f64());
    let finding = match reading.agreement() {
        ClockAgreement::Close => Finding::ok(CLOCKS, "as on this host"),
        ClockAgreement::Apart => Finding::warning(CLOCKS, found, remedy),
        ClockAgreement::FarApart => Finding::failed(CLOCKS, found, remedy),
    };
    finding.about(store)
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::super::State;
    use super::*;

    #[test]
    fn a_clock_that_differs_is_named_with_its_direction() {
        let time = Timestamp::from_unix_millis;
        for (theirs, state, found) in [
            (100_900, State::Ok, "as on this host"),
            (102_500, State::Warning, "2.5 s ahead of this host"),
            (90_000, State::Failed, "10.0 s behind this host"),
        ] {
            let reading =
                ClockReading { asked_at: time(100_000), theirs: time(theirs), answered_at: time(100_000) };
            let finding = of("redis", &reading);
            assert_eq!((finding.state, finding.found.as_str()), (state, found));
        }
    }
}

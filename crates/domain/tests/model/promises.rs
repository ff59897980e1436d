//! No two accepted dials of one intent within the window, under each fault and under each pair.

use rstest::rstest;

use crate::scope::{Fault, Scope};
use crate::search::search;

/// The runs of each search.
const RUNS: u32 = 400;

fn holds(faults: &[Fault]) {
    if let Some(counterexample) = search(&Scope::of(faults), RUNS) {
        panic!("{counterexample}");
    }
}

#[test]
fn without_a_fault() {
    holds(&[]);
}

#[rstest]
fn under_one_fault(
    #[values(
        Fault::Crash,
        Fault::Pause,
        Fault::LostRedis,
        Fault::RedisDown,
        Fault::PostgresDown,
        Fault::SlowProvider,
        Fault::ClockStep
    )]
    fault: Fault,
) {
    holds(&[fault]);
}

#[rstest]
#[case::crash_crash(Fault::Crash, Fault::Crash)]
#[case::crash_pause(Fault::Crash, Fault::Pause)]
#[case::crash_lost_redis(Fault::Crash, Fault::LostRedis)]
#[case::crash_redis_down(Fault::Crash, Fault::RedisDown)]
#[case::crash_postgres_down(Fault::Crash, Fault::PostgresDown)]
#[case::crash_slow_provider(Fault::Crash, Fault::SlowProvider)]
#[case::crash_clock_step(Fault::Crash, Fault::ClockStep)]
#[case::pause_pause(Fault::Pause, Fault::Pause)]
#[case::pause_lost_redis(Fault::Pause, Fault::LostRedis)]
#[case::pause_redis_down(Fault::Pause, Fault::RedisDown)]
#[case::pause_postgres_down(Fault::Pause, Fault::PostgresDown)]
#[case::pause_slow_provider(Fault::Pause, Fault::SlowProvider)]
#[case::pause_clock_step(Fault::Pause, Fault::ClockStep)]
#[case::lost_redis_lost_redis(Fault::LostRedis, Fault::LostRedis)]
#[case::lost_redis_redis_down(Fault::LostRedis, Fault::RedisDown)]
#[case::lost_redis_postgres_down(Fault::LostRedis, Fault::PostgresDown)]
#[case::lost_redis_slow_provider(Fault::LostRedis, Fault::SlowProvider)]
#[case::lost_redis_clock_step(Fault::LostRedis, Fault::ClockStep)]
#[case::redis_down_redis_down(Fault::RedisDown, Fault::RedisDown)]
#[case::redis_down_postgres_down(Fault::RedisDown, Fault::PostgresDown)]
#[case::redis_down_slow_provider(Fault::RedisDown, Fault::SlowProvider)]
#[case::redis_down_clock_step(Fault::RedisDown, Fault::ClockStep)]
#[case::postgres_down_postgres_down(Fault::PostgresDown, Fault::PostgresDown)]
#[case::postgres_down_slow_provider(Fault::PostgresDown, Fault::SlowProvider)]
#[case::postgres_down_clock_step(Fault::PostgresDown, Fault::ClockStep)]
#[case::slow_provider_slow_provider(Fault::SlowProvider, Fault::SlowProvider)]
#[case::slow_provider_clock_step(Fault::SlowProvider, Fault::ClockStep)]
#[case::clock_step_clock_step(Fault::ClockStep, Fault::ClockStep)]
fn under_two_faults(#[case] first: Fault, #[case] second: Fault) {
    holds(&[first, second]);
}

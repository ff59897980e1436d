//! Which faults a run injects, and when: decided by the seed alone, before the run.

use std::time::Duration;

use fastrand::Rng;

use super::fault::{Fault, Lane};
use super::topology::Topology;

/// One fault, from its beginning to its end.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) fault: Fault,
}

/// A part of the run in which certain faults are drawn.
const PHASE: Duration = Duration::from_secs(12);
/// Without faults, before and after the clocks of stores are stepped. A lock that was lost before
/// such a step and a reservation that ends early because of it are two faults of one intent, which
/// is a documented limit.
const CALM: Duration = Duration::from_secs(6);

/// The faults of `time` in these lanes, in the order in which they begin.
pub(crate) fn plan(rng: &mut Rng, topology: Topology, lanes: &[Lane], time: Duration) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut phase_begins = Duration::from_secs(1);
    while phase_begins < time {
        let stepping = lanes.contains(&Lane::Clocks) && rng.u8(..4) == 0;
        let (from, until) = if stepping {
            (phase_begins + CALM, phase_begins + CALM + PHASE)
        } else {
            (phase_begins, phase_begins + PHASE)
        };
        for lane in lanes.iter().copied() {
            if lane.steps_clocks() == stepping || lane.fits_every_phase() {
                planned.extend(fill(&mut rng.fork(), topology, lane, from, until));
            }
        }
        phase_begins = if stepping { until + CALM } else { until };
    }
    planned.retain(|planned| planned.until < time);
    planned.sort_by_key(|planned| planned.from);
    planned
}

/// The faults of one lane, one after another.
fn fill(rng: &mut Rng, topology: Topology, lane: Lane, from: Duration, until: Duration) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut at = from;
    loop {
        at += Duration::from_millis(rng.u64(lane.pauses_ms()));
        let fault = lane.draw(rng, topology);
        let end = at + fault.lasts(rng);
        if end >= until {
            return planned;
        }
        planned.push(Planned { from: at, until: end, fault });
        at = end;
    }
}

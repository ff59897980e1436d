use std::time::Duration;

use domain::ports::{CallWatch, FoundBy};
use domain::{RateLimit, RefusalCode};
use metrics::{Counter, Histogram};

use super::Registry;
use super::table::{CALLS, DUPLICATES, PACING_WAIT, RATE_LIMITED, REFUSALS};

/// Counts duplicates and refusals, and measures waits.
pub(crate) struct CallCounts {
    refused: Counter,
    by_lock: Counter,
    by_key: Counter,
    by_ledger: Counter,
    in_flight: Counter,
    undecided: Counter,
    codes: Vec<(RefusalCode, Counter)>,
    too_fast: Counter,
    too_many_of_organization: Counter,
    too_many_of_trunk: Counter,
    wait: Histogram,
}

impl CallCounts {
    pub(crate) fn new(registry: &Registry, provider: &'static str) -> Self {
        let duplicates = |by| registry.counter(&DUPLICATES, &[by]);
        let limited = |limit| registry.counter(&RATE_LIMITED, &[limit]);
        Self {
            refused: registry.counter(&CALLS, &["refused", provider]),
            by_lock: duplicates("lock"),
            by_key: duplicates("key"),
            by_ledger: duplicates("ledger"),
            in_flight: duplicates("in_flight"),
            undecided: duplicates("undecided"),
            codes: RefusalCode::ALL
                .into_iter()
                .map(|code| (code, registry.counter(&REFUSALS, &[code.as_str()])))
                .collect(),
            too_fast: limited("pace"),
            too_many_of_organization: limited("organization_calls"),
            too_many_of_trunk: limited("trunk_calls"),
            wait: registry.histogram(&PACING_WAIT, &[]),
        }
    }
}

impl CallWatch for CallCounts {
    fn duplicate(&self, found_by: FoundBy) {
        let counter = match found_by {
            FoundBy::Lock => &self.by_lock,
            FoundBy::Key => &self.by_key,
            FoundBy::Ledger => &self.by_ledger,
            FoundBy::InFlight => &self.in_flight,
            FoundBy::Undecided => &self.undecided,
        };
        counter.increment(1);
    }

    fn refused(&self, codes: &[RefusalCode]) {
        self.refused.increment(1);
        for (_, counter) in self.codes.iter().filter(|(code, _)| codes.contains(code)) {
            counter.increment(1);
        }
    }

    fn rate_limited(&self, limit: RateLimit) {
        let counter = match limit {
            RateLimit::Pace => &self.too_fast,
            RateLimit::OrganizationCalls => &self.too_many_of_organization,
            RateLimit::TrunkCalls => &self.too_many_of_trunk,
        };
        counter.increment(1);
    }

    fn waited(&self, time: Duration) {
        self.wait.record(time);
    }
}

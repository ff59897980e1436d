use domain::RefusalCode;
use domain::ports::{CallWatch, FoundBy};
use metrics::Counter;

use super::Registry;
use super::table::{CALLS, DUPLICATES, REFUSALS};

/// Counts duplicates and refusals.
pub(crate) struct CallCounts {
    refused: Counter,
    by_lock: Counter,
    by_key: Counter,
    by_ledger: Counter,
    in_flight: Counter,
    undecided: Counter,
    codes: Vec<(RefusalCode, Counter)>,
}

impl CallCounts {
    pub(crate) fn new(registry: &Registry, provider: &'static str) -> Self {
        let duplicates = |by| registry.counter(&DUPLICATES, &[by]);
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
}

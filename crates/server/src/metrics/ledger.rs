use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use domain::ports::{Backlog, Clock, LedgerFigures};

use super::Registry;
use super::table::{
    CALLS_LIVE, CALLS_UNKNOWN, DELIVERIES_DEAD, DELIVERIES_OLDEST, DELIVERIES_PENDING, INBOX_OLDEST,
    INBOX_PENDING, INBOX_POSTPONED, INBOX_POSTPONED_OLDEST, Metric, OLDEST_UNKNOWN, OUTBOX_OLDEST,
    OUTBOX_PENDING,
};

/// The gauges of the ledger. They are those of all replicas, so only the replica shows them that has the
/// lease to measure it, and no longer than its lease: a sum over the replicas is then the figure itself.
///
/// A gauge cannot be taken back from a registry. Each measurement has a registry of its own, which is
/// shown or not as a whole.
pub(crate) struct LedgerGauges {
    clock: Arc<dyn Clock>,
    shown: Mutex<Option<Shown>>,
}

struct Shown {
    text: String,
    /// On the monotonic clock.
    until: Duration,
}

impl LedgerGauges {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, shown: Mutex::default() }
    }

    /// Shows these figures until this time on the monotonic clock.
    pub(crate) fn show(&self, figures: &LedgerFigures, until: Duration) {
        *self.shown() = Some(Shown { text: render(figures, self.clock.now()), until });
    }

    /// Another replica has the lease.
    pub(crate) fn hide(&self) {
        *self.shown() = None;
    }

    /// The gauges in the text format of Prometheus, while this replica has the lease.
    pub(crate) fn render(&self) -> Option<String> {
        let shown = self.shown();
        let is_valid = |shown: &&Shown| self.clock.monotonic() < shown.until;
        shown.as_ref().filter(is_valid).map(|shown| shown.text.clone())
    }

    fn shown(&self) -> MutexGuard<'_, Option<Shown>> {
        // Each operation replaces the whole value.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn render(figures: &LedgerFigures, at: Timestamp) -> String {
    let registry = Registry::new();
    let set = |metric: &Metric, values: &[&'static str], value: u64| {
        registry.gauge(metric, values).set(value as f64);
    };
    set(&CALLS_LIVE, &["dialling"], figures.dialling);
    set(&CALLS_LIVE, &["ringing"], figures.ringing);
    set(&CALLS_LIVE, &["in_progress"], figures.in_progress);
    set(&DELIVERIES_DEAD, &[], figures.dead);
    let backlogs = [
        (&CALLS_UNKNOWN, &OLDEST_UNKNOWN, figures.unknown),
        (&INBOX_PENDING, &INBOX_OLDEST, figures.inbox),
        (&INBOX_POSTPONED, &INBOX_POSTPONED_OLDEST, figures.postponed),
        (&OUTBOX_PENDING, &OUTBOX_OLDEST, figures.outbox),
        (&DELIVERIES_PENDING, &DELIVERIES_OLDEST, figures.deliveries),
    ];
    for (count, age, Backlog { pending, oldest }) in backlogs {
        set(count, &[], pending);
        let oldest = oldest.map(|oldest| at.since(oldest)).unwrap_or_default();
        registry.gauge(age, &[]).set(oldest.as_secs_f64());
    }
    registry.render()
}

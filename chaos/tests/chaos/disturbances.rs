use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::evidence::{Disturbance, Part};
use super::watch::Watch;

/// Which parts do not work as usual, and since when. Clones share the record.
#[derive(Clone)]
pub(crate) struct Disturbances {
    watch: Watch,
    recorded: Arc<Mutex<Vec<Disturbance>>>,
}

impl Disturbances {
    pub(crate) fn new(watch: Watch) -> Self {
        Self { watch, recorded: Arc::default() }
    }

    /// The part is disturbed from now on.
    pub(crate) fn begin(&self, part: Part) {
        let from = self.watch.now();
        self.lock().push(Disturbance { part, from, until: Duration::MAX });
    }

    /// Every disturbance of the part ends now.
    pub(crate) fn end(&self, part: Part) {
        let now = self.watch.now();
        let mut recorded = self.lock();
        let open = recorded.iter_mut().filter(|disturbance| disturbance.part == part);
        open.filter(|disturbance| disturbance.until == Duration::MAX).for_each(|open| open.until = now);
    }

    pub(crate) fn all(&self) -> Vec<Disturbance> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Disturbance>> {
        self.recorded.lock().expect("no panic while disturbances are recorded")
    }
}

//! Watches the locks and the reservations during a run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::view::{Locks, Reservations, View};
use super::watch::Watch;

/// What a moment between `from` and `until` showed. `None` where the store did not respond.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) locks: Option<Locks>,
    pub(crate) reservations: Option<Reservations>,
}

/// Takes samples until it is stopped.
pub(crate) struct Observer {
    samples: Arc<Mutex<Vec<Sample>>>,
    sampling: JoinHandle<()>,
}

const EVERY: Duration = Duration::from_millis(40);

impl Observer {
    pub(crate) fn start(view: &View, watch: Watch) -> Self {
        let samples: Arc<Mutex<Vec<Sample>>> = Arc::default();
        let (taken, mut of_locks, mut of_reservations) = (samples.clone(), view.clone(), view.clone());
        let sampling = tokio::spawn(async move {
            loop {
                let from = watch.now();
                let (locks, reservations) = tokio::join!(of_locks.locks(), of_reservations.reservations());
                let (until, locks, reservations) = (watch.now(), locks.ok(), reservations.ok());
                let sample = Sample { from, until, locks, reservations };
                taken.lock().expect("no panic while samples are written").push(sample);
                sleep(EVERY).await;
            }
        });
        Self { samples, sampling }
    }

    /// Stops, and returns the samples in the order of their moments.
    pub(crate) fn stop(self) -> Vec<Sample> {
        self.sampling.abort();
        std::mem::take(&mut self.samples.lock().expect("no panic while samples are written"))
    }
}

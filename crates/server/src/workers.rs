//! The background loops of every replica: merging provider events, reconciling overdue calls,
//! fetching recordings, publishing call events and delivering them.

mod deliveries;
mod leased;
mod measuring;
mod retention;
mod vendors;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::Authenticator;
use domain::ports::{Background, BackgroundWork, PortUnavailable, VendorAccounts};
use domain::{ReceiveEvent, Reconcile, RecoverRecordings, RefusalLog, RemoveReservations};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

pub(crate) use self::deliveries::PublishTimes;
pub(crate) use self::retention::Retention;

/// The running workers.
pub(crate) struct Workers {
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Notified when this process has written call events.
    written: Arc<Notify>,
}

/// Finds events that another replica stored, or that were postponed.
const INBOX_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The pause of a worker after a store was unavailable.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// The rows of five minutes are few, and reading the table in Postgres is a scan.
const REMOVE_RESERVATIONS_INTERVAL: Duration = Duration::from_mins(5);
/// How late the counts of refused requests are.
const WRITE_REFUSALS_INTERVAL: Duration = Duration::from_secs(5);
/// How long a stop waits for running work. Another worker repeats what is not finished by then.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// When a worker without work looks for work again.
struct Schedule {
    poll_interval: Duration,
    /// The pause after a store was unavailable.
    retry_pause: Duration,
    /// Ends the wait for the next poll early.
    woken_by: Arc<Notify>,
    /// The pause after each run, which nothing ends early.
    rest: Duration,
}

impl Schedule {
    /// Always the same pause, and no early end.
    fn every(pause: Duration) -> Self {
        Self { poll_interval: pause, retry_pause: pause, woken_by: Arc::default(), rest: Duration::ZERO }
    }
}

impl Workers {
    pub(crate) fn new() -> Self {
        Self { stop: CancellationToken::new(), tasks: TaskTracker::new(), written: Arc::default() }
    }

    /// To be notified when this process has written call events: it wakes the publisher.
    pub(crate) const fn written(&self) -> &Arc<Notify> {
        &self.written
    }

    /// Runs work beside requests; a stop waits for it.
    pub(crate) fn background(&self) -> Arc<dyn Background> {
        Arc::new(Tracked(self.tasks.clone()))
    }

    /// Merges provider events into the ledger, immediately after one was stored. A stop waits
    /// [`STOP_TIMEOUT`] for the current batch: storing a recording may take half a minute, or fail.
    pub(crate) fn apply_events(&self, receive_event: Arc<ReceiveEvent>, accepted: Arc<Notify>) {
        let stop = self.stop.clone();
        let schedule =
            Schedule { retry_pause: RETRY_PAUSE, woken_by: accepted, ..Schedule::every(INBOX_POLL_INTERVAL) };
        self.repeat(schedule, "could not merge provider events; they stay in the inbox", move || {
            let (receive_event, stop) = (receive_event.clone(), stop.clone());
            async move {
                tokio::select! {
                    () = stop_timeout(&stop) => Ok(0),
                    applied = receive_event.apply_open() => applied,
                }
            }
        });
    }

    /// Asks the provider about overdue calls, and gives up those that are too old. A stop cancels
    /// the current batch, because a provider that does not respond may take minutes for it. Another
    /// worker asks about these calls again.
    pub(crate) fn reconcile(&self, reconcile: Reconcile, every: Duration) {
        let (reconcile, stop) = (Arc::new(reconcile), self.stop.clone());
        self.repeat(
            Schedule::every(every),
            "could not reconcile overdue calls; trying again later",
            move || {
                let (reconcile, stop) = (reconcile.clone(), stop.clone());
                async move {
                    let report = tokio::select! {
                        () = stop.cancelled() => return Ok(0),
                        report = reconcile.run_once() => report?,
                    };
                    if report.asked > 0 {
                        let (asked, found) = (report.asked, report.found);
                        tracing::info!(
                            calls.asked = asked,
                            calls.found = found,
                            "asked the provider about overdue calls"
                        );
                    }
                    if report.given_up > 0 {
                        tracing::warn!(
                            calls.given_up = report.given_up,
                            "gave calls up: no source reported their end; clients see them as unknown"
                        );
                    }
                    Ok(report.asked + report.given_up)
                }
            },
        );
    }

    /// Fetches recordings that the provider did not deliver. A stop cancels the current batch;
    /// another worker fetches it again.
    pub(crate) fn recover_recordings(&self, recover: RecoverRecordings, every: Duration) {
        let (recover, stop) = (Arc::new(recover), self.stop.clone());
        self.repeat(
            Schedule::every(every),
            "could not fetch overdue recordings; trying again later",
            move || {
                let (recover, stop) = (recover.clone(), stop.clone());
                async move {
                    let asked = tokio::select! {
                        () = stop.cancelled() => return Ok(0),
                        asked = recover.run_once() => asked?,
                    };
                    if asked > 0 {
                        tracing::info!(calls.asked = asked, "asked the provider for recordings");
                    }
                    Ok(asked)
                }
            },
        );
    }

    /// Removes old reservations, and the idempotency keys of calls that ended long ago.
    pub(crate) fn remove_reservations(&self, remove: RemoveReservations) {
        let (remove, schedule) = (Arc::new(remove), Schedule::every(REMOVE_RESERVATIONS_INTERVAL));
        self.repeat(
            schedule,
            "could not remove old reservations and idempotency keys; trying again later",
            move || {
                let remove = remove.clone();
                async move {
                    remove.run_once().await.map(|removed| usize::try_from(removed).unwrap_or(usize::MAX))
                }
            },
        );
    }

    /// Writes the counts of refused requests, and once more on a stop, which follows the last request.
    pub(crate) fn write_refusals(&self, refusals: Arc<RefusalLog>) {
        let (last, stop) = (refusals.clone(), self.stop.clone());
        let failure = "could not write the counts of refused requests; they are written later";
        self.repeat(Schedule::every(WRITE_REFUSALS_INTERVAL), failure, move || {
            let refusals = refusals.clone();
            // Always the same pause, however many there were.
            async move { refusals.write().await.map(|_| 0) }
        });
        self.tasks.spawn(async move {
            stop.cancelled().await;
            if let Err(error) = last.write().await {
                tracing::warn!(%error, "could not write the counts of refused requests; they are lost");
            }
        });
    }

    /// Reads the key set of the tokens. The keys that were read last stay valid if that fails.
    pub(crate) fn refresh_keys(&self, authenticator: Arc<Authenticator>, every: Duration) {
        let failure = "could not read the key set of the tokens; the keys that were read last stay valid";
        self.repeat(Schedule::every(every), failure, move || {
            let authenticator = authenticator.clone();
            async move { authenticator.refresh_keys().await.map(|()| 0) }
        });
    }

    /// Reads what organizations stored of their own accounts. What was read last is used for a time if that
    /// fails.
    pub(crate) fn read_credentials(&self, accounts: Arc<dyn VendorAccounts>, every: Duration) {
        let failure =
            "could not read the credentials of organizations; those that were read last are used for a time";
        self.repeat(Schedule::every(every), failure, move || {
            let accounts = accounts.clone();
            async move { accounts.reload().await.map(|()| 0) }
        });
    }

    /// Runs `work` until a stop: again immediately, or after the rest of the schedule, while it
    /// returns that it did something, otherwise by the schedule. Nothing ends the pause after an
    /// error early: the worker would log the error again with each wake-up.
    fn repeat<W>(&self, schedule: Schedule, failure: &'static str, work: impl Fn() -> W + Send + 'static)
    where
        W: Future<Output = Result<usize, PortUnavailable>> + Send,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let (rest, pause) = match work().await {
                    Ok(0) => (schedule.rest, schedule.poll_interval),
                    Ok(_) => (schedule.rest, Duration::ZERO),
                    Err(error) => {
                        tracing::warn!(%error, "{failure}");
                        (schedule.retry_pause, Duration::ZERO)
                    }
                };
                let paused = async {
                    tokio::time::sleep(rest).await;
                    tokio::select! {
                        () = schedule.woken_by.notified(), if !pause.is_zero() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                };
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = paused => {}
                }
            }
        });
    }

    /// Lets running merges and deliveries finish for [`STOP_TIMEOUT`], and cancels questions to the
    /// provider.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

struct Tracked(TaskTracker);

impl Background for Tracked {
    fn run(&self, work: BackgroundWork) {
        // Its log lines belong to the request that started it.
        self.0.spawn(work.in_current_span());
    }
}

/// Returns [`STOP_TIMEOUT`] after a stop.
async fn stop_timeout(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_TIMEOUT).await;
}

#[cfg(test)]
mod tests;

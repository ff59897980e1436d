//! Where calls run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use domain::{PlaceCall, PlaceCallCommand, PlacedCall};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, TryAcquireError};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::failure::{Panicked, logged};
use crate::place_call_error::PlaceError;

/// Runs each call to its end, as a tracked task that no connection owns: a client that disconnects
/// cancels the wait for the response but not the call, and a shutdown can wait for the calls in
/// flight.
///
/// The runtime must be the one that the ports' connection pools belong to, and must outlive
/// [`CallRunner::drained`].
pub struct CallRunner {
    place_call: Arc<PlaceCall>,
    runtime: Handle,
    calls: TaskTracker,
    permits: Arc<Semaphore>,
    capacity: usize,
}

impl CallRunner {
    /// A runner that runs up to `max_in_flight` calls at the same time on `runtime`.
    #[must_use]
    pub fn new(place_call: Arc<PlaceCall>, runtime: Handle, max_in_flight: usize) -> Self {
        let capacity = max_in_flight.min(Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(capacity));
        Self { place_call, runtime, calls: TaskTracker::new(), permits, capacity }
    }

    /// Places the call, unless the runner is full or closed. Logs an error once, even if the client
    /// has gone.
    ///
    /// Dropping the future does not stop the call.
    pub(crate) async fn place(&self, command: PlaceCallCommand) -> Result<PlacedCall, PlaceError> {
        // The token is taken before the permit, so that `drained` waits for every call that gets a
        // permit.
        let tracked = self.calls.token();
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits) => return Err(logged(PlaceError::Full)),
            Err(TryAcquireError::Closed) => return Err(logged(PlaceError::Closed)),
        };
        let place_call = Arc::clone(&self.place_call);
        let call = async move {
            let outcome = AssertUnwindSafe(place_call.execute(command)).catch_unwind().await;
            let result = match outcome {
                Ok(result) => result.map_err(PlaceError::Refused),
                Err(_panic) => Err(PlaceError::Panicked(Panicked)),
            };
            let result = result.map_err(logged);
            drop((permit, tracked));
            result
        };
        let call = self.runtime.spawn(call.in_current_span());
        call.await.unwrap_or_else(|_| Err(logged(PlaceError::Panicked(Panicked))))
    }

    /// The number of calls in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.capacity - self.permits.available_permits().min(self.capacity)
    }

    /// Accepts no more calls.
    pub fn close(&self) {
        self.permits.close();
        self.calls.close();
    }

    /// Returns once the runner is closed and its last call has ended, however long that takes.
    pub async fn drained(&self) {
        self.calls.wait().await;
    }
}

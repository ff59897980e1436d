//! Where calls run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use domain::{PlaceCall, PlaceCallCommand, PlaceCallError, PlacedCall};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, TryAcquireError};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::error_answer::log_cause;

/// Runs each call to its end, on a runtime of its own, tracked: a client that hangs up cancels the wait for the answer and
/// not the call, and a shutdown can wait for the calls that are under way.
///
/// The runtime must be the one that the ports' pools belong to, and must outlive [`CallDesk::drained`].
pub struct CallDesk {
    place_call: Arc<PlaceCall>,
    runtime: Handle,
    calls: TaskTracker,
    seats: Arc<Semaphore>,
    capacity: usize,
}

/// Why there is no call, as the desk knows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// The use case said so.
    #[error(transparent)]
    Refused(PlaceCallError),
    /// As many calls are under way as may be; nothing was done.
    #[error("too many calls are in flight")]
    Full,
    /// The desk is closed; nothing was done.
    #[error("the gateway is shutting down")]
    Closed,
    /// The call broke off inside this process, at a place that nobody knows: the phone may have rung.
    #[error("the call broke off inside the gateway")]
    BrokeOff,
}

impl CallDesk {
    /// A desk that runs up to `max_in_flight` calls at once on `runtime`.
    #[must_use]
    pub fn new(place_call: Arc<PlaceCall>, runtime: Handle, max_in_flight: usize) -> Self {
        let capacity = max_in_flight.min(Semaphore::MAX_PERMITS);
        let seats = Arc::new(Semaphore::new(capacity));
        Self { place_call, runtime, calls: TaskTracker::new(), seats, capacity }
    }

    /// Places the call, unless there is no room for it.
    ///
    /// Dropping the future leaves the call running. Why a call failed on our side or the provider's is logged once, here,
    /// whether or not somebody waits for the answer.
    pub async fn place(&self, command: PlaceCallCommand) -> Result<PlacedCall, DeskError> {
        // The token is taken before the seat: a call that gets a seat is one that `drained` sees.
        let tracked = self.calls.token();
        let seat = match Arc::clone(&self.seats).try_acquire_owned() {
            Ok(seat) => seat,
            Err(TryAcquireError::NoPermits) => return Err(logged(DeskError::Full)),
            Err(TryAcquireError::Closed) => return Err(logged(DeskError::Closed)),
        };
        let place_call = Arc::clone(&self.place_call);
        let call = async move {
            let outcome = AssertUnwindSafe(place_call.execute(command)).catch_unwind().await;
            let answer = match outcome {
                Ok(answer) => answer.map_err(DeskError::Refused),
                Err(_panic) => Err(DeskError::BrokeOff),
            };
            let answer = answer.map_err(logged);
            drop((seat, tracked));
            answer
        };
        let call = self.runtime.spawn(call.in_current_span());
        call.await.unwrap_or_else(|_| Err(logged(DeskError::BrokeOff)))
    }

    /// How many calls are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.capacity - self.seats.available_permits().min(self.capacity)
    }

    /// Takes no more calls.
    pub fn close(&self) {
        self.seats.close();
        self.calls.close();
    }

    /// Returns once the desk is closed and its last call has ended, however long that takes.
    pub async fn drained(&self) {
        self.calls.wait().await;
    }
}

fn logged(error: DeskError) -> DeskError {
    log_cause(&error);
    error
}

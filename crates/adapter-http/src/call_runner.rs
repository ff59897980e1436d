//! Where calls run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use domain::{MaxShare, PlaceCall, PlaceCallCommand, PlaceCallError, PlacedCall, Preview, Shares, UserId};
use futures_util::FutureExt;
use opentelemetry::trace::FutureExt as _;
use tokio::runtime::Handle;
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
    permits: Arc<Shares<UserId>>,
}

impl CallRunner {
    /// A runner that runs up to `max_in_flight` calls at the same time on `runtime`, and up to
    /// `max_share` of them for one organization.
    ///
    /// A call gets its permit before any I/O, when only its user is known, so one user is limited to
    /// the same share. The use case charges the organization once it has read the user.
    #[must_use]
    pub fn new(place_call: PlaceCall, runtime: Handle, max_in_flight: usize, max_share: MaxShare) -> Self {
        let of_one = max_share.of(max_in_flight);
        let place_call = Arc::new(place_call.with_shares(Arc::new(Shares::new(max_in_flight, of_one))));
        let permits = Arc::new(Shares::new(max_in_flight, of_one));
        Self { place_call, runtime, calls: TaskTracker::new(), permits }
    }

    /// Places the call, unless the runner is full or closed. Logs an error once, even if the client
    /// has gone.
    ///
    /// Dropping the future does not stop the call.
    pub(crate) async fn place(&self, command: PlaceCallCommand) -> Result<PlacedCall, PlaceError> {
        // The token is taken before the runner is seen to be open, so that `drained` waits for every
        // call that gets a permit.
        let tracked = self.calls.token();
        if self.calls.is_closed() {
            return Err(logged(PlaceError::Closed));
        }
        let permit = self.permits.take(command.user_id()).ok_or(PlaceError::Full).map_err(logged)?;
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
        let call = self.runtime.spawn(call.in_current_span().with_current_context());
        call.await.unwrap_or_else(|_| Err(logged(PlaceError::Panicked(Panicked))))
    }

    /// What placing the call would do now. It dials nothing, so that nothing waits for it.
    pub(crate) fn preview(
        &self,
        command: PlaceCallCommand,
    ) -> impl Future<Output = Result<Preview, PlaceCallError>> + Send + use<> {
        let place_call = Arc::clone(&self.place_call);
        async move { place_call.preview(&command).await }
    }

    /// The number of calls in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.permits.held()
    }

    /// Accepts no more calls.
    pub fn close(&self) {
        self.calls.close();
    }

    /// Returns once the runner is closed and its last call has ended, however long that takes.
    pub async fn drained(&self) {
        self.calls.wait().await;
    }
}

use std::sync::Arc;

use super::place_call::RETRIED_WITHIN;
use crate::ports::{CallLedger, PortUnavailable};

/// Removes reservations that do not change any more what a request gets.
///
/// An expired reservation has a use only while its call is undecided: the provider is asked about
/// that call before its intent is dialled again. A call that has ended answers a duplicate
/// for one hour; any other undecided call does so until a report, or giving it up, decides it.
pub struct RemoveReservations {
    ledger: Arc<dyn CallLedger>,
}

/// The maximum number of reservations that one statement removes. A request for an intent among them
/// waits for the statement.
const BATCH: u32 = 5000;

impl RemoveReservations {
    /// The use case on this port.
    #[must_use]
    pub const fn new(ledger: Arc<dyn CallLedger>) -> Self {
        Self { ledger }
    }

    /// Removes some reservations and returns how many. Call it until it returns 0.
    pub async fn run_once(&self) -> Result<u64, PortUnavailable> {
        self.ledger.remove_expired(RETRIED_WITHIN, BATCH).await
    }
}

use std::sync::Arc;
use std::time::Duration;

use super::place_call::RETRIED_WITHIN;
use crate::ports::{CallLedger, IdempotencyKeys, PortUnavailable};

/// Removes reservations that do not change any more what a request gets, and idempotency keys some time
/// after the last status of their calls.
///
/// An expired reservation has a use only while its call is undecided: the provider is asked about
/// that call before its intent is dialled again. A call that has ended answers a duplicate
/// for one hour; any other undecided call does so until a report, or giving it up, decides it.
pub struct RemoveReservations {
    ledger: Arc<dyn CallLedger>,
    keys: Arc<dyn IdempotencyKeys>,
    keep_keys_for: Duration,
}

/// The maximum number of reservations or keys that one statement removes. A request for an intent among them
/// waits for the statement.
const BATCH: u32 = 5000;

impl RemoveReservations {
    /// The use case on these ports. A key is kept so long after the last status of its call.
    #[must_use]
    pub const fn new(
        ledger: Arc<dyn CallLedger>,
        keys: Arc<dyn IdempotencyKeys>,
        keep_keys_for: Duration,
    ) -> Self {
        Self { ledger, keys, keep_keys_for }
    }

    /// Removes some reservations and keys and returns how many. Call it until it returns 0.
    pub async fn run_once(&self) -> Result<u64, PortUnavailable> {
        let reservations = self.ledger.remove_expired(RETRIED_WITHIN, BATCH).await?;
        let keys = self.keys.remove_ended(self.keep_keys_for, BATCH).await?;
        Ok(reservations + keys)
    }
}

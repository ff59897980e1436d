use std::sync::Arc;

use domain::ports::IdempotencyKeys;

use super::CallsHarness;

/// What the suite of [`IdempotencyKeys`] needs: also the ledger, whose steps write and free keys, and
/// the port that records reports about its calls.
pub trait IdempotencyKeysHarness: CallsHarness {
    /// The adapter, as a new process would have it.
    fn keys(&self) -> Arc<dyn IdempotencyKeys>;
}

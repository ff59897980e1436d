use async_trait::async_trait;

use super::{HoldResult, PortUnavailable};
use crate::IntentKey;

/// Reads what holds an intent key: a request in flight, or the result of a call. The lock implements
/// it, and the ledger.
///
/// - MUST return what a request for the key would get now: *in flight* while another request holds it
///   (`a_held_key_is_seen_in_flight`), the result of a settled call (`a_settled_key_is_seen_with_its_result`),
///   and `Granted` for every other key (`a_free_key_is_seen_free`).
/// - MUST take and change nothing: the key stays free, or with its holder (`a_look_takes_nothing`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting the key, when the store is lost
///   (`a_lost_store_shows_no_holds`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait IntentHolds: Send + Sync {
    /// What a request for the key would get now.
    async fn look_at(&self, key: &IntentKey) -> Result<HoldResult, PortUnavailable>;
}

use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallContext, IntentKey, OwnerToken, RefusalCode, SettledCall};

/// The short-lived lock on one intent key. It is fast, and it may lose its data: the reservation in
/// the ledger then blocks duplicates.
///
/// A key is free, or in flight under an owner's token, or settled with a result. Every write after
/// the first compares the token.
///
/// - MUST grant a free key to exactly one of many concurrent callers
///   (`one_of_many_acquirers_is_granted`).
/// - MUST return *in flight*, with at most the granted time as remaining time, while a key is held
///   (`a_held_key_is_in_flight_with_its_remaining_time`).
/// - MUST free a key when its time ends (`an_expired_key_is_free_again`).
/// - MUST extend a held key to the full time on renewal (`a_renewed_key_lives_on`), for its owner
///   only (`only_the_owner_renews_the_lock`).
/// - MUST keep the result of a settled key for the given time and return it, with its ids and
///   reason (`a_settled_key_answers_its_result`), then free the key
///   (`a_settled_key_is_free_after_its_time`).
/// - MUST settle for the owner only (`only_the_owner_settles_the_lock`).
/// - MUST free a released key immediately (`a_released_key_is_free`), for its owner only
///   (`only_the_owner_releases_the_lock`).
/// - MUST NOT change another key (`keys_do_not_affect_each_other`).
/// - MUST write the context of a settlement if it returns `context_stored`, whether the owner still
///   holds the key or not, so that the context cache of the same store finds it
///   (`a_context_reported_as_stored_is_found`).
/// - MUST return `PortUnavailable`, within 2 s and without quoting key or token, when the store is
///   lost (`a_lost_lock_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait IdempotencyLock: Send + Sync {
    /// Takes the key for `hold_for`, if it is free. After an error the key may be taken
    /// nevertheless; releasing it with this token is then safe and necessary.
    async fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<HoldResult, PortUnavailable>;

    /// Holds the key for another `hold_for` from now, if this owner still holds it.
    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable>;

    /// Replaces *in flight* by a result, if this owner still holds the key. One round trip, the
    /// context included.
    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable>;

    /// Frees the key, if this owner still holds it.
    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable>;
}

/// The result of asking for an intent key, from the lock or from the ledger's reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldResult {
    /// The caller holds the key now. From the ledger: the call is booked, dial now.
    Granted,
    /// Another request holds the key: it is dialling, or its outcome is unknown.
    InFlight {
        /// How long the key stays held, unless it is renewed.
        remaining: Duration,
    },
    /// An earlier call holds the key, with this result.
    Settled(SettledCall),
    /// The key is free, and a condition of the booking or a limit of the day does not hold. Nothing
    /// was written.
    Refused(RefusalCode),
}

/// Whether the owner still held the key when a write arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// It did, and the write was done.
    Held,
    /// It did not, and nothing was written.
    Lost,
}

/// The result of a call, kept for its duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockSettlement<'a> {
    /// The intent key.
    pub key: &'a IntentKey,
    /// The owner's token.
    pub token: &'a OwnerToken,
    /// The result.
    pub call: &'a SettledCall,
    /// How long duplicates receive this result, from now.
    pub hold_for: Duration,
    /// A context that the store writes in the same round trip if it is also the context cache.
    pub context: Option<ContextToStore<'a>>,
}

/// A context, and how long to store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextToStore<'a> {
    /// The context.
    pub context: &'a CallContext,
    /// Its time to live.
    pub ttl: Duration,
}

/// The result of settling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettleResult {
    /// Whether the result was written.
    pub ownership: Ownership,
    /// Whether the context was written. A lock that is not a context cache returns `false`.
    pub context_stored: bool,
}

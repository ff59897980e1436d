use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallContext, IntentKey, OwnerToken, SettledCall};

/// The lock on one intent: short-lived, fast, and allowed to be lost (the guard in the ledger stands behind it).
///
/// A key is free, or in flight under an owner's token, or settled with a result. Every write after the first compares the
/// token.
///
/// - MUST grant a free key to exactly one of many acquirers (`one_of_many_acquirers_is_granted`).
/// - MUST answer *in flight*, with a remaining time of at most the granted one, to whoever comes while a key is held
///   (`a_held_key_is_in_flight_with_its_remaining_time`).
/// - MUST free a key by itself when its time has run out (`an_expired_key_is_free_again`).
/// - MUST extend a held key to the full time on renewal (`a_renewed_key_lives_on`), for its owner alone
///   (`only_the_owner_renews_the_lock`).
/// - MUST keep the result of a settled key for the given time and answer it whole to whoever comes, ids and reason alike
///   (`a_settled_key_answers_its_result`), then free the key (`a_settled_key_is_free_after_its_time`).
/// - MUST settle for the owner alone (`only_the_owner_settles_the_lock`).
/// - MUST free a released key at once (`a_released_key_is_free`), for its owner alone (`only_the_owner_releases_the_lock`).
/// - MUST leave other keys alone, whatever is done to one (`keys_do_not_affect_each_other`).
/// - MUST write a settlement's context where it answers `context_stored`, whoever owns the key, such that the context cache of
///   the same store finds it (`a_context_reported_as_stored_is_found`).
/// - MUST answer `PortUnavailable`, within 2 s and without quoting key or token, when the store is lost
///   (`a_lost_lock_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait IdempotencyLock: Send + Sync {
    /// Takes the key for `hold_for`, if it is free. On an error the key may be taken all the same; releasing it with this
    /// token is then safe and right.
    async fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<HoldResult, PortUnavailable>;

    /// Holds the key for another `hold_for` from now, if it is still this owner's.
    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable>;

    /// Replaces *in flight* by a result, if the key is still this owner's. One round trip, the context included.
    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable>;

    /// Frees the key, if it is still this owner's.
    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable>;
}

/// What acquiring a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldResult {
    /// The key is the caller's.
    Granted,
    /// Somebody is at it, or was and has not said how it ended.
    InFlight {
        /// Until the key is free, unless it is renewed.
        remaining: Duration,
    },
    /// It was done, with this result.
    Settled(SettledCall),
}

/// Whether a key was still the owner's when a write came to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// It was, and the write was done.
    Held,
    /// It was not; nothing was written.
    Lost,
}

/// The result of a call, to be kept for its duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockSettlement<'a> {
    /// The key.
    pub key: &'a IntentKey,
    /// Who says so.
    pub token: &'a OwnerToken,
    /// The result.
    pub call: &'a SettledCall,
    /// How long duplicates are answered from it, from now.
    pub hold_for: Duration,
    /// A context that a store which is also the context cache can write in the same round trip.
    pub context: Option<ContextToStore<'a>>,
}

/// A context and how long to keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextToStore<'a> {
    /// The context.
    pub context: &'a CallContext,
    /// How long to keep it.
    pub ttl: Duration,
}

/// What settling came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettleResult {
    /// Whether the result was written.
    pub ownership: Ownership,
    /// Whether the context that rode along was written. A lock that is no context cache answers `false`.
    pub context_stored: bool,
}

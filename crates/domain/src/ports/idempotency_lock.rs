use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{
    CallContext, IntentKey, Interval, OrganizationId, OwnerToken, Pace, RefusalCode, SettledCall, Slot,
    UserId,
};

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
/// - MUST count a granted request in each of its limits, in the same atomic step
///   (`granted_requests_are_counted`), and one that is not granted in none
///   (`requests_that_are_not_granted_are_not_counted`).
/// - MUST answer a duplicate before it looks at a limit (`a_duplicate_is_answered_before_the_limits`).
/// - MUST refuse a request of a free key if a limit is reached, with its code, the user's first, and
///   leave the key free (`a_reached_limit_refuses_and_leaves_the_key_free`).
/// - MUST grant exactly as many concurrent requests as a limit allows
///   (`a_limit_holds_for_many_acquirers`).
/// - MUST return *uncounted*, and write nothing, if a limit has no count and the request brings none
///   (`a_limit_without_a_count_asks_for_one`); MUST begin with the count that a request brings, and
///   keep its own if that is greater (`the_greater_count_is_kept`).
/// - MUST take a request that is released by its owner out of the counts, once, and no other one
///   (`a_release_gives_the_counts_back`); MUST NOT take it out of a count that has not counted it, although
///   the release names its limit (`a_release_gives_back_only_what_was_counted`); MUST take it out also if
///   its key is free or another owner's by then, unless it was settled
///   (`a_release_after_the_end_of_the_lock_gives_the_counts_back`).
/// - MUST NOT mix the counts of two users, organizations, days or revisions
///   (`counts_do_not_affect_each_other`).
/// - MUST give a granted request with paces a slot, in the same atomic step, and each one that asks for
///   another slot; the slots of a scope are never closer than its interval, by the clock of the store
///   (`slots_keep_their_interval`), however many ask at the same time
///   (`slots_keep_their_interval_for_many_acquirers`), and whatever paces come with it
///   (`a_slot_keeps_every_interval`, `slots_of_many_numbers_keep_every_interval`).
/// - MUST leave the time before a slot that is taken ahead to other calls of the trunk
///   (`a_call_that_waits_for_its_number_delays_no_other_one`).
/// - MUST give the first slot immediately, and the next one no later than the interval asks for
///   (`a_slot_is_no_later_than_its_interval`).
/// - MUST take no slot for a duplicate or for a request that a limit of a day refuses
///   (`requests_that_are_not_granted_take_no_slot`).
/// - MUST refuse a request whose slot is further ahead than its longest wait, and leave the key free,
///   the slot free and the counts as they are (`a_refused_wait_takes_nothing`).
/// - MUST NOT mix the slots of two scopes (`slots_do_not_affect_each_other`).
/// - MUST return `PortUnavailable`, within 2 s and without quoting key or token, when the store is
///   lost (`a_lost_lock_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait IdempotencyLock: Send + Sync {
    /// Takes the key, if it is free, no limit is reached and a slot is near enough. One round trip. After
    /// an error the key may be taken nevertheless; releasing it with this token is then safe and necessary.
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable>;

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

    /// Frees the key, if this owner still holds it, and takes its request out of the counts, also if it
    /// does not: the call was not dialled. The store knows for ten minutes which limits have counted it. The limits are those of the request, or more: the owner does not know which of
    /// them counted it if a reply was lost. Their counts and limits do not matter.
    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable>;

    /// Takes the next slot of a call that has none, or did not start in time. One round trip. After an
    /// error a slot may be taken nevertheless, which only delays other calls.
    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable>;
}

/// A request for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRequest<'a> {
    /// The intent key.
    pub key: &'a IntentKey,
    /// The token of the new owner.
    pub token: &'a OwnerToken,
    /// How long the key stays held, unless it is renewed.
    pub hold_for: Duration,
    /// The limits that count this request, at most one of each scope, the user's first.
    pub limits: &'a [DayLimit],
    /// The paces at which this request may start, at most one of each kind of scope, the trunk's first.
    pub paces: &'a [Pace],
    /// How long the call may wait for its slot, at most [`Slot::FARTHEST`].
    pub longest_wait: Duration,
}

impl<'a> LockRequest<'a> {
    /// A request that no limit counts, and that has no pace.
    #[must_use]
    pub const fn new(key: &'a IntentKey, token: &'a OwnerToken, hold_for: Duration) -> Self {
        Self { key, token, hold_for, limits: &[], paces: &[], longest_wait: Duration::ZERO }
    }
}

/// How many calls are allowed on a day, and what is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLimit {
    /// Whose calls.
    pub scope: DayScope,
    /// The day. The instant at which it begins names it.
    pub day: Interval,
    /// The revision of the policy. Each one has a count of its own: while a policy had no limit, its
    /// calls were not counted.
    pub revision: u64,
    /// The most calls.
    pub limit: u32,
    /// The number of calls of the day in the ledger, for a store that has no count.
    pub counted: Option<u32>,
    /// How long the store keeps the count: at least to the end of the day.
    pub keep_for: Duration,
}

/// Whose calls a limit counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayScope {
    /// Those of one user.
    User(UserId),
    /// Those of all users of an organization.
    Organization(OrganizationId),
}

impl DayScope {
    /// The code of the refusal when the limit is reached.
    #[must_use]
    pub const fn refusal(&self) -> RefusalCode {
        match self {
            Self::User(_) => RefusalCode::UserCallLimit,
            Self::Organization(_) => RefusalCode::OrganizationCallLimit,
        }
    }
}

/// The result of asking for an intent key, from the lock or from the ledger's reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldResult {
    /// The caller holds the key now. From the ledger: the call is booked, dial now. From the lock, to a
    /// request with paces: it is not known which slot the request got. Ask for the next one.
    Granted,
    /// From the lock alone, to a request with paces: the caller holds the key now, and its slot begins
    /// after this time.
    GrantedAfter {
        /// From now, by the clock of the store.
        wait: Duration,
    },
    /// Another request holds the key: it is dialling. From the lock also if its outcome is unknown.
    InFlight {
        /// How long the key stays held, unless it is renewed.
        remaining: Duration,
    },
    /// From the ledger: the call that holds the key has an unknown outcome.
    Undecided {
        /// How long the key stays held.
        remaining: Duration,
    },
    /// An earlier call holds the key, with this result.
    Settled(SettledCall),
    /// The key is free, and a condition of the booking or a limit of the day does not hold. Nothing
    /// was written.
    Refused(RefusalCode),
    /// From the lock alone: the key is free, and the store has no count for these limits. Nothing was
    /// written. Ask the ledger, and acquire again with its counts.
    Uncounted(Vec<DayScope>),
    /// From the lock alone: the key is free, and the next slot is further ahead than the longest wait.
    /// No key and no slot was taken.
    TooFast {
        /// After which time there is a slot, if no other request takes it.
        retry_after: Duration,
    },
    /// From the ledger: the idempotency key of the booking has a call. Nothing was written.
    KeyTaken,
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

use std::time::Duration;

use async_trait::async_trait;

use super::{HoldResult, PortUnavailable, ProviderLookup};
use crate::{
    Booking, CallId, CallStatus, CarrierCallId, DialOutcome, IntentKey, OrganizationId, OwnerToken,
    Timestamp, UserId,
};

/// The durable record of calls, and the reservations that stand behind the lock.
///
/// A reservation blocks one intent key until a time that the store measures by its own clock, so
/// that replicas with different clocks agree. Booking takes the reservation and writes the call in
/// one atomic step. The idempotency key of a booking belongs to this step:
/// [`IdempotencyKeys`](super::IdempotencyKeys) has the promises about it.
///
/// - MUST write call and reservation together or not at all (`a_booked_call_is_in_the_ledger`,
///   `a_blocked_booking_writes_nothing`), with what the client gives with the call and with the
///   decision: a duplicate changes none of it.
/// - MUST refuse a booking whose user, contact or agent its organization does not have, and write
///   nothing of it (`a_booking_that_names_unknown_records_is_refused`).
/// - MUST record exactly one of many concurrent bookings of one key
///   (`one_of_many_bookings_of_one_key_is_recorded`).
/// - MUST return *in flight*, with the remaining time, while the call that holds the key is
///   dialling (`a_call_in_flight_blocks_its_key`), and *undecided* while its outcome is unknown
///   (`an_unknown_outcome_blocks_its_key_to_the_end`).
/// - MUST return the result of a settled call, with its ids and reason, until its reservation
///   expires (`a_settled_call_answers_duplicates`), and free the key after that
///   (`a_settled_call_frees_its_key_after_its_time`).
/// - MUST let a new booking take over an expired reservation
///   (`an_expired_reservation_is_taken_over`); a booking with `TakeOver::Decided` only if its call is
///   not undecided (`an_undecided_call_blocks_a_booking_that_must_ask_first`).
/// - MUST refuse a booking with `CalleeOptedOut` if it refuses suppressed callees, and the number or
///   the contact is suppressed at the time of the booking
///   (`a_suppressed_callee_is_refused_by_the_booking`).
/// - MUST count an attempt for the organization, the callee's number and the subject with the booking,
///   and refuse with `AttemptCap` a booking that would exceed a cap (`attempts_are_capped`). Each of
///   many bookings at the same time counts (`one_callee_gets_no_more_attempts_than_the_cap`).
/// - MUST write nothing of a refused booking, and count no attempt for a blocked one
///   (`a_refused_booking_writes_nothing`).
/// - MUST take the attempt of a call that was not dialled back, and no other one
///   (`an_attempt_that_was_not_dialled_is_taken_back`).
/// - MUST keep an attempt for as long as one of the bookings since asked for
///   (`attempts_are_remembered_for_the_longest_time`), and MUST keep only the newest
///   [`AttemptCount::KEPT`](crate::AttemptCount::KEPT) of a number and subject
///   (`only_the_newest_attempts_are_kept`).
/// - MUST find the undecided call of an expired reservation, with what was reported of it, and no
///   other one (`the_undecided_call_of_a_key_is_found`).
/// - MUST free the reservation of a call that was not dialled immediately
///   (`a_call_that_was_not_dialled_frees_its_key`).
/// - MUST change a reservation only for the token that took it; the call is settled in any case
///   (`only_its_own_token_settles_a_reservation`).
/// - MUST NOT shorten the reservation of a call with an unknown outcome
///   (`an_unknown_outcome_blocks_its_key_to_the_end`).
/// - MUST NOT move a call backward: the first settlement is final, and settling again is not an
///   error (`a_settled_call_stays_settled`).
/// - MUST NOT change the reservation of another key (`reservations_do_not_affect_each_other`), and
///   MUST answer each of many operations at the same time as if it were alone
///   (`operations_at_the_same_time_do_not_affect_each_other`).
/// - MUST remove reservations that expired so long ago, no more than the limit, and no younger ones;
///   and MUST keep the reservation of an undecided call whose end is not known, however old it is
///   (`old_reservations_are_removed`).
/// - MUST count the calls of a user or of an organization from a time on, without those that were not
///   dialled (`calls_since_a_time_are_counted`).
/// - MUST still have calls and reservations after a crash of the store
///   (`the_ledger_survives_a_crash`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_ledger_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CallLedger: Send + Sync {
    /// Takes the key's reservation and writes the call as dialling: the last step before a byte
    /// goes to the provider. One round trip; a second one only to read what blocks the booking.
    ///
    /// After an error the call may be booked nevertheless. Settling it as not dialled is then safe
    /// and necessary.
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable>;

    /// Finds the call that blocks a booking of this key with `TakeOver::Decided`, although its
    /// reservation has expired.
    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable>;

    /// Writes the outcome of the dial into the call and its reservation. One round trip.
    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable>;

    /// Removes at most `limit` reservations that expired at least `expired_for` ago, by the store's
    /// own clock, and returns how many. Fewer than `limit` does not mean that these were all. The
    /// calls stay.
    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable>;

    /// The number of calls that were booked since a time, in whatever state but *not dialled*.
    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable>;
}

/// Which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountQuery<'a> {
    /// Those of this organization.
    pub organization_id: &'a OrganizationId,
    /// Those of this user; `None` for all users.
    pub user_id: Option<&'a UserId>,
    /// Those that were booked at this time or later.
    pub since: Timestamp,
}

/// A call that blocks a booking with `TakeOver::Decided`: its dial may have reached the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndecidedCall {
    /// By which the provider finds it.
    pub lookup: ProviderLookup,
    /// The carrier's id of the call, if a report has it.
    pub carrier_call_id: Option<CarrierCallId>,
    /// The greatest status that was reported.
    pub status: CallStatus,
    /// How long ago its reservation expired, by the store's own clock.
    pub expired_for: Duration,
}

/// The outcome of the dial of a booked call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement<'a> {
    /// The call.
    pub call_id: &'a CallId,
    /// The intent key that the call holds.
    pub key: &'a IntentKey,
    /// The token that took the reservation.
    pub token: &'a OwnerToken,
    /// The outcome.
    pub outcome: &'a DialOutcome,
    /// The status of the call after this outcome.
    pub status: CallStatus,
    /// How long the reservation of a placed or not connected call blocks the key, from now.
    pub hold_for: Duration,
    /// When the outcome was known, by our clock.
    pub settled_at: Timestamp,
}

//! The booking: the last step before a byte goes to the provider.

use std::sync::Arc;
use std::time::Duration;

use super::answer::{in_flight, replay};
use super::deadline::Deadline;
use super::resolve::Parties;
use super::{Acquired, LockHold, NOT_LOCKED, PlaceCall, PlaceCallCommand, PlaceCallError, day_limits};
use crate::ports::{FoundBy, HoldResult, PortUnavailable};
use crate::{Booking, BookingConditions, CallIdentity, TakeOver};

const NOT_BOOKED: &str = "the call was not booked in the time before the dial";

impl PlaceCall {
    /// Books the call and takes the reservation: the last step before a byte goes to the provider.
    pub(super) async fn book(
        &self,
        parties: &Parties,
        booking: &Booking,
        hold: &LockHold,
        deadline: &mut Deadline,
    ) -> Result<Acquired<()>, PlaceCallError> {
        if deadline.has_passed() {
            self.release(hold.clone()).await;
            return Err(PlaceCallError::too_late(NOT_LOCKED));
        }
        let duplicate = match self.reserve(booking, hold, deadline).await? {
            HoldResult::Granted => {
                // This process may have been paused since the last check. Nothing was sent yet, so
                // withdraw.
                let elapsed = self.ports.clock.monotonic().saturating_sub(hold.acquired_at);
                let refusal = if elapsed >= self.policy.lock_ttl() {
                    PlaceCallError::stalled()
                } else if deadline.has_passed() {
                    PlaceCallError::too_late(NOT_BOOKED)
                } else {
                    return Ok(Acquired::Ours(()));
                };
                self.withdraw(booking.clone(), hold.clone()).await;
                return Err(refusal);
            }
            HoldResult::InFlight { remaining } | HoldResult::Undecided { remaining } => {
                Err(self.reserved(remaining))
            }
            HoldResult::Settled(call) => replay(call),
            HoldResult::Refused(code) => Err(self.refused(parties, code)),
            HoldResult::Uncounted(_) | HoldResult::GrantedAfter { .. } | HoldResult::TooFast { .. } => {
                Err(not_a_ledgers_answer())
            }
            HoldResult::KeyTaken => self.answer_by_key(booking, deadline).await,
        };
        // Another call's reservation answers this request and the next one (the store lost the lock of
        // that request), or a condition of the booking does not hold any more.
        self.release(hold.clone()).await;
        Ok(Acquired::Duplicate(duplicate))
    }

    /// Takes the reservation, in this process and in the ledger.
    async fn reserve(
        &self,
        booking: &Booking,
        hold: &LockHold,
        deadline: &mut Deadline,
    ) -> Result<HoldResult, PlaceCallError> {
        let now = self.ports.clock.monotonic();
        match self.held.acquire(&hold.key, &hold.token, now, now.saturating_add(booking.reserve_for)) {
            HoldResult::Granted => {}
            held => {
                self.saw_holder(&held, FoundBy::InFlight);
                return Ok(held);
            }
        }
        let booked = self.book_in_ledger(booking, hold, deadline).await?;
        let booked = match (&self.earlier, booked) {
            (Some(earlier), booked @ (HoldResult::InFlight { .. } | HoldResult::Undecided { .. })) => {
                match self.ask_about_earlier_call(earlier, booking, deadline).await {
                    Some(HoldResult::Granted) => {
                        let booking = Booking { take_over: TakeOver::Expired, ..booking.clone() };
                        self.book_in_ledger(&booking, hold, deadline).await?
                    }
                    by_earlier_call => by_earlier_call.unwrap_or(booked),
                }
            }
            (_, booked) => booked,
        };
        self.saw_holder(&booked, FoundBy::Ledger);
        Ok(booked)
    }

    /// Reports that this request does not dial, if another call holds its intent or its key.
    fn saw_holder(&self, held: &HoldResult, found_by: FoundBy) {
        match held {
            HoldResult::InFlight { .. } | HoldResult::Settled(_) => self.saw_duplicate(found_by),
            HoldResult::Undecided { .. } => self.saw_duplicate(FoundBy::Undecided),
            HoldResult::KeyTaken => self.saw_duplicate(FoundBy::Key),
            // Only a lock answers with the last three.
            HoldResult::Granted
            | HoldResult::Refused(_)
            | HoldResult::Uncounted(_)
            | HoldResult::GrantedAfter { .. }
            | HoldResult::TooFast { .. } => {}
        }
    }

    async fn book_in_ledger(
        &self,
        booking: &Booking,
        hold: &LockHold,
        deadline: &Deadline,
    ) -> Result<HoldResult, PlaceCallError> {
        let (ledger, to_book) = (self.ports.ledger.clone(), booking.clone());
        let booking_it = Box::pin(async move { ledger.book(&to_book).await });
        match deadline.finish(booking_it).await {
            Ok(Ok(held)) => Ok(held),
            Ok(Err(unavailable)) => {
                self.withdraw(booking.clone(), hold.clone()).await;
                Err(unavailable.into())
            }
            Err(booking_it) => {
                self.withdraw_later(booking.clone(), hold.clone(), booking_it).await;
                Err(PlaceCallError::too_late(NOT_BOOKED))
            }
        }
    }

    /// The answer while a reservation holds the intent. It may hold to the end of the longest ring. A call
    /// that is answered earlier holds its result for a shorter time, and the client must come back within it.
    pub(super) fn reserved(&self, remaining: Duration) -> PlaceCallError {
        in_flight(remaining.min(self.policy.lock_ttl()))
    }

    pub(super) fn booking(&self, parties: &Parties, command: &PlaceCallCommand, hold: &LockHold) -> Booking {
        let mut decision = parties.decided.decision.clone();
        day_limits::add_warnings(&mut decision, &hold.reached);
        Booking {
            identity: CallIdentity {
                call_id: self.ports.identifiers.call_id(),
                organization_id: parties.user.organization.id.clone(),
                user_id: parties.user.id.clone(),
                contact_id: parties.contact.id.clone(),
                agent_id: parties.agent.id.clone(),
                from: parties.caller.phone_number.clone(),
                to: parties.destination.number().clone(),
            },
            reason: command.reason.clone(),
            variables: command.variables.clone(),
            metadata: command.metadata.clone(),
            key: hold.key.clone(),
            token: hold.token.clone(),
            reserve_for: self.policy.reserve_for(),
            take_over: if self.earlier.is_some() { TakeOver::Decided } else { TakeOver::Expired },
            booked_at: self.ports.clock.now(),
            conditions: BookingConditions {
                purpose: parties.case.purpose,
                subject: command.subject.clone(),
                decision: Some(Arc::new(decision)),
                refuse_suppressed: parties.decided.refuse_suppressed,
                attempt: parties.decided.attempt.clone(),
            },
            keyed: parties.keyed.clone(),
            trace: None,
        }
    }
}

/// A ledger that returns what only a lock can.
fn not_a_ledgers_answer() -> PlaceCallError {
    PlaceCallError::ServiceUnavailable(PortUnavailable::new(
        "gateway",
        "the ledger counts no calls of a day and gives no slots",
    ))
}

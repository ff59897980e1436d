//! Placing a call: the use case that all others support.

mod answer;
mod command;
mod day_limits;
mod deadline;
mod decide;
mod dial;
mod earlier_call;
mod error;
mod give_back;
mod held_intents;
mod keyed;
mod look_up;
mod opening;
mod pacing;
mod policy;
mod preview;
mod resolve;

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryFutureExt as _;

pub use self::answer::PlacedCall;
use self::answer::{answer, in_flight, replay};
pub use self::command::{PlaceCallCommand, RawPlaceCall};
use self::day_limits::Acquiring;
use self::deadline::Deadline;
use self::earlier_call::EarlierCalls;
pub(super) use self::earlier_call::RETRIED_WITHIN;
pub use self::error::PlaceCallError;
use self::held_intents::HeldIntents;
pub(super) use self::keyed::KEPT_FOR;
use self::opening::Opening;
pub use self::pacing::PacingLimits;
pub use self::policy::CallPolicy;
pub use self::preview::Preview;
use self::resolve::Parties;
use super::RefusalLog;
use crate::ports::{
    Background, CallLedger, CallUpdater, CallWatch, CallingRules, Clock, ContactRepo, ContextCache, DayLimit,
    FoundBy, HoldResult, IdempotencyKeys, IdempotencyLock, Identifiers, IntentHolds, OutboundDirectory,
    PortUnavailable, ProviderRecords, VoiceProvider,
};
use crate::{
    Booking, BookingConditions, CallIdentity, CallingPolicy, DestinationRules, IntentKey, OrganizationId,
    OwnerToken, Pace, Shares, TakeOver,
};

/// Places one call for one intent: resolves the parties, decides whether the call may be made, takes
/// the lock, books the call, dials, and records the outcome in the lock and the ledger.
#[derive(Clone)]
pub struct PlaceCall {
    ports: PlaceCallPorts,
    policy: CallPolicy,
    destinations: DestinationRules,
    held: Arc<HeldIntents>,
    earlier: Option<EarlierCalls>,
    background: Option<Arc<dyn Background>>,
    shares: Option<Arc<Shares<OrganizationId>>>,
    refusals: Option<Arc<RefusalLog>>,
    watch: Option<Arc<dyn CallWatch>>,
    holds: Vec<Arc<dyn IntentHolds>>,
    default_policy: CallingPolicy,
    pacing: PacingLimits,
}

/// The ports that placing a call needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct PlaceCallPorts {
    pub directory: Arc<dyn OutboundDirectory>,
    pub contacts: Arc<dyn ContactRepo>,
    pub lock: Arc<dyn IdempotencyLock>,
    pub ledger: Arc<dyn CallLedger>,
    pub keys: Arc<dyn IdempotencyKeys>,
    pub provider: Arc<dyn VoiceProvider>,
    pub contexts: Arc<dyn ContextCache>,
    pub clock: Arc<dyn Clock>,
    pub identifiers: Arc<dyn Identifiers>,
    pub rules: Arc<dyn CallingRules>,
}

/// The lock that this request holds. The reservation has the same key and token.
#[derive(Clone)]
struct LockHold {
    key: IntentKey,
    token: OwnerToken,
    acquired_at: Duration,
    /// The limits of the day that count this request.
    limits: Vec<DayLimit>,
    /// Those that are reached, and only warn.
    reached: Vec<DayLimit>,
    /// The paces at which the call may start.
    paces: Vec<Pace>,
    /// When it may start, if the lock said so.
    opening: Option<Opening>,
}

impl PlaceCall {
    /// The use case on these ports. Calls go only to numbers that `destinations` allow. A refused
    /// call gives back what it may have taken before it returns, which takes at most 1.5 s.
    #[must_use]
    pub fn new(ports: PlaceCallPorts, policy: CallPolicy, destinations: DestinationRules) -> Self {
        Self {
            ports,
            policy,
            destinations,
            held: Arc::default(),
            earlier: None,
            background: None,
            shares: None,
            refusals: None,
            watch: None,
            holds: Vec::new(),
            default_policy: CallingPolicy::default(),
            pacing: PacingLimits::default(),
        }
    }

    /// Asks the provider about an earlier call of the same intent before another one is booked, if
    /// the outcome of the earlier call is unknown.
    #[must_use]
    pub fn with_records(self, records: Arc<dyn ProviderRecords>, updater: Arc<dyn CallUpdater>) -> Self {
        Self { earlier: Some(EarlierCalls { records, updater }), ..self }
    }

    /// A refused call returns immediately, and gives back in the background what it may have taken.
    #[must_use]
    pub fn with_background(self, background: Arc<dyn Background>) -> Self {
        Self { background: Some(background), ..self }
    }

    /// A call takes one of these permits for its organization as soon as its user is known, and holds
    /// it to its end. Without one it is refused before any further I/O.
    #[must_use]
    pub fn with_shares(self, shares: Arc<Shares<OrganizationId>>) -> Self {
        Self { shares: Some(shares), ..self }
    }

    /// Counts the requests that are refused because the call may not be made now.
    #[must_use]
    pub fn with_refusal_log(self, refusals: Arc<RefusalLog>) -> Self {
        Self { refusals: Some(refusals), ..self }
    }

    /// Reports duplicates and refusals to `watch`.
    #[must_use]
    pub fn with_watch(self, watch: Arc<dyn CallWatch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// A preview looks for duplicates in these, in this order.
    #[must_use]
    pub fn with_holds(self, holds: Vec<Arc<dyn IntentHolds>>) -> Self {
        Self { holds, ..self }
    }

    /// The policy of an organization that stored none, instead of the default.
    #[must_use]
    pub fn with_default_policy(self, policy: CallingPolicy) -> Self {
        Self { default_policy: policy, ..self }
    }

    /// Keeps these limits too, beside those of the trunks.
    #[must_use]
    pub fn with_pacing(self, limits: PacingLimits) -> Self {
        Self { pacing: limits, ..self }
    }

    /// Places the call, or returns why there is none. The time from here to the booking is limited
    /// by the policy.
    ///
    /// Once it holds the lock this must run to its end, even if the client disconnects: the caller
    /// must not cancel it.
    pub async fn execute(&self, command: PlaceCallCommand) -> Result<PlacedCall, PlaceCallError> {
        let mut deadline = Deadline::after(self.policy.before_dial(), &self.ports.clock);
        let parties = deadline.limit(self.resolve(&command)).await;
        let parties = match parties.unwrap_or_else(|| Err(PlaceCallError::too_late(NOT_RESOLVED)))? {
            Acquired::Ours(parties) => parties,
            Acquired::Duplicate(answer) => return answer,
        };
        let hold = match self.acquire(&parties, &deadline).await? {
            Acquired::Ours(hold) => hold,
            Acquired::Duplicate(answer) => return self.bound(&parties, answer, &deadline).await,
        };
        let booking = self.booking(&parties, &command, &hold);
        match self.book(&parties, &booking, &hold, &mut deadline).await? {
            Acquired::Ours(()) => {}
            Acquired::Duplicate(answer) => return self.bound(&parties, answer, &deadline).await,
        }
        self.wait_for_slot(&booking, &hold).await?;
        let running = self.held.run(&booking.key, &booking.token);
        let outcome = self.dial(&parties, &booking, &hold, &command).await;
        self.settle_held(&booking, &outcome);
        drop(running);
        self.settle(&parties, &booking, &hold, &outcome).await;
        answer(booking, outcome)
    }

    /// Takes the lock, or returns the result of the call that holds it.
    async fn acquire(
        &self,
        parties: &Parties,
        deadline: &Deadline,
    ) -> Result<Acquired<LockHold>, PlaceCallError> {
        let hold = LockHold {
            key: parties.intent(),
            token: self.ports.identifiers.owner_token(),
            acquired_at: self.ports.clock.monotonic(),
            limits: self.day_limits(&parties.user, &parties.case.facts)?,
            reached: Vec::new(),
            paces: parties.paces.clone(),
            opening: None,
        };
        if deadline.has_passed() {
            return Err(PlaceCallError::too_late(NOT_RESOLVED));
        }
        let acquiring = Acquiring {
            lock: self.ports.lock.clone(),
            ledger: self.ports.ledger.clone(),
            organization_id: parties.user.organization.id.clone(),
            hold: hold.clone(),
            hold_for: self.policy.lock_ttl(),
            longest_wait: self.policy.longest_wait(),
            clock: self.ports.clock.clone(),
            only_warns: day_limits::only_warns(&parties.case.facts),
        };
        match deadline.finish(Box::pin(acquiring.run())).await {
            Ok(Ok((HoldResult::Granted | HoldResult::GrantedAfter { .. }, hold))) => Ok(Acquired::Ours(hold)),
            Ok(Ok((HoldResult::TooFast { retry_after }, _))) => Err(PlaceCallError::too_fast(retry_after)),
            Ok(Ok((HoldResult::InFlight { remaining } | HoldResult::Undecided { remaining }, _))) => {
                self.saw_duplicate(FoundBy::Lock);
                Ok(Acquired::Duplicate(Err(in_flight(remaining))))
            }
            Ok(Ok((HoldResult::Settled(call), _))) => {
                self.saw_duplicate(FoundBy::Lock);
                Ok(Acquired::Duplicate(replay(call)))
            }
            Ok(Ok((HoldResult::Refused(code), _))) => Err(self.refused(parties, code)),
            Ok(Ok((HoldResult::Uncounted(_), _))) => Err(PlaceCallError::too_late(UNCOUNTED)),
            Ok(Ok((HoldResult::KeyTaken, _))) => Err(PlaceCallError::too_late(NOT_A_LOCKS_ANSWER)),
            Ok(Err(unavailable)) => {
                // A write that timed out may still be applied and would block the intent for the
                // whole TTL.
                self.release(hold).await;
                Err(unavailable.into())
            }
            Err(acquiring) => {
                self.release_later(hold, Box::pin(acquiring.map_ok(|(result, _)| result))).await;
                Err(PlaceCallError::too_late(NOT_LOCKED))
            }
        }
    }

    /// Books the call and takes the reservation: the last step before a byte goes to the provider.
    async fn book(
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

    /// Reports that this request does not dial.
    fn saw_duplicate(&self, found_by: FoundBy) {
        if let Some(watch) = &self.watch {
            watch.duplicate(found_by);
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
    fn reserved(&self, remaining: Duration) -> PlaceCallError {
        in_flight(remaining.min(self.policy.lock_ttl()))
    }

    fn booking(&self, parties: &Parties, command: &PlaceCallCommand, hold: &LockHold) -> Booking {
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

const NOT_RESOLVED: &str = "the parties were not read in the time before the dial";
const NOT_LOCKED: &str = "the lock was not taken in the time before the dial";
const UNCOUNTED: &str = "the calls of the day were not counted";
const NOT_A_LOCKS_ANSWER: &str = "the lock knows no idempotency keys";
const NOT_BOOKED: &str = "the call was not booked in the time before the dial";

/// Whether a request may continue, or is a duplicate of another one.
enum Acquired<T> {
    Ours(T),
    Duplicate(Result<PlacedCall, PlaceCallError>),
}

/// A ledger that returns what only a lock can.
fn not_a_ledgers_answer() -> PlaceCallError {
    PlaceCallError::ServiceUnavailable(PortUnavailable::new(
        "gateway",
        "the ledger counts no calls of a day and gives no slots",
    ))
}

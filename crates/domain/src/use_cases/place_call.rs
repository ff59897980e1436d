//! Placing a call: the use case that all others support.

mod account;
mod answer;
mod book;
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
use self::opening::Opening;
pub use self::pacing::PacingLimits;
pub use self::policy::CallPolicy;
pub use self::preview::Preview;
use self::resolve::Parties;
use super::RefusalLog;
use crate::ports::{
    Background, CallLedger, CallUpdater, CallWatch, CallingRules, Clock, ContactRepo, ContextCache, DayLimit,
    FoundBy, HoldResult, IdempotencyKeys, IdempotencyLock, Identifiers, IntentHolds, OutboundDirectory,
    ProviderRecords, VendorAccounts, VoiceProvider,
};
use crate::{CallingPolicy, DestinationRules, IntentKey, OrganizationId, OwnerToken, Pace, Shares};

/// Places one call for one intent: resolves the parties, decides whether the call may be made, takes
/// the lock, books the call, dials, and records the outcome in the lock and the ledger.
#[derive(Clone)]
pub struct PlaceCall {
    ports: PlaceCallPorts,
    policy: CallPolicy,
    destinations: DestinationRules,
    held: Arc<HeldIntents>,
    earlier: Option<EarlierCalls>,
    accounts: Option<Arc<dyn VendorAccounts>>,
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
    /// When it was last acquired or renewed, as far as that is certain.
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
    /// call gives back what it may have taken before it returns, which takes at most 2 s.
    #[must_use]
    pub fn new(ports: PlaceCallPorts, policy: CallPolicy, destinations: DestinationRules) -> Self {
        Self {
            ports,
            policy,
            destinations,
            held: Arc::default(),
            earlier: None,
            accounts: None,
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
        let placed = self.place(command).await;
        if let (Err(PlaceCallError::RateLimited { limit, .. }), Some(watch)) = (&placed, &self.watch) {
            watch.rate_limited(*limit);
        }
        placed
    }

    async fn place(&self, command: PlaceCallCommand) -> Result<PlacedCall, PlaceCallError> {
        let mut deadline = Deadline::after(self.policy.before_dial(), &self.ports.clock);
        let parties = deadline.limit(self.resolve(&command)).await;
        let parties = match parties.unwrap_or_else(|| Err(PlaceCallError::too_late(NOT_RESOLVED)))? {
            Acquired::Ours(parties) => parties,
            Acquired::Duplicate(answer) => return answer,
        };
        let mut hold = match self.acquire(&parties, &deadline).await? {
            Acquired::Ours(hold) => hold,
            Acquired::Duplicate(answer) => return self.bound(&parties, answer, &deadline).await,
        };
        let booking = self.booking(&parties, &command, &hold);
        match self.book(&parties, &booking, &hold, &mut deadline).await? {
            Acquired::Ours(()) => {}
            Acquired::Duplicate(answer) => return self.bound(&parties, answer, &deadline).await,
        }
        self.wait_for_slot(&booking, &mut hold).await?;
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

    /// Reports that this request does not dial.
    fn saw_duplicate(&self, found_by: FoundBy) {
        if let Some(watch) = &self.watch {
            watch.duplicate(found_by);
        }
    }
}

const NOT_RESOLVED: &str = "the parties were not read in the time before the dial";
const NOT_LOCKED: &str = "the lock was not taken in the time before the dial";
const UNCOUNTED: &str = "the calls of the day were not counted";
const NOT_A_LOCKS_ANSWER: &str = "the lock knows no idempotency keys";

/// Whether a request may continue, or is a duplicate of another one.
enum Acquired<T> {
    Ours(T),
    Duplicate(Result<PlacedCall, PlaceCallError>),
}

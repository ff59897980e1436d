//! The calls that a user and an organization may make in a day.
//!
//! The lock counts them, in the step that grants a request. A store that has no count yet, or has
//! lost it, gets it from the ledger.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::opening::Opening;
use super::{LockHold, PlaceCall};
use crate::ports::{
    CallLedger, Clock, CountQuery, DayLimit, DayScope, HoldResult, IdempotencyLock, LockRequest,
    PortUnavailable,
};
use crate::{CallingFacts, Decision, Interval, Mode, OrganizationId, Refusal, RuleGroup, RuleId, User};

/// In the next day, also where the clocks are set forward or back.
const INTO_NEXT_DAY: Duration = Duration::from_hours(26);
/// Counts outlive their day: the clocks of replicas and of the store differ.
const KEEP_AFTER_DAY: Duration = Duration::from_hours(1);

impl PlaceCall {
    /// The limits of the day that count this call.
    pub(super) fn day_limits(
        &self,
        user: &User,
        facts: &CallingFacts,
    ) -> Result<Vec<DayLimit>, PortUnavailable> {
        let Some(stored) = &facts.policy else { return Ok(Vec::new()) };
        let policy = &stored.policy;
        let of_user = policy.user_calls_per_day.map(|limit| (DayScope::User(user.id.clone()), limit));
        let of_organization = policy
            .organization_calls_per_day
            .map(|limit| (DayScope::Organization(user.organization.id.clone()), limit));
        if policy.modes.of(RuleGroup::Caps) == Mode::Off || (of_user.is_none() && of_organization.is_none()) {
            return Ok(Vec::new());
        }
        let start_of_day = |at| {
            self.ports.rules.start_of_day(&policy.time_zone, at).ok_or_else(|| {
                PortUnavailable::new("gateway", "the time zone of the organization's policy does not exist")
            })
        };
        let now = self.ports.clock.now();
        let from = start_of_day(now)?;
        let day = Interval { from, until: start_of_day(from.after(INTO_NEXT_DAY))? };
        let keep_for = day.until.since(now) + KEEP_AFTER_DAY;
        let limit = |(scope, limit)| DayLimit {
            scope,
            day,
            revision: stored.revision,
            limit,
            counted: None,
            keep_for,
        };
        Ok(of_user.into_iter().chain(of_organization).map(limit).collect())
    }
}

/// Whether a limit that is reached refuses no call.
pub(super) fn only_warns(facts: &CallingFacts) -> bool {
    facts.policy.as_ref().is_some_and(|stored| stored.policy.modes.of(RuleGroup::Caps) == Mode::Warn)
}

/// What acquiring needs, without a borrow: it may go on after the deadline of the request.
pub(super) struct Acquiring {
    pub(super) lock: Arc<dyn IdempotencyLock>,
    pub(super) ledger: Arc<dyn CallLedger>,
    pub(super) organization_id: OrganizationId,
    pub(super) hold: LockHold,
    pub(super) hold_for: Duration,
    pub(super) longest_wait: Duration,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether a reached limit only warns.
    pub(super) only_warns: bool,
}

impl Acquiring {
    /// Takes the lock within the limits of the hold, and returns the hold with those that count it, and
    /// with its slot.
    ///
    /// One round trip, if the store has the counts. Otherwise one to the ledger and a second one to
    /// the lock.
    pub(super) async fn run(mut self) -> Result<(HoldResult, LockHold), PortUnavailable> {
        // Each limit can be uncounted and then reached; a count may be lost between two steps.
        for _ in 0..=2 * self.hold.limits.len() + 1 {
            let asked_at = self.clock.monotonic();
            match self.acquire().await? {
                HoldResult::GrantedAfter { wait } => {
                    self.hold.opening = Some(Opening::new(asked_at, self.clock.monotonic(), wait));
                    return Ok((HoldResult::Granted, self.hold));
                }
                HoldResult::Uncounted(scopes) => self.count(&scopes).await?,
                HoldResult::Refused(code) if self.only_warns => {
                    let reached = self.hold.limits.extract_if(.., |limit| limit.scope.refusal() == code);
                    self.hold.reached.extend(reached);
                }
                result => return Ok((result, self.hold)),
            }
        }
        Err(PortUnavailable::new("gateway", "the lock lost its counts repeatedly"))
    }

    async fn acquire(&self) -> Result<HoldResult, PortUnavailable> {
        let LockHold { key, token, limits, paces, .. } = &self.hold;
        let (hold_for, longest_wait) = (self.hold_for, self.longest_wait);
        self.lock.acquire(&LockRequest { key, token, hold_for, limits, paces, longest_wait }).await
    }

    /// Reads the counts of these scopes from the ledger, at the same time.
    async fn count(&mut self, scopes: &[DayScope]) -> Result<(), PortUnavailable> {
        let uncounted = |limit: &&mut DayLimit| scopes.contains(&limit.scope);
        let (ledger, organization_id) = (&self.ledger, &self.organization_id);
        let counting = self.hold.limits.iter_mut().filter(uncounted).map(|limit| async move {
            let user_id = match &limit.scope {
                DayScope::User(user_id) => Some(user_id),
                DayScope::Organization(_) => None,
            };
            let query = CountQuery { organization_id, user_id, since: limit.day.from };
            limit.counted = Some(ledger.count_since(&query).await?);
            Ok(())
        });
        try_join_all(counting).await.map(drop)
    }
}

/// Adds the limits that are reached and not enforced to the decision that is stored with the call.
pub(super) fn add_warnings(decision: &mut Decision, reached: &[DayLimit]) {
    decision.warnings.extend(reached.iter().map(refusal));
    decision.warnings.sort_by_key(|warning| warning.code);
}

/// The refusal of a call because this limit is reached.
pub(super) fn refusal(limit: &DayLimit) -> Refusal {
    let (rule, whose) = match limit.scope {
        DayScope::User(_) => ("user-calls-per-day", "one user"),
        DayScope::Organization(_) => ("organization-calls-per-day", "the organization"),
    };
    Refusal {
        code: limit.scope.refusal(),
        rule_id: RuleId(rule.into()),
        source: "the calling policy of the organization".into(),
        detail: format!("at most {} calls of {whose} in a day", limit.limit).into(),
        opens_at: Some(limit.day.until),
    }
}

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ports::HoldResult;
use crate::{IntentKey, OwnerToken, SettledCall};

/// The intents that this process is dialling, or whose result it holds, by its own monotonic clock.
///
/// The lock and the reservation expire by the clocks of their stores. If the host's wall clock is
/// set forward while a phone rings, both stores may let the next request pass. This table then
/// refuses it. It only refuses: a request that it lets pass still needs the lock and the
/// reservation.
#[derive(Default)]
pub(super) struct HeldIntents(Mutex<Table>);

#[derive(Default)]
struct Table {
    intents: HashMap<IntentKey, HeldIntent>,
    /// Expired intents are removed when there are this many.
    clean_at: usize,
}

struct HeldIntent {
    token: OwnerToken,
    until: Duration,
    /// Holds the intent beyond `until`. The host may have been suspended for longer, and the dial
    /// still waits for its response.
    is_running: bool,
    outcome: Outcome,
}

enum Outcome {
    /// The call is in flight.
    Open,
    Unknown,
    Settled(SettledCall),
}

impl HeldIntent {
    fn holds(&self, now: Duration) -> bool {
        self.is_running || self.until > now
    }
}

/// Ends the run of a call when it is dropped, whether the call has ended or has panicked.
pub(super) struct Running<'a> {
    intents: &'a HeldIntents,
    key: &'a IntentKey,
    token: &'a OwnerToken,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.intents.table().intents.get_mut(self.key)
            && held.token == *self.token
        {
            held.is_running = false;
        }
    }
}

/// Fewer intents are not worth cleaning.
const SMALL: usize = 256;

impl HeldIntents {
    /// Holds the intent until this time and while it runs, or returns who holds it.
    pub(super) fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        now: Duration,
        until: Duration,
    ) -> HoldResult {
        let mut table = self.table();
        if let Some(held) = table.intents.get(key).filter(|held| held.holds(now)) {
            let remaining = held.until.saturating_sub(now).max(Duration::from_secs(1));
            return match &held.outcome {
                Outcome::Settled(call) => HoldResult::Settled(call.clone()),
                Outcome::Open => HoldResult::InFlight { remaining },
                Outcome::Unknown => HoldResult::Undecided { remaining },
            };
        }
        if table.intents.len() >= table.clean_at {
            table.intents.retain(|_, held| held.holds(now));
            table.clean_at = SMALL.max(table.intents.len().saturating_mul(2));
        }
        let held = HeldIntent { token: token.clone(), until, is_running: false, outcome: Outcome::Open };
        table.intents.insert(key.clone(), held);
        HoldResult::Granted
    }

    /// From now on the call of this owner runs, until the result is dropped.
    pub(super) fn run<'a>(&'a self, key: &'a IntentKey, token: &'a OwnerToken) -> Running<'a> {
        if let Some(held) = self.table().intents.get_mut(key).filter(|held| held.token == *token) {
            held.is_running = true;
        }
        Running { intents: self, key, token }
    }

    /// Holds the result of the call until this time.
    pub(super) fn settle(&self, key: &IntentKey, token: &OwnerToken, call: SettledCall, until: Duration) {
        if let Some(held) = self.table().intents.get_mut(key).filter(|held| held.token == *token) {
            held.until = until;
            held.outcome = Outcome::Settled(call);
        }
    }

    /// Holds the intent of a call of unknown outcome for as long as before.
    pub(super) fn leave_undecided(&self, key: &IntentKey, token: &OwnerToken) {
        if let Some(held) = self.table().intents.get_mut(key).filter(|held| held.token == *token) {
            held.outcome = Outcome::Unknown;
        }
    }

    /// Frees the intent: nothing was dialled.
    pub(super) fn release(&self, key: &IntentKey, token: &OwnerToken) {
        let mut table = self.table();
        if table.intents.get(key).is_some_and(|held| held.token == *token) {
            table.intents.remove(key);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each operation leaves the table in a state that the next one can use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

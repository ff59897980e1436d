//! Sharing what one process can do at the same time between organizations and users.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::InvalidValue;

/// The greatest part of a process's permits of one kind that one organization may hold, so that the
/// first call, stream or delivery of another organization finds a permit. 75 percent by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxShare {
    percent: u8,
}

impl MaxShare {
    /// This many percent, from 1 to 100. With 100, one organization may hold every permit.
    pub fn from_percent(percent: u8) -> Result<Self, InvalidValue> {
        match percent {
            1..=100 => Ok(Self { percent }),
            _ => Err(InvalidValue("a part from 1 to 100 percent")),
        }
    }

    /// This part of so many permits, rounded down, but at least one.
    #[must_use]
    pub fn of(self, permits: usize) -> usize {
        let percent = usize::from(self.percent);
        (permits / 100 * percent + permits % 100 * percent / 100).max(1)
    }
}

impl Default for MaxShare {
    fn default() -> Self {
        Self { percent: 75 }
    }
}

/// The permits of one kind in this process: a maximum in total, and a maximum for each holder, which
/// is an organization or a user.
///
/// This bounds the load of one process. Nothing that keeps calls apart depends on it.
pub struct Shares<K> {
    total: usize,
    of_one: usize,
    held: Mutex<Held<K>>,
}

struct Held<K> {
    total: usize,
    of_each: BTreeMap<K, usize>,
}

/// One permit of a holder, until it is dropped.
pub struct Share<K: Ord> {
    shares: Arc<Shares<K>>,
    holder: K,
}

impl<K: Ord + Clone> Shares<K> {
    /// At most `total` permits, and `of_one` for one holder.
    #[must_use]
    pub const fn new(total: usize, of_one: usize) -> Self {
        Self { total, of_one, held: Mutex::new(Held { total: 0, of_each: BTreeMap::new() }) }
    }

    /// One more permit for this holder. `None` if the holder has its maximum, or all are taken.
    pub fn take(self: &Arc<Self>, holder: &K) -> Option<Share<K>> {
        let mut held = self.lock();
        let of_holder = held.of_each.get(holder).copied().unwrap_or_default();
        if held.total >= self.total || of_holder >= self.of_one {
            return None;
        }
        held.total += 1;
        held.of_each.insert(holder.clone(), of_holder + 1);
        Some(Share { shares: Arc::clone(self), holder: holder.clone() })
    }

    /// How many permits are taken.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lock().total
    }

    /// How many permits each holder has. Holders without one are absent.
    #[must_use]
    pub fn held_by_each(&self) -> BTreeMap<K, usize> {
        self.lock().of_each.clone()
    }

    /// The maximum for one holder.
    #[must_use]
    pub const fn of_one(&self) -> usize {
        self.of_one
    }
}

impl<K> Shares<K> {
    fn lock(&self) -> MutexGuard<'_, Held<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.lock();
        held.total -= 1;
        if let Some(of_holder) = held.of_each.get_mut(&self.holder) {
            *of_holder -= 1;
            if *of_holder == 0 {
                held.of_each.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests;

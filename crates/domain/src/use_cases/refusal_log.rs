//! Counting refused requests, and reading the counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ports::{Clock, PortUnavailable, RefusalCount, RefusalCounts, RefusalQuery, UserRepo};
use crate::{OrganizationId, ReadCallsError, RefusalCode, Timestamp, UserId};

/// Counts refused requests in memory, and writes the counts later: no response waits for it.
///
/// A process that is killed loses what it has not written. If a write fails, its counts are written
/// again, so that they count twice if the store has them nevertheless.
pub struct RefusalLog {
    users: Arc<dyn UserRepo>,
    counts: Arc<dyn RefusalCounts>,
    clock: Arc<dyn Clock>,
    unwritten: Mutex<Unwritten>,
}

#[derive(Default)]
struct Unwritten {
    counts: BTreeMap<(OrganizationId, Timestamp, RefusalCode), u64>,
    /// The refusals that found no room.
    dropped: u64,
}

/// The counts that wait at most. A store that is lost for long must not fill the memory.
const MAX_UNWRITTEN: usize = 20_000;
/// The counts of one write.
const BATCH: usize = 500;
const A_DAY: Duration = Duration::from_hours(24);
const HOUR_MILLIS: i64 = 3_600_000;

impl RefusalLog {
    /// The longest span that is listed: all codes in all its hours are a response of a few hundred
    /// kilobytes.
    pub const MAX_SPAN: Duration = Duration::from_hours(31 * 24);

    /// The use case on these ports.
    #[must_use]
    pub fn new(users: Arc<dyn UserRepo>, counts: Arc<dyn RefusalCounts>, clock: Arc<dyn Clock>) -> Self {
        Self { users, counts, clock, unwritten: Mutex::default() }
    }

    /// Counts a request of this organization that was refused with this code. Returns immediately.
    pub fn note(&self, organization_id: &OrganizationId, code: RefusalCode) {
        let millis = self.clock.now().unix_millis();
        let hour = Timestamp::from_unix_millis(millis - millis.rem_euclid(HOUR_MILLIS));
        self.unwritten().add((organization_id.clone(), hour, code), 1);
    }

    /// Writes what was counted since the last write, and returns the number of counts.
    pub async fn write(&self) -> Result<usize, PortUnavailable> {
        let Unwritten { counts, dropped } = std::mem::take(&mut *self.unwritten());
        if dropped > 0 {
            tracing::warn!(
                refusals = dropped,
                "could not count some refused requests: too many counts waited for the store"
            );
        }
        let counts = counts.into_iter().map(|((organization_id, hour, code), refusals)| RefusalCount {
            organization_id,
            hour,
            code,
            refusals,
        });
        let counts: Vec<RefusalCount> = counts.collect();
        for (batch, at) in counts.chunks(BATCH).zip((0..).step_by(BATCH)) {
            if let Err(error) = self.counts.add(batch).await {
                let mut unwritten = self.unwritten();
                for count in counts.into_iter().skip(at) {
                    unwritten.add((count.organization_id, count.hour, count.code), count.refusals);
                }
                return Err(error);
            }
        }
        Ok(counts.len())
    }

    /// The counts of the user's organization, of the hours that begin in a span of at most
    /// [`RefusalLog::MAX_SPAN`]: without an end it ends now, and without a beginning it is a day. The
    /// last seconds may be missing.
    pub async fn list(
        &self,
        user: &UserId,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Vec<RefusalCount>, ReadCallsError> {
        let user = self.users.find(user).await?.ok_or(ReadCallsError::UserNotFound)?;
        let until = until.unwrap_or_else(|| self.clock.now());
        let from = from.unwrap_or_else(|| until.before(A_DAY));
        let until = until.min(from.after(Self::MAX_SPAN));
        let query = RefusalQuery { organization_id: user.organization.id, from, until };
        Ok(self.counts.list(&query).await?)
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        // Each operation leaves the counts in a state that the next one can use.
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unwritten {
    fn add(&mut self, key: (OrganizationId, Timestamp, RefusalCode), refusals: u64) {
        if self.counts.len() >= MAX_UNWRITTEN && !self.counts.contains_key(&key) {
            self.dropped = self.dropped.saturating_add(refusals);
            return;
        }
        let count = self.counts.entry(key).or_default();
        *count = count.saturating_add(refusals);
    }
}

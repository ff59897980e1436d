//! Limits how many recordings are read at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{MaxShare, OrganizationId, Share, Shares, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most recordings that one user, and all users of this process, read at the same time. Each
/// holds a connection, an open file and some chunks, also while its client does not read.
const MAX_RECORDINGS_PER_USER: usize = 4;
const MAX_RECORDINGS: usize = 256;
/// How long a request waits for earlier ones to end.
const WAIT: Duration = Duration::from_secs(5);

/// The permits to read recordings.
pub(crate) struct RecordingPermits {
    all: Arc<Semaphore>,
    by_user: Users,
    organizations: Arc<Shares<OrganizationId>>,
}

/// Only users who read or wait have an entry.
type Users = Arc<Mutex<HashMap<UserId, Arc<Semaphore>>>>;

/// The right to read one recording, until it is dropped.
// The fields are dropped in this order: the permit of the user refers to the entry.
pub(crate) struct RecordingPermit {
    organizations: Arc<Shares<OrganizationId>>,
    _of_organization: Option<Share<OrganizationId>>,
    _of_all: OwnedSemaphorePermit,
    _of_user: OwnedSemaphorePermit,
    _entry: UserEntry,
}

/// Keeps the entry of a user.
struct UserEntry {
    by_user: Users,
    user_id: UserId,
    /// `None` while it is dropped.
    permits: Option<Arc<Semaphore>>,
}

impl RecordingPermits {
    pub(crate) fn new(max_share: MaxShare) -> Self {
        let organizations = Arc::new(Shares::new(MAX_RECORDINGS, max_share.of(MAX_RECORDINGS)));
        Self { all: Arc::new(Semaphore::new(MAX_RECORDINGS)), by_user: Users::default(), organizations }
    }

    /// A permit to read one more recording. `None` after [`WAIT`]: the earlier ones are still read.
    pub(crate) async fn acquire(&self, user_id: &UserId) -> Option<RecordingPermit> {
        let entry = UserEntry::of(&self.by_user, user_id);
        let acquiring = async {
            let of_user = Arc::clone(entry.permits.as_ref()?).acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some((of_user, of_all))
        };
        let (of_user, of_all) = tokio::time::timeout(WAIT, acquiring).await.ok()??;
        let organizations = Arc::clone(&self.organizations);
        Some(RecordingPermit {
            organizations,
            _of_organization: None,
            _of_all: of_all,
            _of_user: of_user,
            _entry: entry,
        })
    }
}

impl RecordingPermit {
    /// Counts the recording for the organization of its call; `None` if the organization has its
    /// share of the permits already.
    pub(crate) fn charged_to(self, organization_id: &OrganizationId) -> Option<Self> {
        let share = self.organizations.take(organization_id)?;
        Some(Self { _of_organization: Some(share), ..self })
    }
}

impl UserEntry {
    fn of(by_user: &Users, user_id: &UserId) -> Self {
        let mut users = by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let permits =
            users.entry(user_id.clone()).or_insert_with(|| Arc::new(Semaphore::new(MAX_RECORDINGS_PER_USER)));
        Self { by_user: Arc::clone(by_user), user_id: user_id.clone(), permits: Some(Arc::clone(permits)) }
    }
}

impl Drop for UserEntry {
    fn drop(&mut self) {
        let mut users = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        self.permits = None;
        if users.get(&self.user_id).is_some_and(|permits| Arc::strong_count(permits) == 1) {
            users.remove(&self.user_id);
        }
    }
}

#[cfg(test)]
mod tests;

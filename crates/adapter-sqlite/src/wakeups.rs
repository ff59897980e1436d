use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::OrganizationId;
use tokio::sync::watch;

/// Wakes the readers in this process that wait for an organization's events. There are at most as
/// many entries as organizations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wakeups {
    readers: Arc<Mutex<HashMap<OrganizationId, watch::Sender<()>>>>,
}

impl Wakeups {
    /// A receiver of every wake-up from now on. Call it before the first look, so that no event is
    /// missed.
    pub(crate) fn subscribe(&self, organization_id: &OrganizationId) -> watch::Receiver<()> {
        let mut readers = self.lock();
        match readers.get(organization_id) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = watch::channel(());
                readers.insert(organization_id.clone(), sender);
                receiver
            }
        }
    }

    /// Wakes the readers of this organization. Removes its entry if there are none.
    pub(crate) fn wake(&self, organization_id: &OrganizationId) {
        let mut readers = self.lock();
        if readers.get(organization_id).is_some_and(|sender| sender.send(()).is_err()) {
            readers.remove(organization_id);
        }
    }

    /// Wakes every reader for the last time.
    pub(crate) fn end(&self) {
        self.lock().clear();
    }

    /// A panic of another holder of the lock cannot leave the map half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<OrganizationId, watch::Sender<()>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::OrganizationId;
use tokio::sync::watch;

/// Wakes those in this process who wait for an organization's events. There are no more entries than organizations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wakeups {
    waited_for: Arc<Mutex<HashMap<OrganizationId, watch::Sender<()>>>>,
}

impl Wakeups {
    /// Sees every wake-up from now on: to be called before looking whether there is anything to wait for.
    pub(crate) fn subscribe(&self, organization_id: &OrganizationId) -> watch::Receiver<()> {
        let mut waited_for = self.lock();
        match waited_for.get(organization_id) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = watch::channel(());
                waited_for.insert(organization_id.clone(), sender);
                receiver
            }
        }
    }

    /// Wakes those who wait for this organization, and forgets it where nobody does.
    pub(crate) fn wake(&self, organization_id: &OrganizationId) {
        let mut waited_for = self.lock();
        if waited_for.get(organization_id).is_some_and(|sender| sender.send(()).is_err()) {
            waited_for.remove(organization_id);
        }
    }

    /// Wakes everybody, for the last time.
    pub(crate) fn end(&self) {
        self.lock().clear();
    }

    /// The map is whole whatever became of whoever held it.
    fn lock(&self) -> MutexGuard<'_, HashMap<OrganizationId, watch::Sender<()>>> {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_for_an_organization_are_woken_and_no_others() {
        let id = |text| OrganizationId::parse(text).expect("an id");
        let wakeups = Wakeups::default();
        let (mut ours, theirs) = (wakeups.subscribe(&id("ours")), wakeups.subscribe(&id("theirs")));
        let also_ours = wakeups.subscribe(&id("ours"));
        let is_woken = |receiver: &watch::Receiver<()>| receiver.has_changed().expect("it goes on");
        assert!(!is_woken(&ours), "nothing was published since");
        wakeups.wake(&id("ours"));
        assert!(is_woken(&ours) && is_woken(&also_ours) && !is_woken(&theirs));
        ours.mark_unchanged();
        assert!(!is_woken(&ours));

        wakeups.end();
        assert!(
            ours.has_changed().is_err() && theirs.has_changed().is_err(),
            "nobody waits for a closed store"
        );
    }

    #[test]
    fn an_organization_that_nobody_waits_for_is_forgotten() {
        let id = OrganizationId::parse("ours").expect("an id");
        let wakeups = Wakeups::default();
        drop(wakeups.subscribe(&id));
        wakeups.wake(&id);
        assert!(wakeups.lock().is_empty());
        wakeups.wake(&id);
    }
}

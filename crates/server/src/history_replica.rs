//! History from a replica of the database, and from the database itself while the replica fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{CallReader, HistoryPage, HistoryQuery, PortUnavailable};
use domain::{CallId, CallRecord, OrganizationId};

/// How long the replica is not asked after a failure: a request must not wait for it each time.
const PAUSE: Duration = Duration::from_secs(10);

/// Lists calls from the replica. It may be some seconds behind, so that one call, which clients ask for
/// after they have placed it, is read from the primary.
pub(crate) struct HistoryReplica {
    replica: Arc<dyn CallReader>,
    primary: Arc<dyn CallReader>,
    failed_at: Mutex<Option<Instant>>,
}

impl HistoryReplica {
    pub(crate) fn new(replica: Arc<dyn CallReader>, primary: Arc<dyn CallReader>) -> Self {
        Self { replica, primary, failed_at: Mutex::default() }
    }

    fn pauses(&self) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|failed_at| failed_at.elapsed() < PAUSE)
    }

    fn note(&self, failed_at: Option<Instant>) {
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = failed_at;
    }
}

#[async_trait]
impl CallReader for HistoryReplica {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        self.primary.find(organization_id, id).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        if self.pauses() {
            return self.primary.history(query).await;
        }
        match self.replica.history(query).await {
            Ok(page) => {
                self.note(None);
                Ok(page)
            }
            Err(error) => {
                self.note(Some(Instant::now()));
                tracing::warn!(%error, "the replica for the history failed: the primary is read for 10 s");
                self.primary.history(query).await
            }
        }
    }
}

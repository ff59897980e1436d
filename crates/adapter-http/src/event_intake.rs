//! Receives the voice provider's events, within bounds.

mod minimum_rate;

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::web;
use domain::ports::WebhookCredentials;
use domain::{CallId, OrganizationId, ReceiveEvent, ReceiveEventError, RequestSource};
use futures_util::StreamExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use self::minimum_rate::MinimumRate;
use crate::auth::bearer;
use crate::event_body::EventBody;
use crate::provider_request_error::ProviderRequestError;
use crate::state::TimeLimits;

/// A body is read before its sender is verified, so the memory for bodies is bounded: 256 of up to
/// 256 KiB, and 16 of the larger ones. A transcript is small; a recording is not. Until its permit,
/// a body has no more bytes than a connection buffers anyway.
const MAX_DELIVERIES: usize = 256;
const MAX_LARGE_DELIVERIES: usize = 16;
const SMALL_BODY_LIMIT: usize = 256 * 1024;
/// An event gets its permit when this many bytes, or a whole shorter body, have arrived: a client
/// that sends less holds a connection, and no permit that another event waits for.
const UNPERMITTED_LIMIT: usize = 16 * 1024;
/// The most bodies that wait for the permit of a large one. They hold the permit of a small one
/// meanwhile, and must leave most of these to small events.
const MAX_WAITING_LARGE_DELIVERIES: usize = 64;
/// In bytes a second. The provider sends an event in milliseconds, and one of 16 MiB is refused
/// anyway at less than 546 KiB a second, because it must be complete within 30 s. There are few
/// permits for large bodies, so that their senders must be faster.
const MIN_RATE: u32 = 16 * 1024;
const MIN_LARGE_RATE: u32 = 256 * 1024;

/// Receives the voice provider's events, and wakes the worker that merges them into the ledger.
/// Clones share their permits.
#[derive(Clone)]
pub struct EventIntake {
    receive_event: Arc<ReceiveEvent>,
    accepted: Arc<Notify>,
    permits: Arc<Semaphore>,
    large_permits: Arc<Semaphore>,
    waiting_for_large: Arc<Semaphore>,
}

/// An event that was read and not yet verified, with the permits for its memory.
pub(crate) struct Delivery {
    intake: EventIntake,
    source: RequestSource,
    credentials: WebhookCredentials,
    body: EventBody,
    permit: OwnedSemaphorePermit,
    large_permit: Option<OwnedSemaphorePermit>,
}

/// The credentials of a request from the provider.
pub(crate) fn credentials(headers: &HeaderMap) -> WebhookCredentials {
    let bearer = bearer::secret(headers, WebhookCredentials::MAX_VALUE_LEN);
    WebhookCredentials::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())), bearer)
}

impl EventIntake {
    /// An intake that notifies one waiter of `accepted` for each event that it stores.
    #[must_use]
    pub fn new(receive_event: Arc<ReceiveEvent>, accepted: Arc<Notify>) -> Self {
        let permits = Arc::new(Semaphore::new(MAX_DELIVERIES));
        let large_permits = Arc::new(Semaphore::new(MAX_LARGE_DELIVERIES));
        let waiting_for_large = Arc::new(Semaphore::new(MAX_WAITING_LARGE_DELIVERIES));
        Self { receive_event, accepted, permits, large_permits, waiting_for_large }
    }

    /// Reads an event within `limits.event`, which includes the wait for permits: the provider sends
    /// some events only once, and a refusal would lose them. Reads nothing of a request whose
    /// headers show that it will not be verified. `organization_id` is the one in its path.
    pub(crate) async fn read(
        &self,
        organization_id: Option<OrganizationId>,
        credentials: WebhookCredentials,
        mut payload: web::Payload,
        limits: TimeLimits,
    ) -> Result<Delivery, ProviderRequestError> {
        let source = self.receive_event.source(organization_id.as_ref(), &credentials).await?;
        let deadline = Instant::now() + limits.event;
        let mut rate = MinimumRate::new(MIN_RATE, limits.event_stall);
        let (mut permit, mut large_permit) = (None, None);
        let mut body = EventBody::new();
        loop {
            let waiting_since = Instant::now();
            // Only a sender that holds a permit makes others wait.
            let must_arrive_by = match permit {
                Some(_) => deadline.min(waiting_since + rate.longest_wait()),
                None => deadline,
            };
            let chunk = timeout_at(must_arrive_by, payload.next()).await;
            let Some(chunk) = chunk.map_err(|_| ProviderRequestError::TooSlow)? else { break };
            let chunk = chunk.map_err(|_| ProviderRequestError::Incomplete)?;
            let len = body.len_after(&chunk);
            if permit.is_some() {
                rate.received(chunk.len(), waiting_since.elapsed());
            } else if len >= UNPERMITTED_LIMIT {
                permit = Some(self::permit(&self.permits, deadline).await?);
            }
            if len > SMALL_BODY_LIMIT && large_permit.is_none() {
                large_permit = Some(self.large_permit(deadline).await?);
                rate = MinimumRate::new(MIN_LARGE_RATE, limits.event_stall);
            }
            body.add(&chunk, &self.receive_event, &source, &credentials)?;
        }
        let permit = match permit {
            Some(permit) => permit,
            None => self::permit(&self.permits, deadline).await?,
        };
        Ok(Delivery { intake: self.clone(), source, credentials, body, permit, large_permit })
    }

    async fn large_permit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, ProviderRequestError> {
        if let Ok(permit) = Arc::clone(&self.large_permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.waiting_for_large.try_acquire().map_err(|_| ProviderRequestError::TooMany)?;
        permit(&self.large_permits, deadline).await
    }
}

impl Delivery {
    /// Stores the event if the provider sent it. Returns its call, if that is already known.
    pub(crate) async fn store(self) -> Result<Option<CallId>, ReceiveEventError> {
        let Self { intake, source, credentials, body, permit, large_permit } = self;
        let received = body.store(&intake.receive_event, &source, &credentials).await;
        drop((permit, large_permit));
        let call_id = received?;
        intake.accepted.notify_one();
        Ok(call_id)
    }
}

async fn permit(
    permits: &Arc<Semaphore>,
    deadline: Instant,
) -> Result<OwnedSemaphorePermit, ProviderRequestError> {
    let waiting = timeout_at(deadline, Arc::clone(permits).acquire_owned()).await;
    let permit = waiting.map_err(|_| ProviderRequestError::TooMany)?;
    Ok(permit.expect("the intake never closes its semaphores"))
}

//! Where the voice provider's events arrive.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::web;
use domain::ports::{Unverified, WebhookCredentials};
use domain::{CallId, ReceiveEvent, ReceiveEventError};
use futures_util::StreamExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::auth::bearer;
use crate::error_answer::log_delivery_cause;

/// The largest event that is read, in bytes: a recording comes whole.
pub const EVENT_BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Bodies are read before anybody knows who sent them, so that what they may take up is bounded: 256 of up to 256 KiB, and 16
/// of these larger ones. A transcript is small; a recording is not.
const DELIVERIES_AT_ONCE: usize = 256;
const LARGE_DELIVERIES_AT_ONCE: usize = 16;
const SMALL_BODY_LIMIT: usize = 256 * 1024;

/// Takes in the voice provider's events, and says so to whoever brings them into the books.
pub struct EventIntake {
    receive_event: Arc<ReceiveEvent>,
    accepted: Arc<Notify>,
    seats: Arc<Semaphore>,
    large_seats: Arc<Semaphore>,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// There was no room for it.
    #[error("too many events arrive at once")]
    TooMany,
    /// It did not arrive in time.
    #[error("the event did not arrive in time")]
    TooSlow,
    /// It is larger than [`EVENT_BODY_LIMIT`].
    #[error("the event is too large")]
    TooLarge,
    /// The connection ended within it.
    #[error("the event broke off")]
    BrokeOff,
    /// The use case said so.
    #[error(transparent)]
    Refused(ReceiveEventError),
}

/// A body, and the room that it takes up.
pub(crate) struct Delivery {
    body: Vec<u8>,
    seat: OwnedSemaphorePermit,
    large_seat: Option<OwnedSemaphorePermit>,
}

impl EventIntake {
    /// An intake that notifies one waiter of `accepted` for each event that was stored.
    #[must_use]
    pub fn new(receive_event: Arc<ReceiveEvent>, accepted: Arc<Notify>) -> Self {
        let seats = Arc::new(Semaphore::new(DELIVERIES_AT_ONCE));
        let large_seats = Arc::new(Semaphore::new(LARGE_DELIVERIES_AT_ONCE));
        Self { receive_event, accepted, seats, large_seats }
    }

    /// Refuses a request that shows no credentials.
    pub(crate) fn check_credentials(&self, credentials: &WebhookCredentials) -> Result<(), Unverified> {
        self.receive_event.check_credentials(credentials)
    }

    /// Reads a body within `time_limit`, the wait for room included: to turn an event away at once would lose what the provider
    /// delivers only once.
    pub(crate) async fn read(
        &self,
        payload: web::Payload,
        time_limit: Duration,
    ) -> Result<Delivery, DeliveryError> {
        let delivery = self.read_until(payload, Instant::now() + time_limit).await;
        delivery.inspect_err(log_delivery_cause)
    }

    /// Stores what was read, if it is the provider's, and says of which call it speaks if that is known.
    pub(crate) fn receive(
        &self,
        credentials: WebhookCredentials,
        delivery: Delivery,
    ) -> impl Future<Output = Result<Option<CallId>, DeliveryError>> + Send + use<> {
        let (receive_event, accepted) = (Arc::clone(&self.receive_event), Arc::clone(&self.accepted));
        async move {
            let Delivery { body, seat, large_seat } = delivery;
            let received = receive_event.receive(&credentials, &body).await;
            drop((body, seat, large_seat));
            let call_id = received.map_err(DeliveryError::Refused).inspect_err(log_delivery_cause)?;
            accepted.notify_one();
            Ok(call_id)
        }
    }

    async fn read_until(
        &self,
        mut payload: web::Payload,
        deadline: Instant,
    ) -> Result<Delivery, DeliveryError> {
        let seat = seat(&self.seats, deadline).await?;
        let mut large_seat = None;
        let mut body = Vec::new();
        while let Some(chunk) =
            timeout_at(deadline, payload.next()).await.map_err(|_| DeliveryError::TooSlow)?
        {
            let chunk = chunk.map_err(|_| DeliveryError::BrokeOff)?;
            let len = body.len() + chunk.len();
            if len > EVENT_BODY_LIMIT {
                return Err(DeliveryError::TooLarge);
            }
            if len > SMALL_BODY_LIMIT && large_seat.is_none() {
                large_seat = Some(self::seat(&self.large_seats, deadline).await?);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Delivery { body, seat, large_seat })
    }
}

/// The credentials of a request from the provider.
pub(crate) fn credentials(headers: &HeaderMap) -> WebhookCredentials {
    let bearer = bearer::secret(headers, WebhookCredentials::MAX_VALUE_LEN);
    WebhookCredentials::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())), bearer)
}

async fn seat(seats: &Arc<Semaphore>, deadline: Instant) -> Result<OwnedSemaphorePermit, DeliveryError> {
    let waiting = timeout_at(deadline, Arc::clone(seats).acquire_owned()).await;
    let seat = waiting.map_err(|_| DeliveryError::TooMany)?;
    Ok(seat.expect("the intake never closes its seats"))
}

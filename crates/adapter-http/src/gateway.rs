//! The server and what its handlers share.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use domain::{FollowCalls, PersonalizeCall, ReadCalls, WebhookRegistry};
#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
#[cfg(any(target_os = "linux", target_os = "android"))]
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;

use crate::auth::Authenticator;
use crate::desk::CallDesk;
use crate::event_intake::EventIntake;
use crate::event_streams::EventStreams;
use crate::health::{Readiness, ReadinessGate};
use crate::request_log::log_request;
use crate::routes;

/// What the handlers share. A clone is the same gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

/// What a gateway is made of.
pub struct GatewayParts {
    /// Where calls are placed.
    pub desk: Arc<CallDesk>,
    /// Who asks.
    pub authenticator: Authenticator,
    /// Whether calls can be placed here.
    pub readiness: Arc<dyn Readiness>,
    /// What became of calls.
    pub read_calls: Arc<ReadCalls>,
    /// What becomes of calls while they go on.
    pub follow_calls: Arc<FollowCalls>,
    /// Where organizations want their events sent.
    pub webhooks: Arc<WebhookRegistry>,
    /// The voice provider's name, as clients read it in a call: `elevenlabs`.
    pub provider: &'static str,
    /// Where the provider's events are taken in. Without it there is nothing to verify them with, and each is refused with
    /// 401.
    pub events: Option<EventIntake>,
    /// Who calls. Without it there is nothing to verify the provider's question with, and each is refused with 401.
    pub personalize: Option<Arc<PersonalizeCall>>,
    /// The runtime that the pools behind all of these belong to. It must outlive the server.
    pub runtime: Handle,
}

struct Shared {
    parts: GatewayParts,
    readiness: ReadinessGate,
    streams: EventStreams,
    recording_seats: Arc<Semaphore>,
}

/// Work broke off inside this process, as a bug would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BrokeOff;

/// How the server behaves towards its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSettings {
    /// Threads that serve requests; at least 1.
    pub workers: usize,
    /// How long a request's body may take to arrive, once its head is read.
    pub body_timeout: Duration,
    /// How long an event of the voice provider may take to arrive and to find room, which has up to
    /// [`EVENT_BODY_LIMIT`](crate::EVENT_BODY_LIMIT) bytes.
    pub event_timeout: Duration,
    /// How long a stream of events may be silent before a comment is sent, which shows both ends that the other is there.
    pub heartbeat: Duration,
    /// How long what was sent may stay untaken, by a client that reads nothing or has vanished, before its connection is given
    /// up; where the system keeps such a time: on Linux.
    pub unread_timeout: Duration,
    /// How long [`Server`]'s graceful stop waits for answers that are still owed: longer than a phone may ring, or a client
    /// who waits for a dial gets none. Counted in whole seconds, rounded up.
    pub shutdown_timeout: Duration,
}

/// How long a handler waits for a body.
pub(crate) struct BodyTimeout(pub(crate) Duration);

/// How long a handler waits for an event.
pub(crate) struct EventTimeout(pub(crate) Duration);

/// How long a stream of events is silent at most.
pub(crate) struct Heartbeat(pub(crate) Duration);

/// A recording has up to 16 MiB and is held more than twice over while it is put into an answer.
const RECORDINGS_AT_ONCE: usize = 4;
/// How long a request for one waits for its turn.
const RECORDINGS_WAIT: Duration = Duration::from_secs(5);
/// Longer than the idle time of the usual load balancer (60 s), so that it is never we who close a connection that it is
/// about to use.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The answer to a head that takes longer is bare, outside the contract's envelope: so long that on a starved machine it is the
/// client who is slow and not we.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// No handler blocks, so the pool for those that do is as small as it can be.
const BLOCKING_THREADS: usize = 1;

impl Gateway {
    /// A gateway of these parts.
    #[must_use]
    pub fn new(parts: GatewayParts) -> Self {
        let readiness = ReadinessGate::new(Arc::clone(&parts.readiness), parts.runtime.clone());
        let streams = EventStreams::new(Arc::clone(&parts.follow_calls), parts.runtime.clone());
        let recording_seats = Arc::new(Semaphore::new(RECORDINGS_AT_ONCE));
        Self(Arc::new(Shared { parts, readiness, streams, recording_seats }))
    }

    /// Says *not ready* from now on, so that no new client is sent here, and ends the streams of events, whose clients then
    /// come back to another gateway; requests are still served.
    pub fn start_draining(&self) {
        self.0.readiness.start_draining();
        self.0.streams.end();
    }

    pub(crate) fn desk(&self) -> &CallDesk {
        &self.0.parts.desk
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.0.parts.authenticator
    }

    pub(crate) fn readiness(&self) -> &ReadinessGate {
        &self.0.readiness
    }

    pub(crate) fn read_calls(&self) -> &Arc<ReadCalls> {
        &self.0.parts.read_calls
    }

    pub(crate) fn webhooks(&self) -> &Arc<WebhookRegistry> {
        &self.0.parts.webhooks
    }

    pub(crate) fn streams(&self) -> &EventStreams {
        &self.0.streams
    }

    pub(crate) fn provider(&self) -> &'static str {
        self.0.parts.provider
    }

    pub(crate) fn events(&self) -> Option<&EventIntake> {
        self.0.parts.events.as_ref()
    }

    pub(crate) fn personalize(&self) -> Option<&Arc<PersonalizeCall>> {
        self.0.parts.personalize.as_ref()
    }

    /// Room for one more recording in memory; nothing where there is none for a while, since their store hangs.
    pub(crate) async fn recording_seat(&self) -> Option<OwnedSemaphorePermit> {
        let seat = Arc::clone(&self.0.recording_seats).acquire_owned();
        let seat = tokio::time::timeout(RECORDINGS_WAIT, seat).await.ok()?;
        Some(seat.expect("the gateway never closes these seats"))
    }

    /// Runs work on the runtime that the pools belong to, and to its end, whether or not somebody waits for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, BrokeOff> {
        self.0.parts.runtime.spawn(work.in_current_span()).await.map_err(|_| {
            tracing::error!("a request broke off inside the gateway");
            BrokeOff
        })
    }
}

/// Serves the routes on this listener. To be called inside a tokio runtime; the server runs once it is awaited or spawned.
///
/// It handles no signals: whoever runs it stops it by its handle, `stop(true)` being the graceful way, which closes the
/// listener and waits for the answers that are owed.
pub fn serve(listener: TcpListener, gateway: Gateway, settings: HttpSettings) -> io::Result<Server> {
    let app = move || {
        App::new()
            .app_data(web::Data::new(gateway.clone()))
            .app_data(web::Data::new(BodyTimeout(settings.body_timeout)))
            .app_data(web::Data::new(EventTimeout(settings.event_timeout)))
            .app_data(web::Data::new(Heartbeat(settings.heartbeat)))
            .wrap(from_fn(log_request))
            .configure(routes::configure)
    };
    let server = HttpServer::new(app)
        .workers(settings.workers)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .tcp_nodelay(true)
        .on_connect(move |connection, _| give_up_unread(connection, settings.unread_timeout))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(REQUEST_HEAD_TIMEOUT)
        .shutdown_timeout(settings.shutdown_timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// The server itself waits for a client to read for as long as the other side's TCP answers, or a quarter of an hour where it does
/// not: with the answer in memory, a stream's seat taken, and a graceful stop waiting.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn give_up_unread(connection: &dyn Any, after: Duration) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(after))
    {
        tracing::debug!(%error, "a client that takes nothing is waited for");
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn give_up_unread(_: &dyn Any, _: Duration) {}

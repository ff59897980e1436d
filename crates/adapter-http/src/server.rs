//! The HTTP server: its listener, workers and connections.

use std::any::Any;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, HttpServer, web};
#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
#[cfg(any(target_os = "linux", target_os = "android"))]
use tokio::net::TcpStream;

use crate::cors::{AllowedOrigins, refusals_as_failures};
use crate::head_requests::without_body;
use crate::request_log::log_request;
use crate::routes;
use crate::state::Gateway;

/// How the server treats its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Threads that serve requests; at least 1.
    pub workers: usize,
    /// How long sent bytes may stay unacknowledged before the connection is closed: the client
    /// reads nothing, or no longer exists. Works where the operating system has such a timeout: on
    /// Linux.
    pub unread_timeout: Duration,
    /// How long a graceful stop of the [`Server`] waits for pending responses. It must be longer
    /// than a phone may ring, or a client that waits for a dial gets no response. Rounded up to
    /// whole seconds.
    pub shutdown_timeout: Duration,
    /// Whose pages may call the API from a browser.
    pub allowed_origins: AllowedOrigins,
}

/// Longer than the idle timeout of common load balancers (60 s): otherwise the gateway may close a
/// connection while the load balancer sends a request on it.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The response to a slower head is outside of the contract's envelope. Long, so that only a slow
/// client gets it and not one of a busy machine.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// No handler blocks, so the pool for blocking work has the smallest size.
const BLOCKING_THREADS: usize = 1;

/// Serves the routes on this listener. Call it inside a tokio runtime; the server runs once it is
/// awaited or spawned.
///
/// It handles no signals: stop it by its handle. `stop(true)` closes the listener and waits for
/// pending responses.
pub fn serve(listener: TcpListener, gateway: Gateway, settings: HttpSettings) -> io::Result<Server> {
    let HttpSettings { allowed_origins: origins, .. } = settings.clone();
    let app = move || {
        App::new()
            .app_data(web::Data::new(gateway.clone()))
            // The last one is the outermost: every response has a request id.
            .wrap(from_fn(without_body))
            .wrap(Condition::new(origins.are_any(), origins.middleware()))
            .wrap(from_fn(refusals_as_failures))
            .wrap(from_fn(log_request))
            .configure(routes::configure)
    };
    let server = HttpServer::new(app)
        .workers(settings.workers)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .tcp_nodelay(true)
        .on_connect(move |connection, _| set_unread_timeout(connection, settings.unread_timeout))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(REQUEST_HEAD_TIMEOUT)
        .shutdown_timeout(settings.shutdown_timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// Without this timeout, the server waits for a client that reads nothing as long as its TCP stack
/// responds, or for a quarter of an hour if it does not. Meanwhile the response stays in memory, an
/// event stream keeps its permit, and a graceful stop waits.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_unread_timeout(connection: &dyn Any, timeout: Duration) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(timeout))
    {
        tracing::debug!(%error, "could not set a connection's unread timeout; the system's applies");
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_unread_timeout(_: &dyn Any, _: Duration) {}

//! The listener and its connections.
//!
//! This crate has its own accept loop, on one thread, because actix's server can neither refuse
//! connections and listen again on the same port, nor let a handler abort its connection. actix
//! handles HTTP itself.

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{ConnectionType, Extensions, HttpService};
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, web};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::connection::{Connection, ConnectionStream};
use crate::listener_control::{Command, Commands};
use crate::state::State;
use crate::{control, elevenlabs, sinch, vapi};

/// Connections that wait to be accepted (the kernel's own limit may be lower).
const BACKLOG: u32 = 16_384;
/// Longer than any client's connection pool keeps an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(300);

pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    reserve(address)?.listen(BACKLOG)
}

/// Binds a socket that does not listen: it keeps the port while connections are refused.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections and carries out commands until [`Command::Stop`].
pub(crate) async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    mut commands: Commands,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (refusing_sender, refusing) = watch::channel(false);
    let app_state = web::Data::from(Arc::clone(&state));
    let app_refusing = refusing.clone();
    let app = map_config(
        App::new()
            .app_data(app_state)
            .app_data(web::Data::new(app_refusing))
            .wrap(from_fn(track_request))
            .configure(control::configure)
            .configure(vapi::configure)
            .configure(sinch::configure)
            .configure(elevenlabs::configure),
        |()| AppConfig::default(),
    );
    let http = HttpService::build()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(Duration::ZERO)
        .h1_allow_half_closed(false)
        .on_connect_ext(|stream: &ConnectionStream, extensions: &mut Extensions| {
            extensions.insert(Rc::clone(stream.connection()));
        })
        .h1(app)
        .new_service(())
        .await
        .map_err(|()| io::Error::other("cannot start the HTTP service"))?;
    let http = Rc::new(http);

    let idle_connections = Rc::new(Cell::new(0));
    let mut listener = Some(listener);
    let mut reserved = None;
    let mut reopen_at = None;
    loop {
        tokio::select! {
            command = commands.0.recv() => match command {
                None | Some(Command::Stop) => return Ok(()),
                Some(Command::Refuse { until, done }) => {
                    if listener.take().is_some() {
                        reserved = Some(reserve_again(address).await?);
                    }
                    refusing_sender.send_replace(true);
                    wait_for_idle_connections_to_close(&idle_connections).await;
                    reopen_at = until;
                    done();
                }
                Some(Command::Listen { done }) => {
                    reopen(&mut listener, &mut reserved)?;
                    refusing_sender.send_replace(false);
                    reopen_at = None;
                    done();
                }
            },
            () = wait_until(reopen_at) => {
                reopen(&mut listener, &mut reserved)?;
                refusing_sender.send_replace(false);
                reopen_at = None;
            }
            (tcp, peer) = accept(listener.as_ref()) => {
                if let Some(reset) = state.scripts().take_connection_to_close() {
                    actix_web::rt::spawn(close_unread(tcp, reset));
                    continue;
                }
                let http = Rc::clone(&http);
                let refusing = refusing.clone();
                let connection = Rc::new(Connection::new(&idle_connections));
                actix_web::rt::spawn(async move {
                    let stream = ConnectionStream::new(tcp, Rc::clone(&connection));
                    tokio::select! {
                        ended = http.call((stream, Some(peer))) => if let Err(error) = ended {
                            tracing::debug!(%error, "a connection failed");
                        },
                        () = refused_while_idle(&connection, refusing) => {}
                    }
                });
            }
        }
    }
}

/// Counts a request, and marks its connection as busy until the response is ready.
async fn track_request(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    let set_busy = |busy| connection.as_ref().map_or((), |connection| connection.set_busy(busy));
    let refusing = request.app_data::<web::Data<watch::Receiver<bool>>>().cloned();
    if !request.path().starts_with("/sim/")
        && let Some(state) = request.app_data::<web::Data<State>>()
    {
        let pattern = request.match_pattern().unwrap_or_else(|| "other".to_owned());
        *state.requests().entry(pattern).or_default() += 1;
    }
    set_busy(true);
    let mut response = next.call(request).await;
    set_busy(false);
    if let Ok(response) = &mut response
        && refusing.is_some_and(|refusing| *refusing.borrow())
    {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

/// Returns when connections are refused and this one has no request in progress.
async fn refused_while_idle(connection: &Connection, mut refusing: watch::Receiver<bool>) {
    loop {
        if *refusing.borrow_and_update() && !connection.is_busy() {
            return;
        }
        if refusing.changed().await.is_err() {
            return;
        }
    }
}

/// Waits for a second at most: a client that does not read can keep its connection open.
async fn wait_for_idle_connections_to_close(idle_connections: &Cell<usize>) {
    let closed = async {
        while idle_connections.get() > 0 {
            yield_now().await;
        }
    };
    if timeout(Duration::from_secs(1), closed).await.is_err() {
        tracing::debug!("idle connections are still open after 1 s; refusing new ones anyway");
    }
}

async fn accept(listener: Option<&TcpListener>) -> (TcpStream, SocketAddr) {
    let Some(listener) = listener else { return pending().await };
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => match tcp.set_nodelay(true) {
                Ok(()) => return (tcp, peer),
                Err(error) => tracing::debug!(%error, "dropping a connection that the client closed"),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; retrying in 20 ms");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn close_unread(tcp: TcpStream, reset: bool) {
    if reset {
        // A client that is reset before it sees its connection reports a failed connect instead.
        sleep(Duration::from_millis(5)).await;
        if let Err(error) = tcp.set_zero_linger() {
            tracing::warn!(%error, "cannot reset a connection; closing it instead");
        }
    }
}

fn reopen(listener: &mut Option<TcpListener>, reserved: &mut Option<TcpSocket>) -> io::Result<()> {
    if let Some(socket) = reserved.take() {
        *listener = Some(socket.listen(BACKLOG)?);
    }
    Ok(())
}

/// Retries, because another socket can take the port in the instant after the listener was closed.
async fn reserve_again(address: SocketAddr) -> io::Result<TcpSocket> {
    let mut retries = 0;
    loop {
        match reserve(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && retries < 100 => {
                retries += 1;
                sleep(Duration::from_millis(50)).await;
            }
            socket => return socket,
        }
    }
}

async fn wait_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

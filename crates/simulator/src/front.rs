//! The listener and its connections.
//!
//! The accept loop is our own, on one thread: only so can the same port refuse connections and come back, and
//! a handler cut the connection under an answer. HTTP itself is actix's.

use crate::line::{Line, LineStream};
use crate::state::State;
use crate::{control, elevenlabs, vapi};
use actix_http::{ConnectionType, Extensions, HttpService};
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, web};
use std::cell::Cell;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Connections that may wait to be accepted (the kernel's own limit stands above it).
const BACKLOG: u32 = 16_384;
/// Idle connections stay for longer than any client's pool keeps them.
const KEEP_ALIVE: Duration = Duration::from_secs(300);

/// Orders to the accept loop, from any thread.
#[derive(Clone)]
pub(crate) struct Door {
    orders: mpsc::UnboundedSender<Order>,
}

/// What is called when an order has been carried out.
pub(crate) type Done = Box<dyn FnOnce() + Send>;

enum Order {
    Refuse { until: Option<Instant>, done: Done },
    Listen { done: Done },
    Stop,
}

/// The other end of a [`Door`].
pub(crate) struct Orders(mpsc::UnboundedReceiver<Order>);

impl Door {
    pub(crate) fn new() -> (Door, Orders) {
        let (orders, received) = mpsc::unbounded_channel();
        (Door { orders }, Orders(received))
    }

    /// Stops listening, for ever or for a while.
    pub(crate) fn refuse(&self, lasts: Option<Duration>, done: Done) {
        let until = lasts.and_then(|lasts| Instant::now().checked_add(lasts));
        self.send(Order::Refuse { until, done });
    }

    /// Listens again.
    pub(crate) fn listen(&self, done: Done) {
        self.send(Order::Listen { done });
    }

    /// Ends the accept loop.
    pub(crate) fn stop(&self) {
        self.send(Order::Stop);
    }

    fn send(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("the simulator has stopped already");
        }
    }
}

/// A socket on the simulator's port that does not listen yet: it keeps the port while connections are refused.
pub(crate) fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Opens a reserved port.
pub(crate) fn listen(socket: TcpSocket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)
}

/// Accepts connections and carries out orders until it is told to stop.
pub(crate) async fn serve(listener: TcpListener, state: Arc<State>, mut orders: Orders) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (refusing, refuses) = watch::channel(false);
    let app_state = web::Data::from(Arc::clone(&state));
    let app_refuses = refuses.clone();
    let app = map_config(
        App::new()
            .app_data(app_state)
            .app_data(web::Data::new(app_refuses))
            .wrap(from_fn(attend))
            .configure(control::configure)
            .configure(vapi::configure)
            .configure(elevenlabs::configure),
        |()| AppConfig::default(),
    );
    let http = HttpService::build()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(Duration::ZERO)
        .h1_allow_half_closed(false)
        .on_connect_ext(|stream: &LineStream, extensions: &mut Extensions| {
            extensions.insert(Rc::clone(stream.line()));
        })
        .h1(app)
        .new_service(())
        .await
        .map_err(|()| io::Error::other("the HTTP service did not start"))?;
    let http = Rc::new(http);

    let idle_lines = Rc::new(Cell::new(0));
    let mut listener = Some(listener);
    let mut reserved = None;
    let mut reopens = None;
    loop {
        tokio::select! {
            order = orders.0.recv() => match order {
                None | Some(Order::Stop) => return Ok(()),
                Some(Order::Refuse { until, done }) => {
                    if listener.take().is_some() {
                        reserved = Some(reserve_again(address).await?);
                    }
                    refusing.send_replace(true);
                    closed(&idle_lines).await;
                    reopens = until;
                    done();
                }
                Some(Order::Listen { done }) => {
                    open(&mut listener, &mut reserved)?;
                    refusing.send_replace(false);
                    reopens = None;
                    done();
                }
            },
            () = at(reopens) => {
                open(&mut listener, &mut reserved)?;
                refusing.send_replace(false);
                reopens = None;
            }
            (tcp, peer) = accept(listener.as_ref()) => {
                if let Some(reset) = state.scripts().take_connection_to_close() {
                    close_unread(&tcp, reset);
                    continue;
                }
                let http = Rc::clone(&http);
                let refuses = refuses.clone();
                let line = Rc::new(Line::new(&idle_lines));
                actix_web::rt::spawn(async move {
                    let answered = http.call((LineStream::new(tcp, Rc::clone(&line)), Some(peer)));
                    tokio::select! {
                        ended = answered => if let Err(error) = ended {
                            tracing::debug!(%error, "a connection ended early");
                        },
                        () = refused_while_idle(&line, refuses) => {}
                    }
                });
            }
        }
    }
}

/// Counts a request, and marks its connection as busy while it is answered.
async fn attend(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let line = request.conn_data::<Rc<Line>>().cloned();
    let set_busy = |busy| line.as_ref().map_or((), |line| line.set_busy(busy));
    let refuses = request.app_data::<web::Data<watch::Receiver<bool>>>().cloned();
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
        && refuses.is_some_and(|refuses| *refuses.borrow())
    {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

/// Ends when connections are refused and this one has no request under way.
async fn refused_while_idle(line: &Line, mut refuses: watch::Receiver<bool>) {
    loop {
        if *refuses.borrow_and_update() && !line.is_busy() {
            return;
        }
        if refuses.changed().await.is_err() {
            return;
        }
    }
}

/// Ends when no idle connection is left, or after a second: a client that does not read can hold one open.
async fn closed(idle_lines: &Cell<usize>) {
    let gone = async {
        while idle_lines.get() > 0 {
            yield_now().await;
        }
    };
    if timeout(Duration::from_secs(1), gone).await.is_err() {
        tracing::debug!("connections stay open while others are refused");
    }
}

async fn accept(listener: Option<&TcpListener>) -> (TcpStream, SocketAddr) {
    let Some(listener) = listener else { return pending().await };
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => match tcp.set_nodelay(true) {
                Ok(()) => return (tcp, peer),
                Err(error) => tracing::debug!(%error, "a connection was gone at once"),
            },
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn close_unread(tcp: &TcpStream, reset: bool) {
    if reset && let Err(error) = tcp.set_zero_linger() {
        tracing::warn!(%error, "a connection closes where it should be reset");
    }
}

fn open(listener: &mut Option<TcpListener>, reserved: &mut Option<TcpSocket>) -> io::Result<()> {
    if let Some(socket) = reserved.take() {
        *listener = Some(listen(socket)?);
    }
    Ok(())
}

/// The port is ours but for the instant after the listener closed, in which another socket can borrow it.
async fn reserve_again(address: SocketAddr) -> io::Result<TcpSocket> {
    let mut tries = 0;
    loop {
        match reserve(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < 100 => {
                tries += 1;
                sleep(Duration::from_millis(50)).await;
            }
            socket => return socket,
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

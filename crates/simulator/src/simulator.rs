//! The running server.

use crate::behaviours::ScriptedBehaviour;
use crate::calls::Dial;
use crate::front::{self, Done, Door, Orders};
use crate::state::State;
use crate::webhooks::{WebhookDelivery, WebhookSettings};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How a simulator runs.
#[derive(Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes any free one.
    pub bind: SocketAddr,
    /// The key that it accepts, as `xi-api-key` or bearer token; `None` accepts any that is not empty.
    pub api_key: Option<String>,
    /// Multiplies every built-in delay, those of the magic numbers and of conversations: 1.0 is real time. Times
    /// in scripted behaviours and the request's own ringing time-out are taken as they are.
    pub time_scale: f64,
    /// Where events go, if anywhere.
    pub webhooks: Option<WebhookSettings>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: None,
            time_scale: 1.0,
            webhooks: None,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("bind", &self.bind)
            .field("api_key", &self.api_key.as_ref().map(|_| "***"))
            .field("time_scale", &self.time_scale)
            .field("webhooks", &self.webhooks)
            .finish()
    }
}

/// A running simulator, on a thread of its own. Dropping it stops it.
pub struct Simulator {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
    stopped: Option<oneshot::Receiver<()>>,
}

impl Simulator {
    /// Starts a simulator, and returns once it listens. Works on any async runtime.
    ///
    /// # Errors
    ///
    /// The address cannot be bound, or `time_scale` is not a number from 0 to 1000, or webhooks
    /// would leave the loopback.
    pub async fn start(settings: Settings) -> io::Result<Simulator> {
        if !(0.0..=1000.0).contains(&settings.time_scale) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the time scale goes from 0 to 1000"));
        }
        let (door, orders) = Door::new();
        let state = Arc::new(State::new(settings.api_key, settings.time_scale, door));
        state.send_webhooks_to(settings.webhooks.as_ref()).map_err(invalid)?;
        let (started, starts) = oneshot::channel();
        let (stops, stopped) = oneshot::channel();
        let its_state = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("simulator".to_owned()).spawn(move || {
            let system = actix_web::rt::System::new();
            system.block_on(run(settings.bind, its_state, orders, started));
            drop(system);
            // Nobody may wait for it, which is no fault.
            let _ = stops.send(());
        })?;
        let address = starts.await.map_err(|_| io::Error::other("the simulator's thread ended"))??;
        Ok(Simulator { address, state, thread: Some(thread), stopped: Some(stopped) })
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request that was accepted for dialling, in order; the newest 200 000 are kept.
    #[must_use]
    pub fn dials(&self) -> Vec<Dial> {
        self.state.calls().dials(None).cloned().collect()
    }

    /// How many of them were to this number.
    #[must_use]
    pub fn dials_to(&self, number: &str) -> usize {
        self.state.calls().dialled_to(number)
    }

    /// Requests to the provider's API by the pattern of their path, refused ones included.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.state.requests().clone()
    }

    /// Sends the events of calls there from now on, or nowhere; those of calls that are not over, too, if there was
    /// anywhere to send them when they were dialled.
    ///
    /// # Errors
    ///
    /// The URL is not one of the loopback.
    pub fn send_webhooks_to(&self, webhooks: Option<&WebhookSettings>) -> io::Result<()> {
        self.state.send_webhooks_to(webhooks).map_err(invalid)
    }

    /// The webhooks that were sent, or dropped by a script, in order; the newest 10 000 are kept.
    #[must_use]
    pub fn webhook_deliveries(&self) -> Vec<WebhookDelivery> {
        self.state.webhooks().deliveries().cloned().collect()
    }

    /// Adds a behaviour, as `POST /sim/behaviours` does; it holds when this returns.
    ///
    /// # Panics
    ///
    /// The behaviour cannot be played: a status out of its range, or too many scripts.
    pub fn script(&self, behaviour: ScriptedBehaviour) {
        match self.state.add_script(behaviour) {
            Err(defect) => panic!("{defect}"),
            Ok(None) => {}
            Ok(Some(lasts)) => {
                let (done, carried_out) = std::sync::mpsc::channel::<()>();
                self.state.door.refuse(Some(lasts), Box::new(move || drop(done)));
                // The sender is dropped unused: an error is how it says that the order was carried out.
                let _ = carried_out.recv();
            }
        }
    }

    /// Closes the listener, or opens it again on the same port. While it is closed, connections are refused by
    /// the operating system and idle ones are closed; requests under way are still answered.
    pub async fn refuse_connections(&self, on: bool) {
        let (done, carried_out) = oneshot::channel::<()>();
        let done: Done = Box::new(move || drop(done));
        if on {
            self.state.door.refuse(None, done);
        } else {
            self.state.door.listen(done);
        }
        // The sender is dropped unused: an error is how it says that the order was carried out.
        let _ = carried_out.await;
    }

    /// Stops it: the listener and every connection are closed and its thread has ended when this returns.
    pub async fn stop(mut self) {
        self.state.door.stop();
        if let Some(stopped) = self.stopped.take() {
            // An error means that the thread ended without a word: stopped as well.
            let _ = stopped.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.state.door.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the simulator's thread panicked");
        }
    }
}

fn invalid(defect: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, defect)
}

/// Binds, says where, and serves.
async fn run(
    bind: SocketAddr,
    state: Arc<State>,
    orders: Orders,
    started: oneshot::Sender<io::Result<SocketAddr>>,
) {
    let bound = bind_and_listen(bind);
    let (listener, told) = match bound {
        Ok((listener, address)) => (Some(listener), Ok(address)),
        Err(error) => (None, Err(error)),
    };
    let wanted = started.send(told).is_ok();
    if let Some(listener) = listener
        && wanted
        && let Err(error) = front::serve(listener, state, orders).await
    {
        tracing::error!(%error, "the simulator stopped");
    }
}

fn bind_and_listen(bind: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = front::listen(front::reserve(bind)?)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

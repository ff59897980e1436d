//! Starts, controls and stops the server.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::account::{Account, AccountFault, WebhookCondition};
use crate::behaviours::ScriptedBehaviour;
use crate::calls::Dial;
use crate::listener;
use crate::listener_control::{Commands, ListenerControl};
use crate::state::State;
use crate::webhooks::{WebhookDelivery, WebhookSettings};

#[derive(Clone)]
pub struct Settings {
    /// Where the simulator listens; port 0 takes any free one.
    pub bind: SocketAddr,
    /// The accepted `xi-api-key` or bearer token; with `None`, any that is not empty.
    pub api_key: Option<String>,
    /// The factor for the delays of magic numbers and conversations: 1.0 is real time. It does not
    /// apply to scripted behaviours or the request's own ringing timeout.
    pub time_scale: f64,
    /// Where events are sent; with `None`, nowhere.
    pub webhooks: Option<WebhookSettings>,
    /// Whether agents and phone numbers that it does not list exist too, except those whose id starts
    /// with `missing_`: for callers with ids of their own.
    pub any_id: bool,
}

impl Settings {
    /// The default, except that agents and phone numbers may have any id.
    #[must_use]
    pub fn with_any_id() -> Settings {
        Settings { any_id: true, ..Settings::default() }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: None,
            time_scale: 1.0,
            webhooks: None,
            any_id: false,
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
            .field("any_id", &self.any_id)
            .finish()
    }
}

/// A running simulator, on its own thread. Dropping it stops it.
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
    /// The address cannot be bound, `time_scale` is not a number from 0 to 1000, or the URL for
    /// webhooks is not on the loopback interface.
    pub async fn start(settings: Settings) -> io::Result<Simulator> {
        if !(0.0..=1000.0).contains(&settings.time_scale) {
            return Err(invalid("time_scale must be a number from 0 to 1000"));
        }
        let (control, commands) = ListenerControl::new();
        let state = Arc::new(State::new(settings.api_key, settings.time_scale, settings.any_id, control));
        state.send_webhooks_to(settings.webhooks.as_ref()).map_err(invalid)?;
        let (started_sender, started) = oneshot::channel();
        let (stopped_sender, stopped) = oneshot::channel();
        let thread_state = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("simulator".to_owned()).spawn(move || {
            let system = actix_web::rt::System::new();
            system.block_on(run(settings.bind, thread_state, commands, started_sender));
            drop(system);
            // Fails if the simulator was dropped without `stop`.
            let _ = stopped_sender.send(());
        })?;
        let address = started.await.map_err(|_| io::Error::other("the simulator's thread panicked"))??;
        Ok(Simulator { address, state, thread: Some(thread), stopped: Some(stopped) })
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request that was accepted for dialling, in order; the newest 200 000 are kept.
    #[must_use]
    pub fn dials(&self) -> Vec<Dial> {
        self.state.calls().dials(None).cloned().collect()
    }

    #[must_use]
    pub fn dials_to(&self, number: &str) -> usize {
        self.state.calls().dials_to(number)
    }

    /// What the operator's accounts at the vendors have.
    pub fn account(&self) -> Account {
        self.state.accounts().account.clone()
    }

    /// Changes what the operator's accounts at the vendors have.
    pub fn set_account(&self, account: Account) {
        self.state.accounts().account = account;
    }

    /// From now on the vendors fail like this when their accounts are read; with `None`, they respond.
    pub fn fail_accounts(&self, fault: Option<AccountFault>) {
        self.state.accounts().fault = fault;
    }

    /// From now on the carrier does not accept the tokens that it has issued.
    pub fn expire_tokens(&self) {
        self.state.accounts().tokens.clear();
    }

    /// The id of the webhook of the workspace that receives the events of calls.
    #[must_use]
    pub fn active_webhook(&self) -> Option<String> {
        self.state.accounts().active_webhook.clone()
    }

    /// From now on the workspace shows this of that webhook. Its events are still sent.
    pub fn set_webhook_condition(&self, condition: WebhookCondition) {
        let mut accounts = self.state.accounts();
        let active = accounts.active_webhook.clone();
        let webhooks = accounts.webhooks.iter_mut();
        webhooks.filter(|it| Some(&it.id) == active.as_ref()).for_each(|it| it.condition = condition);
    }

    /// Requests to the provider's API by the pattern of their path, refused ones included.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.state.requests().clone()
    }

    /// The first 1000 paths that were requested from ElevenLabs with this key, in order.
    #[must_use]
    pub fn paths_of_key(&self, key: &str) -> Vec<String> {
        self.state.paths_of_keys().get(key).cloned().unwrap_or_default()
    }

    /// Changes where events are sent from now on; with `None`, none are sent. This applies to calls
    /// in progress too, if events were sent anywhere when they were dialled.
    ///
    /// # Errors
    ///
    /// The URL is not on the loopback interface.
    pub fn send_webhooks_to(&self, webhooks: Option<&WebhookSettings>) -> io::Result<()> {
        self.state.send_webhooks_to(webhooks).map_err(invalid)
    }

    /// The webhooks that were sent, or dropped by a script, in order; the newest 10 000 are kept.
    #[must_use]
    pub fn webhook_deliveries(&self) -> Vec<WebhookDelivery> {
        self.state.webhooks().deliveries().cloned().collect()
    }

    /// Adds a behaviour, as `POST /sim/behaviours` does; it applies when this returns.
    ///
    /// # Panics
    ///
    /// The behaviour is invalid (a status is out of range), or too many scripts are queued.
    pub fn script(&self, behaviour: ScriptedBehaviour) {
        match self.state.add_script(behaviour) {
            Err(problem) => panic!("{problem}"),
            Ok(None) => {}
            Ok(Some(duration)) => self.state.listener.refuse_blocking(duration),
        }
    }

    /// Closes the listener and idle connections, or opens the listener again on the same port.
    /// Requests in progress still get their responses.
    pub async fn refuse_connections(&self, on: bool) {
        if on {
            self.state.listener.refuse(None).await;
        } else {
            self.state.listener.listen().await;
        }
    }

    /// When this returns, the listener and every connection are closed and the thread has ended.
    pub async fn stop(mut self) {
        self.state.listener.stop();
        if let Some(stopped) = self.stopped.take() {
            // Fails if the thread panicked: it has stopped in this case too.
            let _ = stopped.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.state.listener.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the simulator's thread panicked");
        }
    }
}

fn invalid(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

/// Binds, reports the address to `started`, and serves.
async fn run(
    bind: SocketAddr,
    state: Arc<State>,
    commands: Commands,
    started: oneshot::Sender<io::Result<SocketAddr>>,
) {
    let bound = listener::bind(bind).and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = match bound {
        Ok((address, listener)) => (Ok(address), Some(listener)),
        Err(error) => (Err(error), None),
    };
    if started.send(address).is_ok()
        && let Some(listener) = listener
        && let Err(error) = listener::serve(listener, state, commands).await
    {
        tracing::error!(%error, "the simulator stopped");
    }
}

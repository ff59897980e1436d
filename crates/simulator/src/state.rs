//! What the simulator's thread and the tests share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::account::Accounts;
use crate::behaviours::{Behaviour, ScriptedBehaviour};
use crate::calls::Calls;
use crate::listener_control::ListenerControl;
use crate::magic_numbers::behaviour_of;
use crate::scripts::{Scripted, Scripts};
use crate::webhooks::{Target, WebhookSettings, Webhooks};

/// The prefix of ids that never exist.
const MISSING_PREFIX: &str = "missing_";

/// How long `refuse_connections` lasts if the script does not set `for_ms`.
const DEFAULT_REFUSAL: Duration = Duration::from_secs(10);

pub(crate) struct State {
    pub(crate) api_key: Option<String>,
    pub(crate) listener: ListenerControl,
    time_scale: f64,
    any_id: bool,
    started: Instant,
    calls: Mutex<Calls>,
    scripts: Mutex<Scripts>,
    requests: Mutex<BTreeMap<String, u64>>,
    paths_of_keys: Mutex<BTreeMap<String, Vec<String>>>,
    webhooks: Mutex<Webhooks>,
    accounts: Mutex<Accounts>,
}

impl State {
    pub(crate) fn new(
        api_key: Option<String>,
        time_scale: f64,
        any_id: bool,
        listener: ListenerControl,
    ) -> State {
        State {
            api_key,
            listener,
            time_scale,
            any_id,
            started: Instant::now(),
            calls: Mutex::default(),
            scripts: Mutex::default(),
            requests: Mutex::default(),
            paths_of_keys: Mutex::default(),
            webhooks: Mutex::default(),
            accounts: Mutex::default(),
        }
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        lock(&self.calls)
    }

    pub(crate) fn scripts(&self) -> MutexGuard<'_, Scripts> {
        lock(&self.scripts)
    }

    /// The accounts of the vendors.
    pub(crate) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        lock(&self.accounts)
    }

    /// Requests to the provider's API, by the pattern of their path.
    pub(crate) fn requests(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        lock(&self.requests)
    }

    /// The paths that were requested from ElevenLabs, by the key of the requests; the oldest of each
    /// key.
    pub(crate) fn paths_of_keys(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        lock(&self.paths_of_keys)
    }

    pub(crate) fn webhooks(&self) -> MutexGuard<'_, Webhooks> {
        lock(&self.webhooks)
    }

    /// Changes where events are sent from now on; with `None`, none are sent.
    pub(crate) fn send_webhooks_to(&self, settings: Option<&WebhookSettings>) -> Result<(), &'static str> {
        let target = settings.map(Target::parse).transpose()?;
        self.webhooks().target = target.map(Arc::new);
        Ok(())
    }

    /// Whether ElevenLabs has an agent with this id.
    pub(crate) fn has_agent(&self, id: &str) -> bool {
        self.has(&[], id) || self.accounts().account.agents.iter().any(|(listed, _)| listed == id)
    }

    /// Whether ElevenLabs has a phone number with this id.
    pub(crate) fn has_phone_number(&self, id: &str) -> bool {
        self.has(&[], id) || self.accounts().account.numbers.iter().any(|listed| listed.id == id)
    }

    /// Whether an agent or a phone number with this id exists, if these are listed.
    pub(crate) fn has(&self, listed: &[&str], id: &str) -> bool {
        listed.contains(&id) || self.any_id && !id.starts_with(MISSING_PREFIX)
    }

    /// Milliseconds since the simulator started.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// A built-in delay, multiplied by the time scale.
    pub(crate) fn scaled(&self, delay: Duration) -> Duration {
        delay.mul_f64(self.time_scale)
    }

    /// What a dial to `number` does. Counts one use of a limited script.
    pub(crate) fn next_behaviour(&self, number: &str) -> Scripted {
        let scripted = self.scripts().take(number);
        scripted.unwrap_or_else(|| {
            let mut behaviour = behaviour_of(number);
            behaviour.scale_delays(self.time_scale);
            Scripted::unscripted(behaviour)
        })
    }

    /// For `refuse_connections`, returns how long the caller must refuse connections.
    pub(crate) fn add_script(&self, script: ScriptedBehaviour) -> Result<Option<Duration>, &'static str> {
        script.behaviour.validate()?;
        if let Behaviour::RefuseConnections { for_ms } = script.behaviour {
            return Ok(Some(for_ms.map_or(DEFAULT_REFUSAL, Duration::from_millis)));
        }
        self.scripts().add(script).map(|()| None)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds this lock")
}

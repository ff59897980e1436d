//! What the simulator knows, shared between its thread and the tests around it.

use crate::behaviours::{Behaviour, ScriptedBehaviour};
use crate::calls::Calls;
use crate::front::Door;
use crate::magic_numbers;
use crate::scripts::{Scripted, Scripts};
use crate::webhooks::{Target, WebhookSettings, Webhooks};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long `refuse_connections` lasts where a script does not say.
const USUAL_REFUSAL: Duration = Duration::from_secs(10);

/// All of it.
pub(crate) struct State {
    pub(crate) api_key: Option<String>,
    pub(crate) door: Door,
    time_scale: f64,
    started: Instant,
    calls: Mutex<Calls>,
    scripts: Mutex<Scripts>,
    requests: Mutex<BTreeMap<String, u64>>,
    webhooks: Mutex<Webhooks>,
}

impl State {
    pub(crate) fn new(api_key: Option<String>, time_scale: f64, door: Door) -> State {
        State {
            api_key,
            door,
            time_scale,
            started: Instant::now(),
            calls: Mutex::default(),
            scripts: Mutex::default(),
            requests: Mutex::default(),
            webhooks: Mutex::default(),
        }
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().expect("nothing panics while it holds the calls")
    }

    pub(crate) fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts.lock().expect("nothing panics while it holds the scripts")
    }

    /// Requests to the provider's API, by the pattern of their path.
    pub(crate) fn requests(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.requests.lock().expect("nothing panics while it holds the counts")
    }

    pub(crate) fn webhooks(&self) -> MutexGuard<'_, Webhooks> {
        self.webhooks.lock().expect("nothing panics while it holds the webhooks")
    }

    /// Events go there from now on, or nowhere; says why not, if they cannot.
    pub(crate) fn send_webhooks_to(&self, settings: Option<&WebhookSettings>) -> Result<(), &'static str> {
        let target = settings.map(Target::parse).transpose()?;
        self.webhooks().target = target.map(Arc::new);
        Ok(())
    }

    /// Milliseconds since the simulator started.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// A built-in delay, multiplied by the settings' time scale.
    pub(crate) fn scaled(&self, delay: Duration) -> Duration {
        delay.mul_f64(self.time_scale)
    }

    /// What a dial to `number` does, and what becomes of its call. Uses a limited script up.
    pub(crate) fn next_behaviour(&self, number: &str) -> Scripted {
        let scripted = self.scripts().take(number);
        scripted
            .unwrap_or_else(|| Scripted::usual(magic_numbers::behaviour_of(number).scaled(self.time_scale)))
    }

    /// Takes a script; for `refuse_connections`, says how long nobody shall listen.
    pub(crate) fn add_script(&self, script: ScriptedBehaviour) -> Result<Option<Duration>, &'static str> {
        if let Some(defect) = script.behaviour.defect() {
            return Err(defect);
        }
        if let Behaviour::RefuseConnections { for_ms } = script.behaviour {
            return Ok(Some(for_ms.map_or(USUAL_REFUSAL, Duration::from_millis)));
        }
        self.scripts().add(script).map(|()| None)
    }
}

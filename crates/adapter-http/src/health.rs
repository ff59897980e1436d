//! Liveness and readiness.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// Checks the components that a call needs.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// One entry for each component, in any order.
    async fn check(&self) -> Vec<ComponentHealth>;
}

/// The state of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentHealth {
    /// Its name for operators: `database`, `lock`.
    pub name: &'static str,
    /// Why it is down. Every client can read it, so it MUST NOT quote data.
    pub problem: Option<String>,
}

/// The last result of the check, shared by all requests within a second.
pub(crate) struct ReadinessCache {
    source: Arc<dyn Readiness>,
    runtime: Handle,
    draining: AtomicBool,
    last: Mutex<Option<(Instant, Checked)>>,
}

type Components = BTreeMap<&'static str, ComponentState>;
type Problems = BTreeMap<&'static str, String>;

#[derive(Debug, Clone, Default)]
struct Checked {
    components: Components,
    problems: Problems,
}

const CACHED_FOR: Duration = Duration::from_secs(1);
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);
/// The name of the only entry if the check itself times out or panics.
const CHECK_ITSELF: &str = "check";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ComponentState {
    Up,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReadyStatus {
    /// Calls can be placed.
    Ready,
    /// A component is down.
    Unavailable,
    /// The process is shutting down.
    Draining,
}

/// Whether this gateway can place calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyResponse {
    #[schema(inline)]
    pub(crate) status: ReadyStatus,
    /// The components that a call needs, by name.
    #[schema(value_type = BTreeMap<String, ComponentState>, inline)]
    components: Components,
    /// Why components are down and what to do, by name.
    #[schema(value_type = BTreeMap<String, String>, inline)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    problems: Problems,
}

/// Whether the process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthResponse {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

impl HealthResponse {
    pub(crate) const ALIVE: Self = Self { status: "ok" };
}

impl ReadinessCache {
    pub(crate) fn new(source: Arc<dyn Readiness>, runtime: Handle) -> Self {
        Self { source, runtime, draining: AtomicBool::new(false), last: Mutex::new(None) }
    }

    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn check(&self) -> ReadyResponse {
        if self.draining.load(Ordering::Relaxed) {
            let Checked { components, problems } = Checked::default();
            return ReadyResponse { status: ReadyStatus::Draining, components, problems };
        }
        let Checked { components, problems } = self.checked().await;
        let all_up = components.values().all(|state| *state == ComponentState::Up);
        let status = if all_up { ReadyStatus::Ready } else { ReadyStatus::Unavailable };
        ReadyResponse { status, components, problems }
    }

    /// Holds the lock during the check, so that concurrent requests wait for its result instead of
    /// checking again.
    async fn checked(&self) -> Checked {
        let mut last = self.last.lock().await;
        if let Some((checked_at, checked)) = &*last
            && checked_at.elapsed() < CACHED_FOR
        {
            return checked.clone();
        }
        let source = Arc::clone(&self.source);
        let check = async move { tokio::time::timeout(CHECK_TIMEOUT, source.check()).await };
        let checked = match self.runtime.spawn(check).await {
            Ok(Ok(health)) => Checked::of(health),
            Ok(Err(_)) | Err(_) => Checked::of(vec![ComponentHealth {
                name: CHECK_ITSELF,
                problem: Some("the check did not end: see the log".to_owned()),
            }]),
        };
        *last = Some((Instant::now(), checked.clone()));
        checked
    }
}

impl Checked {
    fn of(health: Vec<ComponentHealth>) -> Self {
        let mut checked = Self::default();
        for ComponentHealth { name, problem } in health {
            let state = if problem.is_none() { ComponentState::Up } else { ComponentState::Down };
            checked.components.insert(name, state);
            checked.problems.extend(problem.map(|problem| (name, problem)));
        }
        checked
    }
}

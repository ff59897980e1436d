//! Whether the process lives, and whether it can place calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use async_trait::async_trait;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::gateway::Gateway;

/// Asks the parts that a call needs whether they are there.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// One entry for each part, in any order.
    async fn check(&self) -> Vec<ComponentHealth>;
}

/// Whether one part is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentHealth {
    /// Its name, as operators know it: `postgres`, `redis`.
    pub name: &'static str,
    /// Whether it answered.
    pub healthy: bool,
}

/// The last answer to *is it ready*, shared by everybody who asks within a second.
pub(crate) struct ReadinessGate {
    source: Arc<dyn Readiness>,
    runtime: Handle,
    draining: AtomicBool,
    last: Mutex<Option<(Instant, Components)>>,
}

type Components = BTreeMap<&'static str, ComponentState>;

const GOOD_FOR: Duration = Duration::from_secs(1);
const CHECK_WITHIN: Duration = Duration::from_secs(3);
/// The entry that stands for a check which did not end, or broke off.
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
    /// A part is away.
    Unavailable,
    /// The process is shutting down.
    Draining,
}

/// Whether calls can be placed here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyResponse {
    #[schema(inline)]
    status: ReadyStatus,
    /// The parts that a call needs, by name.
    #[schema(value_type = BTreeMap<String, ComponentState>, inline)]
    components: Components,
}

/// Whether the process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthResponse {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process lives
///
/// Looks at nothing but the process: a restart would not bring a lost database back.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Health",
    operation_id = "get_healthz",
    responses((status = 200, description = "It does", body = HealthResponse, content_type = "application/json")),
    security(())
)]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(HealthResponse { status: "ok" })
}

/// Whether calls can be placed here
///
/// Asks every part that a call needs, at most once a second.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Health",
    operation_id = "get_readyz",
    responses(
        (status = 200, description = "They can", body = ReadyResponse, content_type = "application/json"),
        (
            status = 503,
            description = "A part is away, or the process is shutting down",
            body = ReadyResponse,
            content_type = "application/json"
        )
    ),
    security(())
)]
pub(crate) async fn readyz(gateway: web::Data<Gateway>) -> HttpResponse {
    let ready = gateway.readiness().ask().await;
    let mut response = match ready.status {
        ReadyStatus::Ready => HttpResponse::Ok(),
        ReadyStatus::Unavailable | ReadyStatus::Draining => HttpResponse::ServiceUnavailable(),
    };
    response.insert_header((CACHE_CONTROL, "no-store")).json(ready)
}

impl ReadinessGate {
    pub(crate) fn new(source: Arc<dyn Readiness>, runtime: Handle) -> Self {
        Self { source, runtime, draining: AtomicBool::new(false), last: Mutex::new(None) }
    }

    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    async fn ask(&self) -> ReadyResponse {
        if self.draining.load(Ordering::Relaxed) {
            return ReadyResponse { status: ReadyStatus::Draining, components: Components::new() };
        }
        let components = self.components().await;
        let all_up = components.values().all(|state| *state == ComponentState::Up);
        let status = if all_up { ReadyStatus::Ready } else { ReadyStatus::Unavailable };
        ReadyResponse { status, components }
    }

    /// The lock is held while the parts are asked, so that whoever comes meanwhile waits for this answer.
    async fn components(&self) -> Components {
        let mut last = self.last.lock().await;
        if let Some((asked_at, components)) = &*last
            && asked_at.elapsed() < GOOD_FOR
        {
            return components.clone();
        }
        let source = Arc::clone(&self.source);
        let check = async move { tokio::time::timeout(CHECK_WITHIN, source.check()).await };
        let components = match self.runtime.spawn(check).await {
            Ok(Ok(health)) => health.into_iter().map(entry).collect(),
            Ok(Err(_)) | Err(_) => Components::from([(CHECK_ITSELF, ComponentState::Down)]),
        };
        *last = Some((Instant::now(), components.clone()));
        components
    }
}

fn entry(health: ComponentHealth) -> (&'static str, ComponentState) {
    (health.name, if health.healthy { ComponentState::Up } else { ComponentState::Down })
}

//! What the handlers share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::{
    CalleeRecords, FollowCalls, MaxShare, OrganizationSettings, PersonalizeCall, ReadCalls, ReadDirectory,
    RecordOptOut, RefusalLog, ToggleNumber, VoiceConfig, WebhookRegistry,
};
use opentelemetry::trace::FutureExt as _;
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::auth::Authenticator;
use crate::call_runner::CallRunner;
use crate::event_intake::EventIntake;
use crate::event_streams::EventStreams;
use crate::failure::{Panicked, RouteError, logged};
use crate::health::{Readiness, ReadinessCache};
use crate::recording_permits::RecordingPermits;
use crate::request_trace::RequestTracer;
use crate::request_watch::RequestWatch;

/// What the handlers share. Clones share the same state.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

/// The parts that a gateway is built from.
pub struct GatewayParts {
    /// Places calls.
    pub calls: Arc<CallRunner>,
    /// Checks the tokens of users.
    pub authenticator: Arc<Authenticator>,
    /// Checks the stores that a call needs.
    pub readiness: Arc<dyn Readiness>,
    /// Reads calls.
    pub read_calls: Arc<ReadCalls>,
    /// Lists agents, numbers and contacts.
    pub read_directory: Arc<ReadDirectory>,
    /// The calling policies of organizations, and their audit records.
    pub settings: Arc<OrganizationSettings>,
    /// The accounts that organizations have of their own at the vendors.
    pub voice_config: Arc<VoiceConfig>,
    /// Enables and disables AI calls from numbers.
    pub toggle_number: Arc<ToggleNumber>,
    /// Lists how many requests were refused.
    pub refusals: Arc<RefusalLog>,
    /// Follows call events.
    pub follow_calls: Arc<FollowCalls>,
    /// The webhook endpoints of organizations.
    pub webhooks: Arc<WebhookRegistry>,
    /// The suppressions and consents of organizations.
    pub callee_records: Arc<CalleeRecords>,
    /// Records what callees say to the agent. It is used only if `personalize` is there, which
    /// verifies its requests.
    pub opt_outs: Arc<RecordOptOut>,
    /// The voice provider's name, as clients read it in a call.
    pub provider: &'static str,
    /// Receives the provider's events. `None`: no secret is configured, and every event is refused
    /// with 401.
    pub events: Option<EventIntake>,
    /// Answers who is calling. `None`: no secret is configured, and every question is refused with
    /// 401.
    pub personalize: Option<Arc<PersonalizeCall>>,
    /// How long requests may take.
    pub time_limits: TimeLimits,
    /// Sees how requests end, if they are counted.
    pub watch: Option<Arc<dyn RequestWatch>>,
    /// Begins the traces of requests, if they are traced.
    pub tracer: Option<RequestTracer>,
    /// The part of the event streams that one organization may have open.
    pub max_share: MaxShare,
    /// The runtime that the connection pools of all parts belong to. It must outlive the server.
    pub runtime: Handle,
}

/// How long requests may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// The longest time between the head of a request and the end of its JSON body.
    pub body: Duration,
    /// The longest time for an event of the voice provider to find a permit and to arrive. Up to
    /// [`EVENT_BODY_LIMIT`](crate::EVENT_BODY_LIMIT) bytes of it are kept in memory.
    pub event: Duration,
    /// How long the sender of such an event may send nothing while it holds a permit that other
    /// events may wait for.
    pub event_stall: Duration,
    /// The longest time without a line in an event stream. A comment then shows both ends that the
    /// other still exists.
    pub heartbeat: Duration,
    /// The longest time in which a client takes the next 64 KiB of a recording.
    pub recording_chunk: Duration,
}

struct Shared {
    parts: GatewayParts,
    readiness: ReadinessCache,
    streams: EventStreams,
    recording_permits: RecordingPermits,
}

impl Gateway {
    /// Builds a gateway from its parts.
    #[must_use]
    pub fn new(parts: GatewayParts) -> Self {
        let readiness = ReadinessCache::new(Arc::clone(&parts.readiness), parts.runtime.clone());
        let streams =
            EventStreams::new(Arc::clone(&parts.follow_calls), parts.runtime.clone(), parts.max_share);
        let recording_permits = RecordingPermits::new(parts.max_share);
        Self(Arc::new(Shared { parts, readiness, streams, recording_permits }))
    }

    /// Reports *not ready* from now on, so that load balancers send new clients elsewhere, and ends
    /// the event streams, whose clients reconnect to another gateway. Requests are still served.
    pub fn start_draining(&self) {
        self.0.readiness.start_draining();
        self.0.streams.end();
    }

    pub(crate) fn parts(&self) -> &GatewayParts {
        &self.0.parts
    }

    pub(crate) fn readiness(&self) -> &ReadinessCache {
        &self.0.readiness
    }

    pub(crate) fn streams(&self) -> &EventStreams {
        &self.0.streams
    }

    pub(crate) fn recording_permits(&self) -> &RecordingPermits {
        &self.0.recording_permits
    }

    /// Runs work on the runtime that the connection pools belong to, to its end: a client that
    /// disconnects does not cancel it. Logs its error once, even if the client has gone.
    pub(crate) async fn run<T, D, E>(
        &self,
        work: impl Future<Output = Result<T, D>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        D: Send + 'static,
        E: RouteError + From<D> + From<Panicked> + Send + 'static,
    {
        let work = async move { work.await.map_err(|error| logged(E::from(error))) };
        let task = self.0.parts.runtime.spawn(work.in_current_span().with_current_context());
        task.await.unwrap_or_else(|_panic| Err(logged(E::from(Panicked))))
    }
}

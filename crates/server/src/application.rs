//! The composition root.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use adapter_http::{
    Authenticator, CallRunner, EventIntake, Gateway, GatewayParts, HttpSettings, TimeLimits, serve,
};
use anyhow::Context as _;
use domain::{OrganizationSettings, OrganizationSettingsPorts, PlaceCall, PlaceCallPorts};
use simulator::Simulator;

use crate::config::{Auth, Observation, Settings};
use crate::instruments::Instruments;
use crate::metrics::{self, IN_FLIGHT, Metrics};
use crate::system::SystemClock;
use crate::traces::Traces;
use crate::wiring::{AfterTheCall, OrganizationAccounts, ProviderReports, Simulated, Stores, VoiceParts};
use crate::workers::Workers;
use crate::{demo, drain, opening, wiring};

/// The gateway, built and listening; it serves once it runs.
///
/// It belongs to the runtime that builds it: connection pools and calls run there, so that neither
/// a disconnected client nor a signal cancels a call. [`Application::run`] returns when the last
/// call has ended.
pub struct Application {
    address: SocketAddr,
    server: Server,
    metrics: Option<MetricsServer>,
    traces: Option<Traces>,
    gateway: Gateway,
    calls: Arc<CallRunner>,
    stores: Stores,
    workers: Workers,
    simulated: Option<Simulated>,
    drain_notice: Duration,
    demo_token: Option<String>,
}

/// What serves the metrics, to the end of the process.
struct MetricsServer {
    address: SocketAddr,
    server: Server,
    metrics: Metrics,
}

/// The time limit for receiving a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than the idle timeout of proxies, which is usually a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a stream may be unread before it is closed. Longer than a phone in a lift is without a
/// network.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The time limit for receiving a provider event, which may contain a recording.
const EVENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the sender of such an event may pause: a packet that is lost four times arrives within
/// this time. Short, because another event may wait for its permit.
const EVENT_STALL_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a client may take to read 64 KiB of a recording. Slower clients than any telephone network
/// has do not keep a file open and a permit.
const RECORDING_CHUNK_TIMEOUT: Duration = Duration::from_secs(30);

impl Application {
    /// Opens the stores, which it waits for, checks them, and listens.
    pub async fn build(settings: Settings) -> anyhow::Result<Self> {
        Box::pin(Self::build_with(settings, std::convert::identity)).await
    }

    /// As [`Application::build`], with the ports that `decorate` returns where calls are placed. Tests
    /// set the clock with it.
    pub async fn build_with(
        settings: Settings,
        decorate: impl FnOnce(PlaceCallPorts) -> PlaceCallPorts,
    ) -> anyhow::Result<Self> {
        let start_timeout = settings.process.start_timeout;
        let stores = opening::open_stores(&settings.storage, start_timeout).await?;
        let authenticator = wiring::tokens::authenticator(&settings.auth, start_timeout).await?;
        Self::on_stores(settings, stores, authenticator, decorate).await
    }

    /// Listens. The stores are open and checked. Calls are placed on the ports that `decorate`
    /// returns; all other use cases have the ports of the adapters.
    pub(crate) async fn on_stores(
        settings: Settings,
        stores: Stores,
        authenticator: Arc<Authenticator>,
        decorate: impl FnOnce(PlaceCallPorts) -> PlaceCallPorts,
    ) -> anyhow::Result<Self> {
        let is_demo = settings.is_demo();
        let voice = VoiceParts::of(&settings).await?;
        let workers = Workers::new();
        let metrics_server = MetricsServer::of(&settings.observation)?;
        let metrics = metrics_server.as_ref().map(|server| server.metrics.clone());
        let traces = match &settings.observation.otlp_endpoint {
            Some(endpoint) => Some(Traces::start(endpoint).await?),
            None => None,
        };
        let spans = traces.as_ref().map(Traces::spans);
        let instruments =
            Instruments::new(metrics, spans, stores.database(), (voice.name, voice.host.clone()));
        let voice_name = voice.name;
        let toggle_number = wiring::toggle_number(&settings, &stores, voice.workspace.clone())?;
        let (voice, accounts) = OrganizationAccounts::beside(voice, &settings, &stores);
        if let Err(error) = accounts.accounts.reload().await {
            tracing::warn!(%error, "could not read the credentials of organizations; they are read before they are needed");
        }
        workers.read_credentials(accounts.accounts.clone(), settings.credentials.read_every);
        let ports = instruments.ports(stores.ports(voice.provider, workers.written()));
        let records = voice.records.map(|records| instruments.records(records));
        let reports = ProviderReports {
            webhook: voice.webhook,
            records: records.clone(),
            recordings: voice.recordings,
            accounts: accounts.accounts.clone(),
        };
        let after = AfterTheCall::start(&settings, &stores, &ports, reports, &instruments, &workers)?;

        let runtime = tokio::runtime::Handle::current();
        let mut place_call = PlaceCall::new(decorate(ports), settings.policy, settings.destinations.clone())
            .with_holds(instruments.holds(stores.holds()))
            .with_pacing(settings.pacing)
            .with_default_policy(demo::calling_policy(is_demo))
            .with_background(workers.background())
            .with_accounts(accounts.accounts.clone())
            .with_refusal_log(after.refusals.clone());
        if let Some(records) = records {
            place_call = place_call.with_records(records, after.updater.clone());
        }
        if let Some(watch) = instruments.watch() {
            place_call = place_call.with_watch(watch);
        }
        let (max_in_flight, max_share) = (settings.process.max_in_flight_dials, settings.process.max_share);
        let calls = Arc::new(CallRunner::new(place_call, runtime.clone(), max_in_flight, max_share));
        if let Some(metrics) = instruments.metrics() {
            stores.sample_pools(metrics);
            let (in_flight, calls) = (metrics.registry().gauge(&IN_FLIGHT, &[]), calls.clone());
            metrics.sample(move || in_flight.set(calls.in_flight() as f64));
        }
        if let Auth::KeySet { refresh_every, .. } = &settings.auth {
            workers.refresh_keys(authenticator.clone(), *refresh_every);
        }
        let demo_token = if is_demo { demo::token(&authenticator) } else { None };
        let gateway = Gateway::new(GatewayParts {
            calls: calls.clone(),
            authenticator,
            readiness: Arc::new(stores.clone()),
            read_calls: after.read_calls,
            read_directory: after.read_directory,
            settings: Arc::new(OrganizationSettings::new(OrganizationSettingsPorts {
                users: stores.database(),
                policies: stores.database(),
                audit: stores.database(),
                rules: wiring::calling_rules(),
                clock: Arc::new(SystemClock),
            })),
            voice_config: Arc::new(accounts.voice_config(voice_name, &settings, &stores)?),
            toggle_number: Arc::new(toggle_number),
            refusals: after.refusals,
            follow_calls: after.follow_calls,
            webhooks: after.webhooks,
            callee_records: after.callee_records,
            opt_outs: after.opt_outs,
            provider: voice_name,
            events: after.receive_event.map(|receive_event| EventIntake::new(receive_event, after.accepted)),
            personalize: after.personalize,
            time_limits: TimeLimits {
                body: BODY_TIMEOUT,
                event: EVENT_TIMEOUT,
                event_stall: EVENT_STALL_TIMEOUT,
                heartbeat: HEARTBEAT,
                recording_chunk: RECORDING_CHUNK_TIMEOUT,
            },
            watch: instruments.requests(),
            tracer: traces.as_ref().map(|traces| traces.spans().of_requests()),
            max_share,
            runtime,
        });

        let listener = TcpListener::bind(settings.process.bind)
            .with_context(|| format!("cannot listen on {}", settings.process.bind))?;
        let address = listener.local_addr()?;
        let http_workers = match settings.process.http_workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let http = HttpSettings {
            workers: http_workers,
            // A client may wait until the end of the longest dial.
            shutdown_timeout: settings.policy.reserve_for(),
            unread_timeout: UNREAD_TIMEOUT,
            allowed_origins: settings.process.cors_origins,
        };
        let server = serve(listener, gateway.clone(), http)?;
        if let Some(simulated) = &voice.simulated {
            simulated.send_events_to(address)?;
        }
        Ok(Self {
            address,
            server,
            metrics: metrics_server,
            traces,
            gateway,
            calls,
            stores,
            workers,
            simulated: voice.simulated,
            drain_notice: settings.process.drain_notice,
            demo_token,
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that the metrics are served on, if they are.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|metrics| metrics.address)
    }

    /// The stores behind its ports.
    #[must_use]
    pub const fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The simulated provider, if it runs one.
    #[must_use]
    pub fn simulator(&self) -> Option<&Simulator> {
        self.simulated.as_ref().map(|simulated| &simulated.simulator)
    }

    /// A token for the demo's user, if this is the demo and the gateway has a secret that signs
    /// tokens.
    #[must_use]
    pub fn demo_token(&self) -> Option<&str> {
        self.demo_token.as_deref()
    }

    /// Serves until `stop` returns. Then `/readyz` reports *not ready*, the listener closes, calls
    /// in flight run to their end and are recorded, and the stores are closed.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let handle = self.server.handle();
        let serving = tokio::spawn(self.server);
        let metrics = self.metrics.map(|MetricsServer { server, metrics, .. }| {
            let handle = server.handle();
            tokio::spawn(server);
            (handle, metrics)
        });
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => {
                ended.context("the HTTP server panicked")??;
                anyhow::bail!("the HTTP server stopped unexpectedly");
            }
            () = stop => {}
        }
        tracing::info!(calls.in_flight = self.calls.in_flight(), "draining");
        if let Some((_, metrics)) = &metrics {
            metrics.start_draining();
        }
        drain::drain(&self.gateway, &self.calls, handle, self.drain_notice).await;
        serving.await.context("the HTTP server panicked")??;
        self.workers.stop().await;
        if let Some(traces) = self.traces {
            traces.stop().await;
        }
        if let Some((server, _)) = metrics {
            server.stop(false).await;
        }
        self.stores.close().await;
        if let Some(simulated) = self.simulated {
            simulated.simulator.stop().await;
        }
        tracing::info!("stopped");
        Ok(())
    }
}

impl MetricsServer {
    /// Listens, if a setting asks for metrics.
    fn of(settings: &Observation) -> anyhow::Result<Option<Self>> {
        let Some(bind) = settings.metrics_bind else { return Ok(None) };
        let cannot_listen = || format!("OUTDIAL_METRICS_BIND: cannot listen on {bind}");
        let listener = TcpListener::bind(bind).with_context(cannot_listen)?;
        let address = listener.local_addr()?;
        let metrics = Metrics::new(Arc::new(SystemClock));
        let server = metrics::serve(listener, &metrics)?;
        tracing::info!(%address, "serving metrics");
        Ok(Some(Self { address, server, metrics }))
    }
}

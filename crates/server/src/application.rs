//! The composition root.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use adapter_http::{CallDesk, EventIntake, Gateway, GatewayParts, HttpSettings, serve};
use anyhow::Context as _;
use domain::PlaceCall;
use simulator::Simulator;

use crate::config::Settings;
use crate::wiring::{AfterTheCall, Simulated, Stores, ToldBy, VoiceParts};
use crate::workers::Workers;
use crate::{demo, drain, wiring};

/// The gateway, built and listening; it serves once it runs.
///
/// It belongs to the runtime that builds it: pools and calls run there, so that neither a client that hangs up nor a signal
/// cancels a call, and [`Application::run`] returns when the last of them has ended.
pub struct Application {
    address: SocketAddr,
    server: Server,
    gateway: Gateway,
    desk: Arc<CallDesk>,
    stores: Stores,
    workers: Workers,
    simulated: Option<Simulated>,
    drain_notice: Duration,
    demo_token: Option<String>,
}

/// How long a request's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than proxies keep a silent connection: a minute, as a rule.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A client that comes back within it has missed nothing; longer than a phone is without a network in a lift.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an event of the provider may take to arrive, a recording among them.
const EVENT_TIMEOUT: Duration = Duration::from_secs(30);

impl Application {
    /// Opens the stores, checks them, and listens.
    pub async fn build(settings: Settings) -> anyhow::Result<Self> {
        let is_demo = settings.is_demo();
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let voice = VoiceParts::of(&settings.voice).await?;
        let ports = stores.ports(voice.provider);
        let workers = Workers::new();
        let told_by = ToldBy { webhook: voice.webhook, records: voice.records, recordings: voice.recordings };
        let after = AfterTheCall::start(&settings, &stores, &ports, told_by, &workers)?;

        let runtime = tokio::runtime::Handle::current();
        let place_call = Arc::new(PlaceCall::new(ports, settings.policy, settings.plan.clone()));
        let desk = Arc::new(CallDesk::new(place_call, runtime.clone(), settings.process.max_in_flight_dials));
        let authenticator = wiring::authenticator(settings.auth)?;
        let demo_token = if is_demo { demo::token(&authenticator) } else { None };
        let gateway = Gateway::new(GatewayParts {
            desk: desk.clone(),
            authenticator,
            readiness: Arc::new(stores.clone()),
            read_calls: after.read_calls,
            follow_calls: after.follow_calls,
            webhooks: after.webhooks,
            provider: voice.name,
            events: after.receive_event.map(|receive_event| EventIntake::new(receive_event, after.accepted)),
            personalize: after.personalize,
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
            // A reply that is being waited for comes at the end of the longest dial.
            shutdown_timeout: settings.policy.reserve_for(),
            body_timeout: BODY_TIMEOUT,
            event_timeout: EVENT_TIMEOUT,
            heartbeat: HEARTBEAT,
            unread_timeout: UNREAD_TIMEOUT,
        };
        let server = serve(listener, gateway.clone(), http)?;
        if let Some(simulated) = &voice.simulated {
            simulated.report_to(address)?;
        }
        Ok(Self {
            address,
            server,
            gateway,
            desk,
            stores,
            workers,
            simulated: voice.simulated,
            drain_notice: settings.process.drain_notice,
            demo_token,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The stores that it works on.
    #[must_use]
    pub const fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The simulated provider, where it runs one.
    #[must_use]
    pub fn simulator(&self) -> Option<&Simulator> {
        self.simulated.as_ref().map(|simulated| &simulated.simulator)
    }

    /// A token for the demo's user, where this is the demo and the gateway has a secret to sign with.
    #[must_use]
    pub fn demo_token(&self) -> Option<&str> {
        self.demo_token.as_deref()
    }

    /// Serves until `stop` is done; then readiness says no, the listener stops, calls in flight run to their end and are
    /// booked, and the stores are closed.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let handle = self.server.handle();
        let serving = tokio::spawn(self.server);
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => {
                ended.context("the server broke off")??;
                anyhow::bail!("the server stopped by itself");
            }
            () = stop => {}
        }
        tracing::info!(calls.in_flight = self.desk.in_flight(), "draining");
        drain::drain(&self.gateway, &self.desk, handle, self.drain_notice).await;
        serving.await.context("the server broke off")??;
        self.workers.stop().await;
        self.stores.close().await;
        if let Some(simulated) = self.simulated {
            simulated.simulator.stop().await;
        }
        tracing::info!("stopped");
        Ok(())
    }
}

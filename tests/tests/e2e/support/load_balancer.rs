use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use testkit::eventually;
use tokio::time::sleep;

use super::client::{Client, Response};

/// Shorter than the drain notice of the gateways behind it.
const PROBE_INTERVAL: Duration = Duration::from_millis(20);

/// Sends each request to the next gateway that is ready, and repeats it only if the connection was
/// refused.
#[derive(Default)]
pub(crate) struct LoadBalancer(Mutex<Targets>);

#[derive(Default)]
struct Targets {
    targets: Vec<Target>,
    next: usize,
}

struct Target {
    client: Client,
    answers: usize,
    /// What the probes found. A state is repeated only after another one.
    states: Vec<TargetState>,
}

/// What `/readyz` says of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetState {
    Ready,
    NotReady,
    Unreachable,
}

impl LoadBalancer {
    /// Adds a gateway. It gets requests once it is ready.
    pub(crate) fn add(self: &Arc<Self>, client: &Client) {
        self.lock().targets.push(Target { client: client.clone(), answers: 0, states: Vec::new() });
        tokio::spawn(self.clone().probe(client.clone()));
    }

    /// Returns once the gateway has answered a request.
    pub(crate) async fn wait_for_answer_of(&self, client: &Client) {
        let has_answered = || self.lock().target(client.address()).answers > 0;
        eventually("the gateway answers a request", async || has_answered()).await;
    }

    /// Places a call. Panics if a connection that was open breaks before the response is complete: then
    /// the answer is lost.
    pub(crate) async fn place(&self, body: &Value) -> Response {
        loop {
            let ready = self.lock().next_ready();
            if let Some(client) = ready
                && let Some(response) = client.place_unless_refused(body).await
            {
                self.lock().target(client.address()).answers += 1;
                return response;
            }
            sleep(PROBE_INTERVAL).await;
        }
    }

    /// Returns what the probes of a gateway found, once it cannot be reached any more.
    pub(crate) async fn states_until_the_end(&self, client: &Client) -> Vec<TargetState> {
        eventually("the probes find that the gateway has ended", async || {
            let states = self.lock().target(client.address()).states.clone();
            states.ends_with(&[TargetState::Unreachable]).then_some(states)
        })
        .await
    }

    /// Probes a gateway until it cannot be reached.
    async fn probe(self: Arc<Self>, client: Client) {
        let mut last = None;
        while last != Some(TargetState::Unreachable) {
            let state = match client.get_unauthenticated("/readyz").await {
                Some(response) if response.status == 200 => TargetState::Ready,
                Some(_) => TargetState::NotReady,
                None => TargetState::Unreachable,
            };
            if last.replace(state) != Some(state) {
                self.lock().target(client.address()).states.push(state);
            }
            sleep(PROBE_INTERVAL).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Targets> {
        self.0.lock().expect("no test panics while it holds the targets")
    }
}

impl Targets {
    /// The latest gateway with this address: the system may give a port again.
    fn target(&mut self, address: SocketAddr) -> &mut Target {
        let target = self.targets.iter_mut().rfind(|target| target.client.address() == address);
        target.expect("the gateway was added")
    }

    fn next_ready(&mut self) -> Option<Client> {
        let count = self.targets.len();
        let mut positions = (self.next..self.next + count).map(|position| position % count);
        let position =
            positions.find(|position| self.targets[*position].states.ends_with(&[TargetState::Ready]))?;
        self.next = position + 1;
        Some(self.targets[position].client.clone())
    }
}

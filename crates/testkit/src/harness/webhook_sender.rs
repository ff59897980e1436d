use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::WebhookSecret;
use domain::ports::WebhookSender;

/// What the suite of [`WebhookSender`] needs. The receivers of the suite are sockets on the
/// loopback.
pub trait WebhookSenderHarness: Send + Sync {
    /// The adapter, which resolves every host name with `names`.
    fn sender(&self, allowed: AllowedReceivers, names: &ScriptedNames) -> Arc<dyn WebhookSender>;

    /// The time limit of one attempt, at most 2 s. Making a connection and [`WebhookSender::check`]
    /// have at most the same limit.
    fn attempt_limit(&self) -> Duration;

    /// Verifies a request as a receiver does, from its bytes and one secret.
    fn is_signed(&self, request: &[u8], secret: &WebhookSecret) -> bool;
}

/// Where an adapter may send events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedReceivers {
    /// Over `https` to public addresses, as in production.
    Public,
    /// To every address, also over `http`, as for development.
    Any,
}

/// A resolver of host names with scripted answers.
#[derive(Clone)]
pub struct ScriptedNames {
    answers: Vec<Vec<IpAddr>>,
    asked: Arc<AtomicUsize>,
}

impl ScriptedNames {
    /// A resolver that returns these addresses, one answer after the other, and the last one from
    /// then on.
    ///
    /// # Panics
    /// If a text is not an address.
    #[must_use]
    pub fn resolving_to(answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().expect("an address")).collect();
        Self { answers: answers.iter().map(parse).collect(), asked: Arc::default() }
    }

    /// A resolver that never returns.
    #[must_use]
    pub fn silent() -> Self {
        Self { answers: Vec::new(), asked: Arc::default() }
    }

    /// Resolves one name.
    pub async fn resolve(&self) -> Vec<IpAddr> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        match self.answers.get(asked).or(self.answers.last()) {
            Some(addresses) => addresses.clone(),
            None => std::future::pending().await,
        }
    }

    /// How many names were resolved.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

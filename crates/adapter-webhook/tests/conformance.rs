//! The suite of the port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adapter_webhook::HttpWebhookSender;
use domain::WebhookSecret;
use domain::ports::WebhookSender;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use testkit::harness::{AllowedReceivers, ScriptedNames, WebhookSenderHarness};

#[path = "support/deliveries.rs"]
#[expect(dead_code, reason = "these tests make no deliveries of their own")]
mod deliveries;
#[path = "support/request.rs"]
#[expect(dead_code, reason = "the fields are for the other tests")]
mod request;

testkit::webhook_sender_suite!(Harness);

struct Harness;

impl WebhookSenderHarness for Harness {
    fn sender(&self, allowed: AllowedReceivers, names: &ScriptedNames) -> Arc<dyn WebhookSender> {
        let settings = deliveries::settings(allowed == AllowedReceivers::Any);
        let sender = HttpWebhookSender::with_names(settings, Arc::new(Names(names.clone())));
        Arc::new(sender.expect("valid settings"))
    }

    fn attempt_limit(&self) -> Duration {
        deliveries::settings(true).attempt_within
    }

    fn is_signed(&self, request: &[u8], secret: &WebhookSecret) -> bool {
        request::Request::parse(request).is_signed(secret)
    }
}

struct Names(ScriptedNames);

impl Resolve for Names {
    fn resolve(&self, _: Name) -> Resolving {
        let names = self.0.clone();
        Box::pin(async move {
            let addresses = names.resolve().await.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

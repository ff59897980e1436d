//! The webhook through which ElevenLabs reports the ends of calls, and opt-outs.

use std::time::Duration;

use domain::Timestamp;
use domain::ports::{Clock as _, WebhookFailure, WorkspaceWebhook};
use url::Url;

use super::Finding;
use super::accounts::AccountsRead;
use super::provider::of_failure;
use crate::config::{Settings, Voice, is_loopback};
use crate::system::SystemClock;

const WEBHOOK: &str = "webhook";
const SECRET: &str = "webhook-secret";

/// A failure that is older says nothing of the secret that is set now.
const RECENTLY: Duration = Duration::from_hours(7 * 24);
const REGISTER: &str = "run `outdial sync --webhook https://YOUR-GATEWAY --secret-file FILE`";

pub(super) fn check(settings: &Settings, accounts: Option<&AccountsRead>) -> Vec<Finding> {
    let (Some(accounts), Voice::ElevenLabs { webhook: secrets, .. }) = (accounts, &settings.voice) else {
        let reason = "this voice provider sends no webhooks to a public URL";
        return vec![Finding::unneeded(WEBHOOK, reason), Finding::unneeded(SECRET, reason)];
    };
    let is_set = !secrets.signing.is_empty();
    match &accounts.webhook {
        Err(failure) => vec![of_failure(WEBHOOK, failure.clone()), Finding::behind(SECRET, WEBHOOK)],
        Ok(None) => {
            let found = "no webhook receives the events of calls: their ends are learned late, by polling";
            vec![Finding::warning(WEBHOOK, found, REGISTER), Finding::behind(SECRET, WEBHOOK)]
        }
        Ok(Some(webhook)) => {
            vec![of_webhook(webhook), of_secret(webhook, is_set, secrets.tool.is_some(), SystemClock.now())]
        }
    }
}

fn of_webhook(webhook: &WorkspaceWebhook) -> Finding {
    let path = adapter_http::paths::PROVIDER_EVENTS;
    let url = Url::parse(&webhook.url).ok();
    let leads_here = |url: &Url| url.path().trim_end_matches('/').ends_with(path);
    let is_private = |url: &Url| url.scheme() == "https" || is_loopback(url);
    let failed = |found: &str, remedy: &str| Finding::failed(WEBHOOK, found, remedy);
    match url {
        Some(url) if !leads_here(&url) => failed(
            &format!("the events of calls go to another path than {path}"),
            "remove that webhook in the workspace's settings for post-call webhooks, and register this gateway's \
             with `outdial sync --webhook`",
        ),
        Some(url) if !is_private(&url) => failed(
            "the events of calls are sent in clear text, with phone numbers and transcripts",
            "delete it in the workspace, and register one with https: `outdial sync --webhook`",
        ),
        None => failed("its URL cannot be read", "delete it in the workspace, and register another one"),
        Some(_) if webhook.is_disabled => failed(
            "it is disabled, so that no events arrive",
            "enable it: run `outdial sync --webhook` with its URL",
        ),
        Some(_) if !webhook.is_signed => failed(
            "its events are not signed, so that the gateway refuses them",
            "delete it in the workspace, and register one with `outdial sync --webhook`",
        ),
        Some(_) if webhook.is_repeated == Some(false) => Finding::warning(
            WEBHOOK,
            "events that the gateway misses are not sent again",
            "run `outdial sync --webhook` with its URL, which turns repeated deliveries on",
        ),
        // Whether the host leads to this gateway cannot be seen from here: a proxy may be in front of it.
        Some(url) => {
            let host = url.host_str().unwrap_or_default();
            Finding::ok(
                WEBHOOK,
                format!("registered, enabled and signed; events go to {host}: is that this gateway?"),
            )
        }
    }
}

/// ElevenLabs never returns the secret of a webhook again. Whether it is the one that is set shows only
/// in the deliveries that were refused.
fn of_secret(webhook: &WorkspaceWebhook, is_set: bool, has_tool: bool, now: Timestamp) -> Finding {
    let remedy = "put the secret of this webhook into OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS and restart the gateway; if \
                  it is lost, delete the webhook and register it again";
    if !is_set {
        let found = if has_tool {
            "only OUTDIAL_ELEVENLABS_TOOL_SECRET is set: signed events are refused"
        } else {
            "no secret is set: every event is refused"
        };
        return Finding::failed(SECRET, found, remedy);
    }
    let recent = webhook.last_failure.filter(|failure| now.since(failure.at) <= RECENTLY);
    match recent {
        Some(WebhookFailure { status: Some(401), at }) => {
            let found =
                format!("an event was refused at {}: the secret is another one", adapter_http::iso8601(at));
            Finding::failed(SECRET, found, remedy)
        }
        Some(WebhookFailure { status, at }) => {
            let why = status.map_or("no response".to_owned(), |status| format!("HTTP status {status}"));
            let found = format!("the last failed delivery was at {}: {why}", adapter_http::iso8601(at));
            let remedy = "look whether the gateway is reachable at the URL, and at its log of that time";
            Finding::warning(SECRET, found, remedy)
        }
        None => Finding::ok(
            SECRET,
            "set, and no event was refused in the last week; ElevenLabs does not show the secret for a comparison",
        ),
    }
}

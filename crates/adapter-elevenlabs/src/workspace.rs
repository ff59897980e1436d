//! Reads the workspace, registers its webhook, and changes its phone numbers.

mod phone_numbers;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{
    Activation, CreatedWebhook, ImportNumber, NumberImport, SigningSecret, VendorFailure, VoiceWorkspace,
    WebhookFailure, WorkspaceAgent, WorkspaceNumber, WorkspaceWebhook,
};
use domain::{PersonName, PhoneNumber, ProviderAgentId, ProviderNumberId, Timestamp};
use provider_client::{InvalidSettings, ProviderClient, Response};
use serde_json::json;
use url::Url;

use self::phone_numbers::read_number;
use crate::config::{ElevenLabsSettings, TrunkLogin};
use crate::json::{Items, Object};
use crate::records::unavailable;
use crate::wire;

/// The workspace of the API key.
#[derive(Debug, Clone)]
pub struct ElevenLabsWorkspace {
    client: ProviderClient,
    trunk_login: Option<TrunkLogin>,
}

/// The time limit of one list, all its pages together.
const LIST_WITHIN: Duration = Duration::from_secs(40);
/// The time limit of a request that changes something.
const CHANGE_WITHIN: Duration = Duration::from_secs(20);
const MAX_CHANGE_BYTES: usize = 1 << 20;
/// The provider accepts 1 to 100.
const PAGE_LEN: &str = "100";
/// More pages than any workspace has: the list of a faulty provider ends.
const MAX_PAGES: usize = 1000;

const AGENTS: [&str; 3] = ["v1", "convai", "agents"];
const PHONE_NUMBERS: [&str; 3] = ["v1", "convai", "phone-numbers"];
const SETTINGS: [&str; 3] = ["v1", "convai", "settings"];
const WEBHOOKS: [&str; 3] = ["v1", "workspace", "webhooks"];

const NO_WEBHOOKS: &str = "the response is not a list of webhooks";

/// What the webhook is called in the workspace.
const WEBHOOK_NAME: &str = "Outdial";
/// What the gateway can use.
const WEBHOOK_EVENTS: [&str; 3] = ["transcript", "audio", "call_initiation_failure"];

impl ElevenLabsWorkspace {
    /// Checks the settings. Nothing is sent.
    pub fn new(settings: &ElevenLabsSettings) -> Result<Self, InvalidSettings> {
        Ok(Self { client: settings.client()?, trunk_login: settings.trunk_login.clone() })
    }

    async fn read(&self, url: &Url, deadline: Instant) -> Result<Vec<u8>, VendorFailure> {
        let read = self.client.read(url, deadline).await;
        succeeded(read.map_err(|failure| unavailable(failure.to_string()))?)
    }

    /// Sends a change, once.
    async fn patch(&self, url: &Url, body: &serde_json::Value) -> Result<(), VendorFailure> {
        let sent = self.client.patch(url, body.to_string(), CHANGE_WITHIN, MAX_CHANGE_BYTES).await;
        succeeded(sent.map_err(|failure| unavailable(failure.to_string()))?).map(|_| ())
    }

    /// What `read` makes of the webhook whose field has this value, if there is one.
    async fn webhook_with<T>(
        &self,
        field: &str,
        value: &str,
        read: impl Fn(&Object<'_>) -> T + Send,
    ) -> Result<Option<T>, VendorFailure> {
        let unclear = || unavailable(NO_WEBHOOKS);
        let body = self.read(&self.client.endpoint(WEBHOOKS), Instant::now() + LIST_WITHIN).await?;
        let list = Object::parse(&body).ok_or_else(unclear)?;
        let webhooks = list.list("webhooks").ok_or_else(unclear)?;
        let found = webhooks.iter().find(|webhook| webhook.text(field).as_deref() == Some(value));
        Ok(found.map(read))
    }

    /// The id of the webhook that receives the events of all agents which have none of their own.
    async fn active_webhook_id(&self) -> Result<Option<String>, VendorFailure> {
        let url = self.client.endpoint(SETTINGS);
        let body = self.read(&url, Instant::now() + LIST_WITHIN).await?;
        let settings = Object::parse(&body).ok_or_else(|| unavailable("the response has no settings"))?;
        Ok(settings.object("webhooks").text("post_call_webhook_id").filter(|id| !id.is_empty()))
    }
}

#[async_trait]
impl VoiceWorkspace for ElevenLabsWorkspace {
    async fn agents(&self) -> Result<Vec<WorkspaceAgent>, VendorFailure> {
        let unclear = || unavailable("the response is not a list of agents");
        let deadline = Instant::now() + LIST_WITHIN;
        let (mut agents, mut seen) = (Vec::new(), HashSet::new());
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut url = self.client.endpoint(AGENTS);
            url.query_pairs_mut().append_pair("page_size", PAGE_LEN);
            if let Some(cursor) = &cursor {
                url.query_pairs_mut().append_pair("cursor", cursor);
            }
            let body = self.read(&url, deadline).await?;
            let page = Object::parse(&body).ok_or_else(unclear)?;
            for item in page.list("agents").ok_or_else(unclear)? {
                let id = item.text("agent_id").and_then(|id| ProviderAgentId::parse(&id).ok());
                let id = id.ok_or_else(unclear)?;
                if !seen.insert(id.clone()) {
                    return Err(unavailable("the pages of agents repeat").into());
                }
                // An archived agent places no calls.
                if !item.is_true("archived") {
                    let name = item.text("name").and_then(|name| PersonName::parse(&name).ok());
                    agents.push(WorkspaceAgent { id, name });
                }
            }
            if !page.is_true("has_more") {
                return Ok(agents);
            }
            cursor = Some(page.text("next_cursor").ok_or_else(unclear)?);
        }
        Err(unavailable("the list of agents does not end").into())
    }

    async fn numbers(&self) -> Result<Vec<WorkspaceNumber>, VendorFailure> {
        let unclear = || unavailable("the response is not a list of phone numbers");
        let url = self.client.endpoint(PHONE_NUMBERS);
        let body = self.read(&url, Instant::now() + LIST_WITHIN).await?;
        let items: Items<'_> = serde_json::from_slice(&body).map_err(|_| unclear())?;
        if items.is_cut {
            return Err(unavailable("the list of phone numbers is too long").into());
        }
        let mut numbers = Vec::new();
        for item in items.objects() {
            let item = item.ok_or_else(unclear)?;
            let id = item.text("phone_number_id").and_then(|id| ProviderNumberId::parse(&id).ok());
            let (Some(id), Some(phone_number)) = (id, item.text("phone_number")) else {
                return Err(unclear().into());
            };
            // Others than E.164 are not in the directory either.
            if let Ok(phone_number) = PhoneNumber::parse(&phone_number) {
                numbers.push(read_number(id, phone_number, &item));
            }
        }
        Ok(numbers)
    }

    async fn import_number(&self, number: &ImportNumber) -> Result<NumberImport, VendorFailure> {
        self.import(number).await
    }

    async fn link_number(&self, id: &ProviderNumberId, agent: &ProviderAgentId) -> Result<(), VendorFailure> {
        self.link(id, agent).await
    }

    async fn remove_number(&self, id: &ProviderNumberId) -> Result<(), VendorFailure> {
        self.remove(id).await
    }

    async fn find_webhook(&self, url: &str) -> Result<Option<String>, VendorFailure> {
        let found = self.webhook_with("webhook_url", url, |webhook| webhook.text("webhook_id")).await?;
        found.map(|id| id.ok_or_else(|| unavailable(NO_WEBHOOKS).into())).transpose()
    }

    async fn active_webhook(&self) -> Result<Option<WorkspaceWebhook>, VendorFailure> {
        let Some(id) = self.active_webhook_id().await? else { return Ok(None) };
        let found = self.webhook_with("webhook_id", &id, webhook).await?;
        // The settings name a webhook, so that it is in the list.
        let found = found.flatten().ok_or_else(|| unavailable(NO_WEBHOOKS))?;
        Ok(Some(found))
    }

    async fn create_webhook(&self, url: &str) -> Result<CreatedWebhook, VendorFailure> {
        let settings = json!({ "auth_type": "hmac", "name": WEBHOOK_NAME, "webhook_url": url });
        let body = json!({ "settings": settings }).to_string();
        let endpoint = self.client.endpoint(WEBHOOKS);
        let sent = self.client.post(&endpoint, body, CHANGE_WITHIN, MAX_CHANGE_BYTES).await;
        let body = succeeded(sent.map_err(|failure| unavailable(failure.to_string()))?)?;
        let created = Object::parse(&body);
        let id = created.as_ref().and_then(|webhook| webhook.text("webhook_id"));
        let id = id.ok_or_else(|| unavailable("the response is not a created webhook"))?;
        let secret = created.and_then(|webhook| webhook.text("webhook_secret"));
        Ok(CreatedWebhook { id, secret: secret.map(|secret| SigningSecret::new(&secret)) })
    }

    async fn activate_webhook(&self, id: &str) -> Result<Activation, VendorFailure> {
        match self.active_webhook_id().await? {
            Some(active) if active != id => return Ok(Activation::OtherIsActive),
            _ => {}
        }
        // Without this, an event that the gateway misses is lost: deliveries are not repeated.
        let webhook = self.client.endpoint(WEBHOOKS.into_iter().chain([id]));
        let retries = json!({ "is_disabled": false, "name": WEBHOOK_NAME, "retry_enabled": true });
        self.patch(&webhook, &retries).await?;
        let webhooks =
            json!({ "post_call_webhook_id": id, "events": WEBHOOK_EVENTS, "transcript_format": "json" });
        self.patch(&self.client.endpoint(SETTINGS), &json!({ "webhooks": webhooks })).await?;
        Ok(Activation::Active)
    }
}

/// What the provider lists of a webhook.
fn webhook(item: &Object<'_>) -> Option<WorkspaceWebhook> {
    let failed_at = item.integer("most_recent_failure_timestamp");
    let status = item.integer("most_recent_failure_error_code");
    Some(WorkspaceWebhook {
        id: item.text("webhook_id")?,
        url: item.text("webhook_url")?,
        is_disabled: item.is_true("is_disabled") || item.is_true("is_auto_disabled"),
        is_signed: item.text("auth_type").as_deref() == Some("hmac"),
        is_repeated: item.value("retry_enabled").map(|_| item.is_true("retry_enabled")),
        last_failure: failed_at.map(|secs| WebhookFailure {
            status: status.and_then(|status| u16::try_from(status).ok()),
            at: Timestamp::from_unix_millis(secs.saturating_mul(1000)),
        }),
    })
}

/// The body of a success, or what the refusal means.
fn succeeded(response: Response) -> Result<Vec<u8>, VendorFailure> {
    let Response { status, body, .. } = response;
    let code = || wire::refusal_code(status, &body);
    let is_about_money =
        || code().is_some_and(|code| ["payment_required", "quota_exceeded"].contains(&code.as_str()));
    match status {
        200..=299 => Ok(body),
        401 if is_about_money() => Err(unavailable("the account has no credit or is not paid").into()),
        401 => Err(VendorFailure::KeyRefused),
        403 => Err(VendorFailure::NotAllowed),
        404 if code().is_some_and(|code| code.as_str().ends_with("_not_found")) => {
            Err(VendorFailure::NotFound)
        }
        429 => Err(VendorFailure::RateLimited),
        status => Err(unavailable(format!("the response has status {status}")).into()),
    }
}

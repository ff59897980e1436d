use domain::{
    CallEventKind, EndpointSuspension, SuspensionReason, WebhookEndpoint, WebhookSecret, WebhookUrl,
};

use crate::{Columns, FromText, StoredTime, Table, Unreadable};

const WEBHOOK_ENDPOINTS: Table = Table("webhook_endpoints");

pub struct EndpointColumns<T> {
    pub id: String,
    pub organization_id: String,
    pub url: String,
    pub kinds: String,
    pub secret: Vec<u8>,
    pub previous_secret: Option<Vec<u8>>,
    pub previous_until: Option<T>,
    pub suspension: Option<String>,
    pub suspended_at: Option<T>,
    pub created_at: T,
}

impl<T: StoredTime> Columns for EndpointColumns<T> {
    type Value = WebhookEndpoint;

    fn read(self) -> Result<WebhookEndpoint, Unreadable> {
        let previous = self.previous_secret.zip(self.previous_until);
        let previous =
            previous.map(|(secret, until)| Ok((read_secret("previous_secret", &secret)?, until.timestamp())));
        let suspension = self.suspension.zip(self.suspended_at).map(|(reason, since)| {
            let reason = WEBHOOK_ENDPOINTS.read("suspension", reason)?;
            Ok(EndpointSuspension { reason, since: since.timestamp() })
        });
        Ok(WebhookEndpoint {
            id: WEBHOOK_ENDPOINTS.read("id", self.id)?,
            organization_id: WEBHOOK_ENDPOINTS.read("organization_id", self.organization_id)?,
            url: read_url(&self.url)?,
            kinds: WEBHOOK_ENDPOINTS.read("kinds", self.kinds)?,
            secret: read_secret("secret", &self.secret)?,
            previous_secret: previous.transpose()?,
            suspension: suspension.transpose()?,
            created_at: self.created_at.timestamp(),
        })
    }
}

pub(crate) fn read_url(url: &str) -> Result<WebhookUrl, Unreadable> {
    WEBHOOK_ENDPOINTS.read("url", url)
}

pub(crate) fn read_secret(column: &'static str, bytes: &[u8]) -> Result<WebhookSecret, Unreadable> {
    WebhookSecret::from_bytes(bytes).map_err(|_| WEBHOOK_ENDPOINTS.unreadable(column))
}

impl FromText for SuspensionReason {
    fn from_text(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

pub fn kinds_to_json(kinds: &[CallEventKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    serde_json::to_string(&names).expect("texts are always JSON")
}

/// The kinds of an endpoint are a JSON array of names.
impl FromText for Vec<CallEventKind> {
    fn from_text(json: &str) -> Option<Self> {
        let names: Vec<String> = serde_json::from_str(json).ok()?;
        names.iter().map(|name| CallEventKind::from_name(name)).collect()
    }
}

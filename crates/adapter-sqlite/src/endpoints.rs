use async_trait::async_trait;
use domain::ports::{PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{
    CallEventKind, OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret, WebhookUrl,
};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, failed, unavailable, unreadable, within};

/// How many deliveries are removed at once: the bound on how long a removal holds the writer.
const REMOVED_AT_ONCE: u32 = 1000;

struct EndpointRow {
    id: String,
    organization_id: String,
    url: String,
    kinds: String,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    previous_until: Option<i64>,
    created_at: i64,
}

impl TryFrom<EndpointRow> for WebhookEndpoint {
    type Error = PortUnavailable;

    fn try_from(row: EndpointRow) -> Result<Self, PortUnavailable> {
        let previous_secret = match (row.previous_secret, row.previous_until) {
            (Some(secret), Some(until)) => {
                Some((previous_secret(&secret)?, Timestamp::from_unix_millis(until)))
            }
            _ => None,
        };
        Ok(Self {
            id: WebhookEndpointId::parse(&row.id).map_err(unreadable("webhook_endpoints.id"))?,
            organization_id: OrganizationId::parse(&row.organization_id)
                .map_err(unreadable("webhook_endpoints.organization_id"))?,
            url: url(&row.url)?,
            kinds: read_kinds(&row.kinds)?,
            secret: secret(&row.secret)?,
            previous_secret,
            created_at: Timestamp::from_unix_millis(row.created_at),
        })
    }
}

#[async_trait]
impl WebhookEndpoints for SqliteStore {
    /// One statement: nobody else registers between its counting and its writing.
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable> {
        let (id, organization_id) = (endpoint.id.as_str(), endpoint.organization_id.as_str());
        let (url, kinds) = (endpoint.url.as_str(), write_kinds(&endpoint.kinds)?);
        let secret = endpoint.secret.expose();
        let previous_secret = endpoint.previous_secret.as_ref().map(|(secret, _)| secret.expose());
        let previous_until = endpoint.previous_secret.as_ref().map(|(_, until)| until.unix_millis());
        let created_at = endpoint.created_at.unix_millis();
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_books().await?;
            let registered = sqlx::query!(
                "insert into webhook_endpoints
                     (id, organization_id, url, kinds, secret, previous_secret, previous_until, created_at)
                 select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
                 where (select count(*) from webhook_endpoints where organization_id = ?2) < ?9",
                id,
                organization_id,
                url,
                kinds,
                secret,
                previous_secret,
                previous_until,
                created_at,
                most
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            if registered.rows_affected() == 0 {
                return Ok(RegistrationResult::TooMany);
            }
            transaction.commit().await?;
            Ok(RegistrationResult::Registered)
        })
        .await
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        let organization_id = organization_id.as_str();
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let rows = sqlx::query_as!(
                EndpointRow,
                "select id, organization_id, url, kinds, secret, previous_secret, previous_until, created_at
                 from webhook_endpoints where organization_id = ? order by seq",
                organization_id
            )
            .fetch_all(&mut *reader)
            .await
            .map_err(unavailable)?;
            rows.into_iter().map(WebhookEndpoint::try_from).collect()
        })
        .await
    }

    /// What is queued goes first, so that bookings come in between. What comes meanwhile goes with the endpoint.
    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        let (organization_id, id) = (organization_id.as_str(), id.as_str());
        while within(STORAGE_LIMIT, self.remove_deliveries(organization_id, id)).await? {}
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_books().await?;
            let removed = sqlx::query!(
                "delete from webhook_endpoints where organization_id = ? and id = ?",
                organization_id,
                id
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            transaction.commit().await?;
            Ok(removed.rows_affected() == 1)
        })
        .await
    }

    async fn replace_secret(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        previous_until: Timestamp,
    ) -> Result<bool, PortUnavailable> {
        let (organization_id, id) = (organization_id.as_str(), id.as_str());
        let (secret, previous_until) = (secret.expose(), previous_until.unix_millis());
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_books().await?;
            let replaced = sqlx::query!(
                "update webhook_endpoints set previous_secret = secret, previous_until = ?, secret = ?
                 where organization_id = ? and id = ?",
                previous_until,
                secret,
                organization_id,
                id
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            transaction.commit().await?;
            Ok(replaced.rows_affected() == 1)
        })
        .await
    }
}

impl SqliteStore {
    /// Removes some of the endpoint's deliveries; says whether there may be more.
    async fn remove_deliveries(&self, organization_id: &str, id: &str) -> Result<bool, PortUnavailable> {
        let mut writer = self.connections.write_lease().await?;
        let removed = sqlx::query!(
            "delete from webhook_deliveries
             where endpoint_id = (select id from webhook_endpoints where organization_id = ?1 and id = ?2)
                 and position in
                     (select position from webhook_deliveries where endpoint_id = ?2 order by position limit ?3)",
            organization_id,
            id,
            REMOVED_AT_ONCE
        )
        .execute(&mut *writer)
        .await
        .map_err(unavailable)?;
        Ok(removed.rows_affected() == u64::from(REMOVED_AT_ONCE))
    }
}

/// The URL of an endpoint.
pub(crate) fn url(text: &str) -> Result<WebhookUrl, PortUnavailable> {
    WebhookUrl::parse(text).map_err(unreadable("webhook_endpoints.url"))
}

/// What an endpoint's deliveries are signed with.
pub(crate) fn secret(bytes: &[u8]) -> Result<WebhookSecret, PortUnavailable> {
    WebhookSecret::from_bytes(bytes).map_err(unreadable("webhook_endpoints.secret"))
}

/// What they were signed with before.
pub(crate) fn previous_secret(bytes: &[u8]) -> Result<WebhookSecret, PortUnavailable> {
    WebhookSecret::from_bytes(bytes).map_err(unreadable("webhook_endpoints.previous_secret"))
}

fn write_kinds(kinds: &[CallEventKind]) -> Result<String, PortUnavailable> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    serde_json::to_string(&names).map_err(|_| failed("kinds of events cannot be written as JSON"))
}

fn read_kinds(stored: &str) -> Result<Vec<CallEventKind>, PortUnavailable> {
    const COLUMN: &str = "webhook_endpoints.kinds";
    let names: Vec<String> = serde_json::from_str(stored).map_err(unreadable(COLUMN))?;
    let kinds = names.iter().map(|name| CallEventKind::from_name(name));
    kinds.collect::<Option<_>>().ok_or(()).map_err(unreadable(COLUMN))
}

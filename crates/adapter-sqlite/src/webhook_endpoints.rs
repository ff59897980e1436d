use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{ChangeResult, PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{
    EndpointChange, OrganizationId, Sending, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret,
    WebhookUrl,
};
use sql_common::{EndpointColumns, kinds_to_json};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, unavailable, within};
use crate::statement::{execute, read, row};

/// The number of deliveries that one statement removes: this limits how long a removal holds the
/// writer.
const REMOVAL_BATCH: u32 = 1000;

type EndpointRow = EndpointColumns<i64>;

#[async_trait]
impl WebhookEndpoints for SqliteStore {
    /// One transaction, so that no other registration comes between its count and its insert. An
    /// endpoint that is stored already counts as registered, however many there are.
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable> {
        let endpoint = Arc::new(endpoint.clone());
        let register = self.connections.write_synced(move |writer| {
            let endpoint = Arc::clone(&endpoint);
            Box::pin(async move { register(writer, &endpoint, most).await })
        });
        let (is_stored, is_taken) = within(STORAGE_LIMIT, register).await?;
        Ok(match (is_stored, is_taken) {
            (true, _) => RegistrationResult::Registered,
            (false, true) => RegistrationResult::UrlTaken,
            (false, false) => RegistrationResult::TooMany,
        })
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        self.read_rows(sqlx::query_as!(
            EndpointRow,
            "select id, organization_id, url, kinds, secret, previous_secret, previous_until,
                    suspension, suspended_at, created_at
             from webhook_endpoints where organization_id = ? order by seq",
            organization_id.as_str()
        ))
        .await
    }

    /// One transaction, so that no other change or registration takes the URL meanwhile.
    async fn change(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        change: &EndpointChange,
    ) -> Result<ChangeResult, PortUnavailable> {
        let owned = Arc::new((organization_id.clone(), id.clone(), change.clone()));
        let change = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move { change_endpoint(writer, &owned.0, &owned.1, &owned.2).await })
        });
        Ok(match within(STORAGE_LIMIT, change).await? {
            (Some(row), _) => ChangeResult::Changed(read(row)?),
            (None, true) => ChangeResult::UrlTaken,
            (None, false) => ChangeResult::NotFound,
        })
    }

    /// Removes the queued deliveries first, in batches, so that bookings have their turn between
    /// them. Deliveries that are queued meanwhile are removed with the endpoint.
    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        while self.remove_deliveries(organization_id, id).await? {}
        let removed = self.write_synced(sqlx::query!(
            "delete from webhook_endpoints where organization_id = ? and id = ?",
            organization_id.as_str(),
            id.as_str()
        ));
        Ok(removed.await? == 1)
    }

    /// A repeated call must not replace the previous secret by the new one.
    async fn replace_secret(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        previous_until: Timestamp,
    ) -> Result<bool, PortUnavailable> {
        let replaced = self.write_synced(sqlx::query!(
            "update webhook_endpoints
             set previous_secret = iif(secret = ?1, previous_secret, secret),
                 previous_until = iif(secret = ?1, previous_until, ?2),
                 secret = ?1
             where organization_id = ?3 and id = ?4",
            secret.expose(),
            previous_until.unix_millis(),
            organization_id.as_str(),
            id.as_str()
        ));
        Ok(replaced.await? == 1)
    }
}

impl SqliteStore {
    /// Removes some of the endpoint's deliveries. Returns whether there may be more.
    async fn remove_deliveries(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        let removed = self.write_unsynced(STORAGE_LIMIT, |_| {
            sqlx::query!(
                "delete from webhook_deliveries
                 where endpoint_id = (select id from webhook_endpoints where organization_id = ?1 and id = ?2)
                     and position in
                         (select position from webhook_deliveries where endpoint_id = ?2 order by position limit ?3)",
                organization_id.as_str(),
                id.as_str(),
                REMOVAL_BATCH
            )
        });
        Ok(removed.await? == u64::from(REMOVAL_BATCH))
    }
}

/// Returns whether the endpoint is stored now, and whether an endpoint of the organization has its URL.
async fn register(
    connection: &mut SqliteConnection,
    endpoint: &WebhookEndpoint,
    most: u32,
) -> Result<(bool, bool), PortUnavailable> {
    let (id, organization_id) = (endpoint.id.as_str(), endpoint.organization_id.as_str());
    let (previous_secret, previous_until) =
        endpoint.previous_secret.as_ref().map(|(secret, until)| (secret.expose(), *until)).unzip();
    let stored = sqlx::query!(
        "insert into webhook_endpoints
             (id, organization_id, url, kinds, secret, previous_secret, previous_until, created_at,
              suspension, suspended_at)
         select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?10, ?11
         where (select count(*) from webhook_endpoints where organization_id = ?2) < ?9
             and not exists (select 1 from webhook_endpoints where organization_id = ?2 and url = ?3)
         on conflict (id) do nothing",
        id,
        organization_id,
        endpoint.url.as_str(),
        kinds_to_json(&endpoint.kinds),
        endpoint.secret.expose(),
        previous_secret,
        previous_until.map(Timestamp::unix_millis),
        endpoint.created_at.unix_millis(),
        most,
        endpoint.suspension.map(|suspension| suspension.reason.as_str()),
        endpoint.suspension.map(|suspension| suspension.since.unix_millis())
    );
    let found = sqlx::query!(
        r#"select exists (select 1 from webhook_endpoints where organization_id = ?1 and id = ?2) as "is_stored!: bool",
                  exists (select 1 from webhook_endpoints where organization_id = ?1 and url = ?3) as "is_taken!: bool""#,
        organization_id,
        id,
        endpoint.url.as_str()
    );
    execute(connection, stored).await?;
    let found = found.fetch_one(connection).await.map_err(unavailable)?;
    Ok((found.is_stored, found.is_taken))
}

/// Returns the changed endpoint, and whether there is one with this id.
async fn change_endpoint(
    connection: &mut SqliteConnection,
    organization_id: &OrganizationId,
    id: &WebhookEndpointId,
    change: &EndpointChange,
) -> Result<(Option<EndpointRow>, bool), PortUnavailable> {
    let EndpointChange { url, kinds, sending } = change;
    let suspension = match sending {
        Some(Sending::Suspended(suspension)) => Some(suspension),
        Some(Sending::Active) | None => None,
    };
    let changed = sqlx::query_as!(
        EndpointRow,
        r#"update webhook_endpoints
           set url = coalesce(?3, url), kinds = coalesce(?4, kinds),
               suspension = iif(?5, ?6, suspension), suspended_at = iif(?5, ?7, suspended_at)
           where organization_id = ?1 and id = ?2
               and not exists (select 1 from webhook_endpoints other
                               where other.organization_id = ?1 and other.id <> ?2 and other.url = ?3)
           returning id as "id!", organization_id as "organization_id!", url as "url!", kinds as "kinds!",
               secret as "secret!", previous_secret as "previous_secret?", previous_until as "previous_until?",
               suspension as "suspension?", suspended_at as "suspended_at?", created_at as "created_at!""#,
        organization_id.as_str(),
        id.as_str(),
        url.as_ref().map(WebhookUrl::as_str),
        kinds.as_ref().map(|kinds| kinds_to_json(kinds)),
        sending.is_some(),
        suspension.map(|suspension| suspension.reason.as_str()),
        suspension.map(|suspension| suspension.since.unix_millis())
    );
    let exists = sqlx::query_scalar!(
        r#"select exists (select 1 from webhook_endpoints where organization_id = ? and id = ?) as "exists!: bool""#,
        organization_id.as_str(),
        id.as_str()
    );
    let changed = row(connection, changed).await?;
    let exists = exists.fetch_one(connection).await.map_err(unavailable)?;
    Ok((changed, exists))
}

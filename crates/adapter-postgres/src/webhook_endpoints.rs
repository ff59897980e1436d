use async_trait::async_trait;
use domain::ports::{PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret};
use sql_common::EndpointColumns;
use sqlx::{Connection, PgConnection};

use crate::PostgresStore;
use crate::statement::{Access, Failure, Work};
use crate::timestamp::PgTime;

/// The number of deliveries that one statement removes. An endpoint may have more than a statement
/// can remove within its time limit, and publishing waits for a removal.
const REMOVAL_BATCH: i64 = 1000;

type EndpointRow = EndpointColumns<PgTime>;

#[async_trait]
impl WebhookEndpoints for PostgresStore {
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable> {
        let is_registered = self.run(&Registration { endpoint, most }).await?;
        Ok(if is_registered { RegistrationResult::Registered } else { RegistrationResult::TooMany })
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        self.read_rows(|| {
            sqlx::query_as!(
                EndpointRow,
                r#"select id, organization_id, url, to_json(kinds)::text as "kinds!", secret, previous_secret,
                          previous_until, created_at
                     from webhook_endpoints where organization_id = $1 order by seq"#,
                organization_id.as_str()
            )
        })
        .await
    }

    /// Removes the queued deliveries first. Deliveries that are queued meanwhile are removed with
    /// the endpoint. If the statement is repeated because its response was lost, it finds no
    /// endpoint.
    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        while self.remove_deliveries(organization_id, id).await? {}
        let removed = self.row(Access::Write, || {
            sqlx::query!(
                "delete from webhook_endpoints where organization_id = $1 and id = $2 returning id",
                organization_id.as_str(),
                id.as_str()
            )
        });
        removed.await.map(|row| row.is_some())
    }

    async fn replace_secret(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        previous_until: Timestamp,
    ) -> Result<bool, PortUnavailable> {
        let previous_until = PgTime::stored(previous_until)?;
        // A repeated statement must not replace the previous secret by the new one.
        let replaced = self.row(Access::Write, || {
            sqlx::query!(
                "update webhook_endpoints \
                    set previous_secret = case when secret = $3 then previous_secret else secret end, \
                        previous_until = case when secret = $3 then previous_until else $4 end, \
                        secret = $3 \
                  where organization_id = $1 and id = $2 \
                 returning id",
                organization_id.as_str(),
                id.as_str(),
                secret.expose(),
                previous_until
            )
        });
        replaced.await.map(|row| row.is_some())
    }
}

impl PostgresStore {
    /// Removes some of the endpoint's deliveries. Returns whether there may be more.
    async fn remove_deliveries(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        let removed = self.only_row(Access::Write, || {
            sqlx::query!(
                r#"with batch as (
                       select delivery.position, delivery.endpoint_id
                         from webhook_endpoints as endpoint
                         join webhook_deliveries as delivery on delivery.endpoint_id = endpoint.id
                        where endpoint.organization_id = $1 and endpoint.id = $2
                        limit $3
                   ), removed as (
                       delete from webhook_deliveries as delivery using batch
                        where delivery.position = batch.position and delivery.endpoint_id = batch.endpoint_id
                       returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                organization_id.as_str(),
                id.as_str(),
                REMOVAL_BATCH
            )
        });
        Ok(removed.await?.removed == REMOVAL_BATCH)
    }
}

/// Stores an endpoint if its organization has fewer than `most`. Returns whether the endpoint is
/// stored.
struct Registration<'a> {
    endpoint: &'a WebhookEndpoint,
    most: u32,
}

impl Work for Registration<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut PgConnection) -> Result<bool, Failure> {
        let endpoint = self.endpoint;
        let mut transaction = connection.begin().await?;
        // One registration at a time for each organization. It does not lock the organization's
        // row, since an import holds that until it ends.
        sqlx::query!(
            r#"select pg_advisory_xact_lock(hashtextextended('outdial webhook endpoints of ' || $1, 0)) as "locked!: ()""#,
            endpoint.organization_id.as_str()
        )
        .fetch_one(&mut *transaction)
        .await?;
        let kinds: Vec<&str> = endpoint.kinds.iter().map(|kind| kind.as_str()).collect();
        let (previous_secret, previous_until) =
            endpoint.previous_secret.as_ref().map(|(secret, until)| (secret.expose(), *until)).unzip();
        // A statement of its own, so that it sees what the previous registration stored.
        let registered = sqlx::query!(
            r#"with stored as (
                   insert into webhook_endpoints (id, organization_id, url, kinds, secret, previous_secret, previous_until,
                                                  created_at)
                   select $1, $2, $3, $4, $5, $6, $7, $8
                    where (select count(*) from webhook_endpoints where organization_id = $2) < $9
                   on conflict on constraint webhook_endpoints_pkey do nothing
                   returning id
               )
               select exists (select from stored)
                      or exists (select from webhook_endpoints where organization_id = $2 and id = $1) as "registered!""#,
            endpoint.id.as_str(),
            endpoint.organization_id.as_str(),
            endpoint.url.as_str(),
            &kinds as _,
            endpoint.secret.expose(),
            previous_secret,
            previous_until.map(PgTime::stored).transpose()?,
            PgTime::stored(endpoint.created_at)?,
            i64::from(self.most)
        );
        let is_registered = registered.fetch_one(&mut *transaction).await?.registered;
        transaction.commit().await?;
        Ok(is_registered)
    }
}

use async_trait::async_trait;
use domain::ports::{PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{
    CallEventKind, OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret, WebhookUrl,
};
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use crate::PostgresStore;
use crate::moment::{database_time, moment};
use crate::row::{read, unreadable};
use crate::statement::Transaction;

/// How many deliveries are removed at once: an endpoint may have had more in its time than one statement can remove in its own,
/// and whoever publishes waits for a removal.
const REMOVED_AT_ONCE: i64 = 1000;

struct EndpointRow {
    id: String,
    organization_id: String,
    url: String,
    kinds: Vec<String>,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    previous_until: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

#[async_trait]
impl WebhookEndpoints for PostgresStore {
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable> {
        let created_at = database_time(endpoint.created_at)?;
        let previous_until = endpoint.previous_secret.as_ref().map(|(_, until)| database_time(*until));
        let registration =
            Registration { endpoint, most, created_at, previous_until: previous_until.transpose()? };
        let is_registered = self.transact(&registration).await?;
        Ok(if is_registered { RegistrationResult::Registered } else { RegistrationResult::TooMany })
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        let rows = self.repeatable_rows(|| {
            sqlx::query_as!(
                EndpointRow,
                "select id, organization_id, url, kinds, secret, previous_secret, previous_until, created_at \
                   from webhook_endpoints where organization_id = $1 order by seq",
                organization_id.as_str()
            )
        });
        rows.await?.into_iter().map(WebhookEndpoint::try_from).collect()
    }

    /// What is queued goes first. What comes meanwhile goes with the endpoint. Repeated where the answer was lost, it says that
    /// there is none.
    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        while self.remove_deliveries(organization_id, id).await? {}
        let removed = self.repeatable(|| {
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
        let previous_until = database_time(previous_until)?;
        // Done twice, it must not put the new secret in the old one's place.
        let replaced = self.repeatable(|| {
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
    /// Removes some of the endpoint's deliveries; says whether there may be more.
    async fn remove_deliveries(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        let removed = self.repeatable(|| {
            sqlx::query!(
                r#"with portion as (
                       select delivery.position, delivery.endpoint_id
                         from webhook_endpoints as endpoint
                         join webhook_deliveries as delivery on delivery.endpoint_id = endpoint.id
                        where endpoint.organization_id = $1 and endpoint.id = $2
                        limit $3
                   ), removed as (
                       delete from webhook_deliveries as delivery using portion
                        where delivery.position = portion.position and delivery.endpoint_id = portion.endpoint_id
                       returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                organization_id.as_str(),
                id.as_str(),
                REMOVED_AT_ONCE
            )
        });
        Ok(removed.await?.is_some_and(|row| row.removed == REMOVED_AT_ONCE))
    }
}

/// Stores an endpoint where there is room for it; says whether it is stored.
struct Registration<'a> {
    endpoint: &'a WebhookEndpoint,
    most: u32,
    created_at: OffsetDateTime,
    previous_until: Option<OffsetDateTime>,
}

impl Transaction for Registration<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let endpoint = self.endpoint;
        let mut transaction = connection.begin().await?;
        // One at a time for each organization. Not by its row, which an import holds for as long as it takes.
        sqlx::query!(
            r#"select pg_advisory_xact_lock(hashtextextended('outdial webhook endpoints of ' || $1, 0)) as "locked!: ()""#,
            endpoint.organization_id.as_str()
        )
        .fetch_one(&mut *transaction)
        .await?;
        let kinds: Vec<&str> = endpoint.kinds.iter().map(|kind| kind.as_str()).collect();
        let previous_secret = endpoint.previous_secret.as_ref().map(|(secret, _)| secret.expose());
        // A statement of its own, so that it sees what the one before us stored.
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
            self.previous_until,
            self.created_at,
            i64::from(self.most)
        );
        let is_registered = registered.fetch_one(&mut *transaction).await?.registered;
        transaction.commit().await?;
        Ok(is_registered)
    }
}

impl TryFrom<EndpointRow> for WebhookEndpoint {
    type Error = PortUnavailable;

    fn try_from(row: EndpointRow) -> Result<Self, PortUnavailable> {
        let kind = |name: &String| {
            CallEventKind::from_name(name).ok_or_else(|| unreadable("webhook_endpoints.kinds"))
        };
        let previous = row.previous_secret.zip(row.previous_until);
        Ok(Self {
            id: read("webhook_endpoints.id", &row.id, WebhookEndpointId::parse)?,
            organization_id: read(
                "webhook_endpoints.organization_id",
                &row.organization_id,
                OrganizationId::parse,
            )?,
            url: read("webhook_endpoints.url", &row.url, WebhookUrl::parse)?,
            kinds: row.kinds.iter().map(kind).collect::<Result<_, _>>()?,
            secret: read_secret(&row.secret)?,
            previous_secret: previous
                .map(|(secret, until)| Ok((read_secret(&secret)?, moment(until))))
                .transpose()?,
            created_at: moment(row.created_at),
        })
    }
}

pub(crate) fn read_secret(bytes: &[u8]) -> Result<WebhookSecret, PortUnavailable> {
    WebhookSecret::from_bytes(bytes).map_err(|_| unreadable("webhook_endpoints.secret"))
}

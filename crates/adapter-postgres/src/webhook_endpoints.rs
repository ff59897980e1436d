use async_trait::async_trait;
use domain::ports::{ChangeResult, PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{
    EndpointChange, OrganizationId, Sending, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret,
    WebhookUrl,
};
use sql_common::EndpointColumns;
use sqlx::{Connection, PgConnection};

use crate::PostgresStore;
use crate::statement::{Access, Failure, Work, read};
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
        self.run(&Registration { endpoint, most }).await
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        self.read_rows(|| {
            sqlx::query_as!(
                EndpointRow,
                r#"select id, organization_id, url, to_json(kinds)::text as "kinds!", secret, previous_secret,
                          previous_until, suspension, suspended_at, created_at
                     from webhook_endpoints where organization_id = $1 order by seq"#,
                organization_id.as_str()
            )
        })
        .await
    }

    async fn change(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        change: &EndpointChange,
    ) -> Result<ChangeResult, PortUnavailable> {
        Ok(match self.run(&Changing { organization_id, id, change }).await? {
            Changed::To(row) => ChangeResult::Changed(read(row)?),
            Changed::Nothing { exists: true } => ChangeResult::UrlTaken,
            Changed::Nothing { exists: false } => ChangeResult::NotFound,
        })
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

/// One registration or change of a URL at a time for each organization. It does not lock the
/// organization's row, since an import holds that until it ends.
async fn lock_endpoints(
    organization_id: &OrganizationId,
    connection: &mut PgConnection,
) -> Result<(), Failure> {
    let locking = sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended('outdial webhook endpoints of ' || $1, 0)) as "locked!: ()""#,
        organization_id.as_str()
    );
    locking.fetch_one(connection).await?;
    Ok(())
}

/// Stores an endpoint if its organization has fewer than `most`, and none with its URL.
struct Registration<'a> {
    endpoint: &'a WebhookEndpoint,
    most: u32,
}

impl Work for Registration<'_> {
    type Output = RegistrationResult;

    async fn run(&self, connection: &mut PgConnection) -> Result<RegistrationResult, Failure> {
        let endpoint = self.endpoint;
        let mut transaction = connection.begin().await?;
        lock_endpoints(&endpoint.organization_id, &mut transaction).await?;
        let kinds: Vec<&str> = endpoint.kinds.iter().map(|kind| kind.as_str()).collect();
        let (previous_secret, previous_until) =
            endpoint.previous_secret.as_ref().map(|(secret, until)| (secret.expose(), *until)).unzip();
        let (suspension, suspended_at) = endpoint.suspension.map(|it| (it.reason.as_str(), it.since)).unzip();
        // A statement of its own, so that it sees what the previous registration stored.
        let registered = sqlx::query!(
            r#"with stored as (
                   insert into webhook_endpoints (id, organization_id, url, kinds, secret, previous_secret, previous_until,
                                                  suspension, suspended_at, created_at)
                   select $1, $2, $3, $4, $5, $6, $7, $10, $11, $8
                    where (select count(*) from webhook_endpoints where organization_id = $2) < $9
                      and not exists (select from webhook_endpoints where organization_id = $2 and url = $3)
                   on conflict on constraint webhook_endpoints_pkey do nothing
                   returning id
               )
               select exists (select from stored)
                      or exists (select from webhook_endpoints where organization_id = $2 and id = $1) as "registered!",
                      exists (select from webhook_endpoints where organization_id = $2 and url = $3) as "is_taken!""#,
            endpoint.id.as_str(),
            endpoint.organization_id.as_str(),
            endpoint.url.as_str(),
            &kinds as _,
            endpoint.secret.expose(),
            previous_secret,
            previous_until.map(PgTime::stored).transpose()?,
            PgTime::stored(endpoint.created_at)?,
            i64::from(self.most),
            suspension,
            suspended_at.map(PgTime::stored).transpose()?
        );
        let row = registered.fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(match (row.registered, row.is_taken) {
            (true, _) => RegistrationResult::Registered,
            (false, true) => RegistrationResult::UrlTaken,
            (false, false) => RegistrationResult::TooMany,
        })
    }
}

/// Changes an endpoint, unless another one of its organization has the URL.
struct Changing<'a> {
    organization_id: &'a OrganizationId,
    id: &'a WebhookEndpointId,
    change: &'a EndpointChange,
}

#[expect(clippy::large_enum_variant, reason = "it is moved once")]
enum Changed {
    To(EndpointRow),
    /// Whether the organization has the endpoint.
    Nothing {
        exists: bool,
    },
}

impl Work for Changing<'_> {
    type Output = Changed;

    async fn run(&self, connection: &mut PgConnection) -> Result<Changed, Failure> {
        let EndpointChange { url, kinds, sending } = self.change;
        let (suspension, suspended_at) = match sending {
            Some(Sending::Suspended(it)) => (Some(it.reason.as_str()), Some(PgTime::stored(it.since)?)),
            Some(Sending::Active) | None => (None, None),
        };
        let kinds = kinds.as_ref().map(|kinds| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
        let mut transaction = connection.begin().await?;
        lock_endpoints(self.organization_id, &mut transaction).await?;
        // A statement of its own, so that it sees what the previous change stored.
        let changed = sqlx::query_as!(
            EndpointRow,
            r#"update webhook_endpoints
                  set url = coalesce($3, url), kinds = coalesce($4, kinds),
                      suspension = case when $5 then $6 else suspension end,
                      suspended_at = case when $5 then $7 else suspended_at end
                where organization_id = $1 and id = $2
                  and not exists (select from webhook_endpoints as other
                                   where other.organization_id = $1 and other.id <> $2 and other.url = $3)
               returning id, organization_id, url, to_json(kinds)::text as "kinds!", secret, previous_secret,
                         previous_until, suspension, suspended_at, created_at"#,
            self.organization_id.as_str(),
            self.id.as_str(),
            url.as_ref().map(WebhookUrl::as_str),
            kinds as _,
            sending.is_some(),
            suspension,
            suspended_at
        );
        let changed = match changed.fetch_optional(&mut *transaction).await? {
            Some(row) => Changed::To(row),
            None => {
                let exists = sqlx::query!(
                    r#"select exists (select from webhook_endpoints where organization_id = $1 and id = $2) as "exists!""#,
                    self.organization_id.as_str(),
                    self.id.as_str()
                );
                Changed::Nothing { exists: exists.fetch_one(&mut *transaction).await?.exists }
            }
        };
        transaction.commit().await?;
        Ok(changed)
    }
}

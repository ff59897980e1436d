//! Opt-outs and consents.

use async_trait::async_trait;
use domain::ports::{Consents, PortUnavailable, Suppressions};
use domain::{
    AuditAction, CalleeFilter, ChangeOfRecord, ConsentId, ConsentRecord, ContactId, ConversationId,
    OrganizationId, PhoneNumber, RecordNote, Suppression, SuppressionId, UserId,
};
use sql_common::{CalleeFilterColumns, ConsentColumns, SuppressionColumns};
use sqlx::{Connection, PgConnection};

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::{Access, Failure, Work, read};
use crate::timestamp::PgTime;

type SuppressionRow = SuppressionColumns<PgTime>;
type ConsentRow = ConsentColumns<PgTime>;

/// A page of suppressions: the condition on the callee, its argument.
macro_rules! select_suppressions {
    ($organization_id:expr, $filter:expr, $callee:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            SuppressionRow,
            "select id, organization_id, phone_number, number_hash is not null as \"number_is_erased!\", contact_id, reason,
                    source, conversation_id, created_at, created_by, expires_at
               from suppressions
              where coalesce(organization_id, '') = $1
                and ($2::timestamptz is null or (created_at, id) < ($2, $3))
                and " + $callee + "
              order by created_at desc, id desc limit $4",
            $organization_id.map_or("", OrganizationId::as_str),
            $filter.before_time.map(PgTime::bound),
            $filter.before_id,
            $filter.limit,
            $($argument),+
        )
    };
}

/// A page of consents, like [`select_suppressions`].
macro_rules! select_consents {
    ($organization_id:expr, $filter:expr, $callee:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            ConsentRow,
            "select id, organization_id, phone_number, contact_id, kind, given_at, method, evidence, expires_at,
                    revoked_at, revoked_by, created_at, created_by
               from consents
              where organization_id = $1
                and ($2::timestamptz is null or (created_at, id) < ($2, $3))
                and " + $callee + "
              order by created_at desc, id desc limit $4",
            $organization_id.as_str(),
            $filter.before_time.map(PgTime::bound),
            $filter.before_id,
            $filter.limit,
            $($argument),+
        )
    };
}

/// Lists by number, by contact or without either: each statement then uses its own index. `$of_number` is
/// the condition on the number.
macro_rules! list {
    ($self:expr, $select:ident, $of_number:tt, $organization_id:expr, $filter:expr) => {
        match ($filter.phone_number, $filter.contact_id) {
            (None, None) => {
                $self
                    .read_rows(|| $select!($organization_id, $filter, "$5::text is null", None::<&str>))
                    .await
            }
            (None, Some(id)) => {
                $self.read_rows(|| $select!($organization_id, $filter, "contact_id = $5", id)).await
            }
            (Some(number), None) => {
                $self.read_rows(|| $select!($organization_id, $filter, $of_number, number)).await
            }
            (Some(number), Some(id)) => {
                $self
                    .read_rows(|| {
                        $select!(
                            $organization_id,
                            $filter,
                            "phone_number = $5 and contact_id = $6",
                            number,
                            id
                        )
                    })
                    .await
            }
        }
    };
}

#[async_trait]
impl Suppressions for PostgresStore {
    async fn add_suppression(&self, suppression: &Suppression) -> Result<Suppression, PortUnavailable> {
        read(self.run(&Adding(suppression)).await?)
    }

    async fn list_suppressions<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        filter: &CalleeFilter<SuppressionId>,
    ) -> Result<Vec<Suppression>, PortUnavailable> {
        let filter = CalleeFilterColumns::new(filter, SuppressionId::as_str);
        list!(
            self,
            select_suppressions,
            "(phone_number = $5
                  or number_hash = (select sha256(outer_block || sha256(inner_block || convert_to($5, 'UTF8')))
                                      from number_hash_key where is_the_only_one))",
            organization_id,
            filter
        )
    }

    async fn remove_suppression<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        id: &SuppressionId,
        change: &ChangeOfRecord,
    ) -> Result<bool, PortUnavailable> {
        let at = PgTime::stored(change.at)?;
        let removed = self.row(Access::Write, || {
            sqlx::query!(
                r#"with removed as (
                       delete from suppressions where id = $1 and coalesce(organization_id, '') = $2
                       returning id, organization_id, source
                   ), audited as (
                       insert into audit_records (organization_id, at, user_id, action, object_id, detail)
                       select organization_id, $3, $4, $5, id, '{"source":"' || source || '"}'
                         from removed where organization_id is not null
                   )
                   select id from removed"#,
                id.as_str(),
                organization_id.map_or("", OrganizationId::as_str),
                at,
                change.by.as_ref().map(UserId::as_str),
                AuditAction::SuppressionRemoved.as_str()
            )
        });
        Ok(removed.await?.is_some())
    }
}

#[async_trait]
impl Consents for PostgresStore {
    async fn add_consent(&self, consent: &ConsentRecord) -> Result<ConsentRecord, PortUnavailable> {
        read(self.run(&AddingConsent(consent)).await?)
    }

    async fn list_consents(
        &self,
        organization_id: &OrganizationId,
        filter: &CalleeFilter<ConsentId>,
    ) -> Result<Vec<ConsentRecord>, PortUnavailable> {
        let filter = CalleeFilterColumns::new(filter, ConsentId::as_str);
        list!(self, select_consents, "phone_number = $5", organization_id, filter)
    }

    async fn revoke_consent(
        &self,
        organization_id: &OrganizationId,
        id: &ConsentId,
        change: &ChangeOfRecord,
    ) -> Result<Option<ConsentRecord>, PortUnavailable> {
        let revoked = self.run(&Revoking { organization_id, id, change }).await?;
        revoked.map(read).transpose()
    }
}

/// Stores a suppression, moves the end of the same one, or reads it.
struct Adding<'a>(&'a Suppression);

impl Work for Adding<'_> {
    type Output = SuppressionRow;

    async fn run(&self, connection: &mut PgConnection) -> Result<SuppressionRow, Failure> {
        let Suppression { organization_id, phone_number, contact_id, conversation_id, .. } = self.0;
        let organization_id = organization_id.as_ref().map(OrganizationId::as_str);
        let phone_number = phone_number.as_ref().map(PhoneNumber::as_e164);
        let contact_id = contact_id.as_ref().map(ContactId::as_str);
        let conversation_id = conversation_id.as_ref().map(ConversationId::as_str);
        let mut transaction = connection.begin().await?;
        let stored = sqlx::query_as!(
            SuppressionRow,
            r#"with stored as (
                   insert into suppressions as stored (id, organization_id, phone_number, contact_id, reason, source,
                                                       conversation_id, created_at, created_by, expires_at)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                   on conflict (coalesce(phone_number, ''), coalesce(contact_id, ''), coalesce(conversation_id, ''),
                                coalesce(organization_id, ''))
                   where phone_number is not null or contact_id is not null or conversation_id is not null
                   do update set expires_at = excluded.expires_at
                    where stored.expires_at is not null
                      and (excluded.expires_at is null or excluded.expires_at > stored.expires_at)
                   returning *
               ), audited as (
                   insert into audit_records (organization_id, at, user_id, action, object_id, detail)
                   select organization_id, $8, $9, $11, id, '{"source":"' || source || '"}'
                     from stored where organization_id is not null
               )
               select id as "id!", organization_id, phone_number, number_hash is not null as "number_is_erased!", contact_id,
                      reason, source as "source!", conversation_id, created_at as "created_at!", created_by, expires_at
                 from stored"#,
            self.0.id.as_str(),
            organization_id,
            phone_number,
            contact_id,
            self.0.reason.as_ref().map(RecordNote::as_str),
            self.0.source.as_str(),
            conversation_id,
            PgTime::stored(self.0.created_at)?,
            self.0.created_by.as_ref().map(UserId::as_str),
            self.0.expires_at.map(PgTime::stored).transpose()?,
            AuditAction::SuppressionAdded.as_str()
        );
        let stored = stored.fetch_optional(&mut *transaction).await?;
        let stored = match stored {
            Some(stored) => stored,
            // The insert has locked the row that it does not change.
            None => {
                let earlier = sqlx::query_as!(
                    SuppressionRow,
                    "select id, organization_id, phone_number, number_hash is not null as \"number_is_erased!\", contact_id,
                            reason, source, conversation_id, created_at, created_by, expires_at
                       from suppressions
                      where coalesce(phone_number, '') = $1 and coalesce(contact_id, '') = $2
                        and coalesce(conversation_id, '') = $3 and coalesce(organization_id, '') = $4
                        and (phone_number is not null or contact_id is not null or conversation_id is not null)",
                    phone_number.unwrap_or_default(),
                    contact_id.unwrap_or_default(),
                    conversation_id.unwrap_or_default(),
                    organization_id.unwrap_or_default()
                );
                earlier.fetch_one(&mut *transaction).await?
            }
        };
        transaction.commit().await?;
        Ok(stored)
    }
}

/// Stores a consent, or reads the same one.
struct AddingConsent<'a>(&'a ConsentRecord);

impl Work for AddingConsent<'_> {
    type Output = ConsentRow;

    async fn run(&self, connection: &mut PgConnection) -> Result<ConsentRow, Failure> {
        let ConsentRecord { organization_id, phone_number, contact_id, consent, .. } = self.0;
        let phone_number = phone_number.as_ref().map(PhoneNumber::as_e164);
        let contact_id = contact_id.as_ref().map(ContactId::as_str);
        let given_at = PgTime::stored(consent.given_at)?;
        let mut transaction = connection.begin().await?;
        let added = sqlx::query!(
            r#"with stored as (
                   insert into consents (id, organization_id, phone_number, contact_id, kind, given_at, method, evidence,
                                         expires_at, revoked_at, revoked_by, created_at, created_by)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
                   on conflict (organization_id, coalesce(phone_number, ''), coalesce(contact_id, ''), kind, given_at)
                   do nothing
                   returning id, organization_id, kind
               ), audited as (
                   insert into audit_records (organization_id, at, user_id, action, object_id, detail)
                   select organization_id, $12, $13, $14, id, '{"kind":"' || kind || '"}' from stored
               )
               select exists (select from stored) as "added!""#,
            self.0.id.as_str(),
            organization_id.as_str(),
            phone_number,
            contact_id,
            consent.kind.as_str(),
            given_at,
            self.0.method.as_ref().map(RecordNote::as_str),
            self.0.evidence.as_ref().map(RecordNote::as_str),
            consent.expires_at.map(PgTime::stored).transpose()?,
            consent.revoked_at.map(PgTime::stored).transpose()?,
            self.0.revoked_by.as_ref().map(UserId::as_str),
            PgTime::stored(self.0.created_at)?,
            self.0.created_by.as_ref().map(UserId::as_str),
            AuditAction::ConsentAdded.as_str()
        );
        added.fetch_one(&mut *transaction).await?;
        // A statement of its own, so that it sees what a concurrent request added. Consents are not removed.
        let stored = sqlx::query_as!(
            ConsentRow,
            "select id, organization_id, phone_number, contact_id, kind, given_at, method, evidence, expires_at,
                    revoked_at, revoked_by, created_at, created_by
               from consents
              where organization_id = $1 and coalesce(phone_number, '') = $2 and coalesce(contact_id, '') = $3
                and kind = $4 and given_at = $5",
            organization_id.as_str(),
            phone_number.unwrap_or_default(),
            contact_id.unwrap_or_default(),
            consent.kind.as_str(),
            given_at
        );
        let stored = stored.fetch_optional(&mut *transaction).await?;
        transaction.commit().await?;
        stored.ok_or_else(|| because("a consent was removed while it was added again").into())
    }
}

/// Revokes a consent that is not revoked, and reads it.
struct Revoking<'a> {
    organization_id: &'a OrganizationId,
    id: &'a ConsentId,
    change: &'a ChangeOfRecord,
}

impl Work for Revoking<'_> {
    type Output = Option<ConsentRow>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Option<ConsentRow>, Failure> {
        let mut transaction = connection.begin().await?;
        let revoked = sqlx::query!(
            r#"with revoked as (
                   update consents set revoked_at = $3, revoked_by = $4
                    where organization_id = $1 and id = $2 and revoked_at is null
                   returning id, organization_id, kind
               ), audited as (
                   insert into audit_records (organization_id, at, user_id, action, object_id, detail)
                   select organization_id, $3, $4, $5, id, '{"kind":"' || kind || '"}' from revoked
               )
               select exists (select from revoked) as "revoked!""#,
            self.organization_id.as_str(),
            self.id.as_str(),
            PgTime::stored(self.change.at)?,
            self.change.by.as_ref().map(UserId::as_str),
            AuditAction::ConsentRevoked.as_str()
        );
        revoked.fetch_one(&mut *transaction).await?;
        let stored = sqlx::query_as!(
            ConsentRow,
            "select id, organization_id, phone_number, contact_id, kind, given_at, method, evidence, expires_at,
                    revoked_at, revoked_by, created_at, created_by
               from consents where organization_id = $1 and id = $2",
            self.organization_id.as_str(),
            self.id.as_str()
        );
        let stored = stored.fetch_optional(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(stored)
    }
}

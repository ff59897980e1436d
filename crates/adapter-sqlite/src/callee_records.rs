//! Opt-outs and consents. The statements that store them serve an import too.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{Consents, PortUnavailable, Suppressions};
use domain::{
    AuditAction, CalleeFilter, ChangeOfRecord, ConsentId, ConsentRecord, ContactId, ConversationId,
    OrganizationId, PhoneNumber, RecordNote, Suppression, SuppressionId, Timestamp, UserId,
};
use sql_common::{CalleeFilterColumns, ConsentColumns, SuppressionColumns};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, failed, within};
use crate::number_hash::NumberHash;
use crate::statement::{execute, read, row};

type SuppressionRow = SuppressionColumns<i64>;
type ConsentRow = ConsentColumns<i64>;

/// One suppression: the condition, its arguments.
macro_rules! select_suppression {
    ($condition:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            SuppressionRow,
            "select id, organization_id, phone_number, number_hash is not null as \"number_is_erased!: bool\", contact_id,
                    reason, source, conversation_id, created_at, created_by, expires_at
             from suppressions where " + $condition,
            $($argument),+
        )
    };
}

#[async_trait]
impl Suppressions for SqliteStore {
    async fn add_suppression(&self, suppression: &Suppression) -> Result<Suppression, PortUnavailable> {
        let owned = Arc::new(suppression.clone());
        let add = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move { add_suppression(writer, &owned).await })
        });
        read(within(STORAGE_LIMIT, add).await?)
    }

    async fn list_suppressions<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        filter: &CalleeFilter<SuppressionId>,
    ) -> Result<Vec<Suppression>, PortUnavailable> {
        let number_hash = match &filter.phone_number {
            Some(number) => Some(self.number_hash(number).await?),
            None => None,
        };
        let filter = CalleeFilterColumns::new(filter, SuppressionId::as_str);
        self.read_rows(sqlx::query_as!(
            SuppressionRow,
            r#"select id, organization_id, phone_number, number_hash is not null as "number_is_erased!: bool", contact_id,
                    reason, source, conversation_id, created_at, created_by, expires_at
             from suppressions
             where organization_id is ?1
                 and (?2 is null or phone_number = ?2 or number_hash = ?7)
                 and (?3 is null or contact_id = ?3)
                 and (?4 is null or (created_at, id) < (?4, ?5))
             order by created_at desc, id desc limit ?6"#,
            organization_id.map(OrganizationId::as_str),
            filter.phone_number,
            filter.contact_id,
            filter.before_time.map(Timestamp::unix_millis),
            filter.before_id,
            filter.limit,
            number_hash.as_ref().map(NumberHash::as_slice)
        ))
        .await
    }

    async fn remove_suppression<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        id: &SuppressionId,
        change: &ChangeOfRecord,
    ) -> Result<bool, PortUnavailable> {
        let owned = Arc::new((organization_id.cloned(), id.clone(), change.clone()));
        let remove = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move { remove_suppression(writer, owned.0.as_ref(), &owned.1, &owned.2).await })
        });
        within(STORAGE_LIMIT, remove).await
    }
}

#[async_trait]
impl Consents for SqliteStore {
    async fn add_consent(&self, consent: &ConsentRecord) -> Result<ConsentRecord, PortUnavailable> {
        let owned = Arc::new(consent.clone());
        let add = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move { add_consent(writer, &owned).await })
        });
        read(within(STORAGE_LIMIT, add).await?)
    }

    async fn list_consents(
        &self,
        organization_id: &OrganizationId,
        filter: &CalleeFilter<ConsentId>,
    ) -> Result<Vec<ConsentRecord>, PortUnavailable> {
        let filter = CalleeFilterColumns::new(filter, ConsentId::as_str);
        self.read_rows(sqlx::query_as!(
            ConsentRow,
            "select id, organization_id, phone_number, contact_id, kind, given_at, method, evidence, expires_at,
                    revoked_at, revoked_by, created_at, created_by
             from consents
             where organization_id = ?1
                 and (?2 is null or phone_number = ?2)
                 and (?3 is null or contact_id = ?3)
                 and (?4 is null or (created_at, id) < (?4, ?5))
             order by created_at desc, id desc limit ?6",
            organization_id.as_str(),
            filter.phone_number,
            filter.contact_id,
            filter.before_time.map(Timestamp::unix_millis),
            filter.before_id,
            filter.limit
        ))
        .await
    }

    async fn revoke_consent(
        &self,
        organization_id: &OrganizationId,
        id: &ConsentId,
        change: &ChangeOfRecord,
    ) -> Result<Option<ConsentRecord>, PortUnavailable> {
        let owned = Arc::new((organization_id.clone(), id.clone(), change.clone()));
        let revoke = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move { revoke_consent(writer, &owned.0, &owned.1, &owned.2).await })
        });
        within(STORAGE_LIMIT, revoke).await?.map(read).transpose()
    }
}

/// Stores a suppression, or moves the end of the same one. Returns it as it is stored.
pub(crate) async fn add_suppression(
    connection: &mut SqliteConnection,
    suppression: &Suppression,
) -> Result<SuppressionRow, PortUnavailable> {
    let Suppression { organization_id, phone_number, contact_id, conversation_id, .. } = suppression;
    let organization_id = organization_id.as_ref().map(OrganizationId::as_str);
    let phone_number = phone_number.as_ref().map(PhoneNumber::as_e164);
    let contact_id = contact_id.as_ref().map(ContactId::as_str);
    let conversation_id = conversation_id.as_ref().map(ConversationId::as_str);
    let written = sqlx::query!(
        "insert into suppressions (id, organization_id, phone_number, contact_id, reason, source, conversation_id,
                                   created_at, created_by, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (coalesce(phone_number, ''), coalesce(contact_id, ''), coalesce(conversation_id, ''),
                      coalesce(organization_id, ''))
         where phone_number is not null or contact_id is not null or conversation_id is not null
         do update set expires_at = excluded.expires_at
             where suppressions.expires_at is not null
                 and (excluded.expires_at is null or excluded.expires_at > suppressions.expires_at)",
        suppression.id.as_str(),
        organization_id,
        phone_number,
        contact_id,
        suppression.reason.as_ref().map(RecordNote::as_str),
        suppression.source.as_str(),
        conversation_id,
        suppression.created_at.unix_millis(),
        suppression.created_by.as_ref().map(UserId::as_str),
        suppression.expires_at.map(Timestamp::unix_millis)
    );
    let is_written = execute(connection, written).await? > 0;
    let stored = if (phone_number, contact_id, conversation_id) == (None, None, None) {
        row(connection, select_suppression!("id = ?", suppression.id.as_str())).await?
    } else {
        let same = select_suppression!(
            "coalesce(phone_number, '') = ? and coalesce(contact_id, '') = ? and coalesce(conversation_id, '') = ?
                 and coalesce(organization_id, '') = ?
                 and (phone_number is not null or contact_id is not null or conversation_id is not null)",
            phone_number.unwrap_or_default(),
            contact_id.unwrap_or_default(),
            conversation_id.unwrap_or_default(),
            organization_id.unwrap_or_default()
        );
        row(connection, same).await?
    };
    let stored = stored.ok_or_else(|| failed("a stored suppression is not found"))?;
    if is_written {
        let change = ChangeOfRecord { by: suppression.created_by.clone(), at: suppression.created_at };
        audit_suppression(connection, AuditAction::SuppressionAdded, &stored, &change).await?;
    }
    Ok(stored)
}

async fn remove_suppression(
    connection: &mut SqliteConnection,
    organization_id: Option<&OrganizationId>,
    id: &SuppressionId,
    change: &ChangeOfRecord,
) -> Result<bool, PortUnavailable> {
    let stored = select_suppression!(
        "organization_id is ?1 and id = ?2",
        organization_id.map(OrganizationId::as_str),
        id.as_str()
    );
    let Some(stored) = row(connection, stored).await? else { return Ok(false) };
    execute(connection, sqlx::query!("delete from suppressions where id = ?", id.as_str())).await?;
    audit_suppression(connection, AuditAction::SuppressionRemoved, &stored, change).await?;
    Ok(true)
}

/// Stores a consent, or adds its revocation to the same one. Returns it as it is stored.
pub(crate) async fn add_consent(
    connection: &mut SqliteConnection,
    consent: &ConsentRecord,
) -> Result<ConsentRow, PortUnavailable> {
    let ConsentRecord { organization_id, phone_number, contact_id, consent: given, .. } = consent;
    let phone_number = phone_number.as_ref().map(PhoneNumber::as_e164);
    let contact_id = contact_id.as_ref().map(ContactId::as_str);
    let written = sqlx::query!(
        "insert into consents (id, organization_id, phone_number, contact_id, kind, given_at, method, evidence,
                               expires_at, revoked_at, revoked_by, created_at, created_by)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (organization_id, coalesce(phone_number, ''), coalesce(contact_id, ''), kind, given_at)
         do update set revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by
             where consents.revoked_at is null and excluded.revoked_at is not null",
        consent.id.as_str(),
        organization_id.as_str(),
        phone_number,
        contact_id,
        given.kind.as_str(),
        given.given_at.unix_millis(),
        consent.method.as_ref().map(RecordNote::as_str),
        consent.evidence.as_ref().map(RecordNote::as_str),
        given.expires_at.map(Timestamp::unix_millis),
        given.revoked_at.map(Timestamp::unix_millis),
        consent.revoked_by.as_ref().map(UserId::as_str),
        consent.created_at.unix_millis(),
        consent.created_by.as_ref().map(UserId::as_str)
    );
    let is_written = execute(connection, written).await? > 0;
    let stored = sqlx::query_as!(
        ConsentRow,
        "select id, organization_id, phone_number, contact_id, kind, given_at, method, evidence, expires_at,
                revoked_at, revoked_by, created_at, created_by
         from consents
         where organization_id = ? and coalesce(phone_number, '') = ? and coalesce(contact_id, '') = ?
             and kind = ? and given_at = ?",
        organization_id.as_str(),
        phone_number.unwrap_or_default(),
        contact_id.unwrap_or_default(),
        given.kind.as_str(),
        given.given_at.unix_millis()
    );
    let stored = row(connection, stored).await?.ok_or_else(|| failed("a stored consent is not found"))?;
    if is_written {
        let is_new = stored.id == consent.id.as_str();
        let action = if is_new { AuditAction::ConsentAdded } else { AuditAction::ConsentRevoked };
        let change = ChangeOfRecord { by: consent.created_by.clone(), at: consent.created_at };
        audit_consent(connection, action, &stored, &change).await?;
    }
    Ok(stored)
}

async fn revoke_consent(
    connection: &mut SqliteConnection,
    organization_id: &OrganizationId,
    id: &ConsentId,
    change: &ChangeOfRecord,
) -> Result<Option<ConsentRow>, PortUnavailable> {
    let revoked = sqlx::query!(
        "update consents set revoked_at = ?, revoked_by = ?
         where organization_id = ? and id = ? and revoked_at is null",
        change.at.unix_millis(),
        change.by.as_ref().map(UserId::as_str),
        organization_id.as_str(),
        id.as_str()
    );
    let is_revoked = execute(connection, revoked).await? > 0;
    let stored = sqlx::query_as!(
        ConsentRow,
        "select id, organization_id, phone_number, contact_id, kind, given_at, method, evidence, expires_at,
                revoked_at, revoked_by, created_at, created_by
         from consents where organization_id = ? and id = ?",
        organization_id.as_str(),
        id.as_str()
    );
    let stored = row(connection, stored).await?;
    if let (true, Some(stored)) = (is_revoked, &stored) {
        audit_consent(connection, AuditAction::ConsentRevoked, stored, change).await?;
    }
    Ok(stored)
}

async fn audit_suppression(
    connection: &mut SqliteConnection,
    action: AuditAction,
    stored: &SuppressionRow,
    change: &ChangeOfRecord,
) -> Result<(), PortUnavailable> {
    let Some(organization_id) = &stored.organization_id else { return Ok(()) };
    let detail = format!(r#"{{"source":"{}"}}"#, stored.source);
    audit(connection, organization_id, action, (&stored.id, detail), change).await
}

async fn audit_consent(
    connection: &mut SqliteConnection,
    action: AuditAction,
    stored: &ConsentRow,
    change: &ChangeOfRecord,
) -> Result<(), PortUnavailable> {
    let detail = format!(r#"{{"kind":"{}"}}"#, stored.kind);
    audit(connection, &stored.organization_id, action, (&stored.id, detail), change).await
}

async fn audit(
    connection: &mut SqliteConnection,
    organization_id: &str,
    action: AuditAction,
    (object_id, detail): (&str, String),
    change: &ChangeOfRecord,
) -> Result<(), PortUnavailable> {
    let written = sqlx::query!(
        "insert into audit_records (organization_id, at, user_id, action, object_id, detail)
         values (?, ?, ?, ?, ?, ?)",
        organization_id,
        change.at.unix_millis(),
        change.by.as_ref().map(UserId::as_str),
        action.as_str(),
        object_id,
        detail
    );
    execute(connection, written).await.map(|_| ())
}

//! Records about callees. Their organization has no foreign key, so that each statement looks it up.

use domain::{
    AuditAction, ConsentRecord, ContactId, ConversationId, DirectoryRecord, DoNotCallCopy, DoNotCallNumber,
    OrganizationId, PhoneNumber, RecordNote, Suppression, UserId,
};
use sqlx::PgConnection;

use super::statements::{Stored, column, store};
use crate::timestamp::PgTime;

/// The organization of a record about callees.
pub(super) fn organization_of(record: &DirectoryRecord) -> Option<&OrganizationId> {
    match record {
        DirectoryRecord::Suppression(suppression) => suppression.organization_id.as_ref(),
        DirectoryRecord::Consent(consent) => Some(&consent.organization_id),
        DirectoryRecord::DoNotCallNumber(number) => Some(&number.copy.organization_id),
        DirectoryRecord::DoNotCallCopy(copy) => Some(&copy.organization_id),
        DirectoryRecord::Organization(_)
        | DirectoryRecord::User(_)
        | DirectoryRecord::Agent(_)
        | DirectoryRecord::Number(_)
        | DirectoryRecord::Contact(_)
        | DirectoryRecord::CallingPolicy(_) => None,
    }
}

pub(super) async fn store_suppressions(connection: &mut PgConnection, run: &[&Suppression]) -> Stored {
    store!(
        connection,
        "id, organization_id, phone_number, contact_id, reason, source, conversation_id, created_at, created_by,
         expires_at"
            from "$1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
                  $9::text[], $10::timestamptz[]",
        unchanged: "suppressions as stored
                     where coalesce(stored.phone_number, '') = coalesce(record.phone_number, '')
                       and coalesce(stored.contact_id, '') = coalesce(record.contact_id, '')
                       and coalesce(stored.conversation_id, '') = coalesce(record.conversation_id, '')
                       and coalesce(stored.organization_id, '') = coalesce(record.organization_id, '')
                       and (stored.phone_number is not null or stored.contact_id is not null
                            or stored.conversation_id is not null)
                       and (stored.expires_at is null or stored.expires_at >= record.expires_at)",
        "written as (
             insert into suppressions as stored (id, organization_id, phone_number, contact_id, reason, source,
                                                 conversation_id, created_at, created_by, expires_at)
             select id, organization_id, phone_number, contact_id, reason, source, conversation_id, created_at,
                    created_by, expires_at
               from input
              where not unchanged and exists (select from organizations where id = input.organization_id)
              order by sequence
             on conflict (coalesce(phone_number, ''), coalesce(contact_id, ''), coalesce(conversation_id, ''),
                          coalesce(organization_id, ''))
             where phone_number is not null or contact_id is not null or conversation_id is not null
             do update set expires_at = excluded.expires_at
              where stored.expires_at is not null
                and (excluded.expires_at is null or excluded.expires_at > stored.expires_at)
             returning id, organization_id, source, created_at, created_by
         ), audited as (
             insert into audit_records (organization_id, at, user_id, action, object_id, detail)
             select organization_id, created_at, created_by, $11, id, '{\"source\":\"' || source || '\"}' from written
         )",
        &column(run, |record| record.id.as_str()) as _,
        &column(run, |record| record.organization_id.as_ref().map(OrganizationId::as_str)) as _,
        &column(run, |record| record.phone_number.as_ref().map(PhoneNumber::as_e164)) as _,
        &column(run, |record| record.contact_id.as_ref().map(ContactId::as_str)) as _,
        &column(run, |record| record.reason.as_ref().map(RecordNote::as_str)) as _,
        &column(run, |record| record.source.as_str()) as _,
        &column(run, |record| record.conversation_id.as_ref().map(ConversationId::as_str)) as _,
        &column(run, |record| PgTime::bound(record.created_at)) as _,
        &column(run, |record| record.created_by.as_ref().map(UserId::as_str)) as _,
        &column(run, |record| record.expires_at.map(PgTime::bound)) as _,
        AuditAction::SuppressionAdded.as_str()
    )
}

/// A consent that is new, and one that is revoked by now.
pub(super) async fn store_consents(connection: &mut PgConnection, run: &[&ConsentRecord]) -> Stored {
    store!(
        connection,
        "id, organization_id, phone_number, contact_id, kind, given_at, method, evidence, expires_at, revoked_at,
         revoked_by, created_at, created_by"
            from "$1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[],
                  $9::timestamptz[], $10::timestamptz[], $11::text[], $12::timestamptz[], $13::text[]",
        unchanged: "consents as stored
                     where stored.organization_id = record.organization_id
                       and coalesce(stored.phone_number, '') = coalesce(record.phone_number, '')
                       and coalesce(stored.contact_id, '') = coalesce(record.contact_id, '')
                       and stored.kind = record.kind and stored.given_at = record.given_at
                       and (stored.revoked_at is not null or record.revoked_at is null)",
        "written as (
             insert into consents as stored (id, organization_id, phone_number, contact_id, kind, given_at, method,
                                             evidence, expires_at, revoked_at, revoked_by, created_at, created_by)
             select id, organization_id, phone_number, contact_id, kind, given_at, method, evidence, expires_at,
                    revoked_at, revoked_by, created_at, created_by
               from input
              where not unchanged and exists (select from organizations where id = input.organization_id)
              order by sequence
             on conflict (organization_id, coalesce(phone_number, ''), coalesce(contact_id, ''), kind, given_at)
             do update set revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by
              where stored.revoked_at is null and excluded.revoked_at is not null
             returning id, organization_id, kind
         ), audited as (
             insert into audit_records (organization_id, at, user_id, action, object_id, detail)
             select written.organization_id, $14, null, case when input.id is null then $16 else $15 end, written.id,
                    '{\"kind\":\"' || written.kind || '\"}'
               from written left join input on input.id = written.id
         )",
        &column(run, |record| record.id.as_str()) as _,
        &column(run, |record| record.organization_id.as_str()) as _,
        &column(run, |record| record.phone_number.as_ref().map(PhoneNumber::as_e164)) as _,
        &column(run, |record| record.contact_id.as_ref().map(ContactId::as_str)) as _,
        &column(run, |record| record.consent.kind.as_str()) as _,
        &column(run, |record| PgTime::bound(record.consent.given_at)) as _,
        &column(run, |record| record.method.as_ref().map(RecordNote::as_str)) as _,
        &column(run, |record| record.evidence.as_ref().map(RecordNote::as_str)) as _,
        &column(run, |record| record.consent.expires_at.map(PgTime::bound)) as _,
        &column(run, |record| record.consent.revoked_at.map(PgTime::bound)) as _,
        &column(run, |record| record.revoked_by.as_ref().map(UserId::as_str)) as _,
        &column(run, |record| PgTime::bound(record.created_at)) as _,
        &column(run, |record| record.created_by.as_ref().map(UserId::as_str)) as _,
        run.first().map(|record| PgTime::bound(record.created_at)),
        AuditAction::ConsentAdded.as_str(),
        AuditAction::ConsentRevoked.as_str()
    )
}

pub(super) async fn store_do_not_call_numbers(
    connection: &mut PgConnection,
    run: &[&DoNotCallNumber],
) -> Stored {
    store!(
        connection,
        "organization_id, list, dated, phone_number" from "$1::text[], $2::text[], $3::text[]::date[], $4::text[]",
        unchanged: "do_not_call_numbers as stored
                     where stored.phone_number = record.phone_number
                       and stored.organization_id = record.organization_id and stored.list = record.list
                       and stored.dated >= record.dated",
        "written as (
             insert into do_not_call_numbers as stored (organization_id, list, phone_number, dated)
             select organization_id, list, phone_number, dated
               from input
              where not unchanged and exists (select from organizations where id = input.organization_id)
              order by sequence
             on conflict on constraint do_not_call_numbers_pkey
             do update set dated = greatest(stored.dated, excluded.dated)
             returning 1
         )",
        &column(run, |record| record.copy.organization_id.as_str()) as _,
        &column(run, |record| record.copy.name.as_str()) as _,
        &column(run, |record| record.copy.dated.to_string()) as _,
        &column(run, |record| record.phone_number.as_e164()) as _
    )
}

/// A copy that is older than the stored one is not stored.
pub(super) async fn store_do_not_call_copies(
    connection: &mut PgConnection,
    run: &[&DoNotCallCopy],
) -> Stored {
    store!(
        connection,
        "organization_id, name, dated" from "$1::text[], $2::text[], $3::text[]::date[]",
        unchanged: "do_not_call_lists as stored
                     where stored.organization_id = record.organization_id and stored.name = record.name
                       and stored.dated = record.dated",
        "written as (
             insert into do_not_call_lists as stored (organization_id, name, dated)
             select organization_id, name, dated
               from input
              where not unchanged and exists (select from organizations where id = input.organization_id)
              order by sequence
             on conflict on constraint do_not_call_lists_pkey do update set dated = excluded.dated
              where stored.dated <= excluded.dated
             returning 1
         )",
        &column(run, |copy| copy.organization_id.as_str()) as _,
        &column(run, |copy| copy.name.as_str()) as _,
        &column(run, |copy| copy.dated.to_string()) as _
    )
}

//! One statement for each kind of record: arrays in, the number of stored records out.
//!
//! `where kept.organization_id = excluded.organization_id` is what keeps a record in its tenant. Contacts that are stored
//! already as they are offered are left alone: an import of the same hundred thousand again writes nothing, and locks
//! nobody out of a call meanwhile.

use domain::{
    Agent, ContactIdentity, ContactRecord, NumberRecord, Organization, PersonName, PhoneNumber, UserRecord,
};
use sqlx::PgConnection;

type Stored = Result<i64, sqlx::Error>;

/// One field of every record, as an array parameter.
fn column<'a, R, T>(run: &[&'a R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    run.iter().map(|record| field(record)).collect()
}

pub(super) async fn store_organizations(connection: &mut PgConnection, run: &[&Organization]) -> Stored {
    sqlx::query_scalar!(
        r#"with written as (
               insert into organizations as kept (id, name)
               select * from unnest($1::text[], $2::text[])
               on conflict on constraint organizations_pkey do update set name = excluded.name
               returning 1
           )
           select count(*) as "stored!" from written"#,
        &column(run, |organization| organization.id.as_str()) as _,
        &column(run, |organization| organization.name.as_str()) as _
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn store_users(connection: &mut PgConnection, run: &[&UserRecord]) -> Stored {
    sqlx::query_scalar!(
        r#"with written as (
               insert into users as kept (id, organization_id, full_name)
               select * from unnest($1::text[], $2::text[], $3::text[])
               on conflict on constraint users_pkey do update set full_name = excluded.full_name
                where kept.organization_id = excluded.organization_id
               returning 1
           )
           select count(*) as "stored!" from written"#,
        &column(run, |user| user.id.as_str()) as _,
        &column(run, |user| user.organization_id.as_str()) as _,
        &column(run, |user| user.full_name.as_str()) as _
    )
    .fetch_one(connection)
    .await
}

/// In the order of the records, which decides the default agent.
pub(super) async fn store_agents(connection: &mut PgConnection, run: &[&Agent]) -> Stored {
    sqlx::query_scalar!(
        r#"with written as (
               insert into agents as kept (id, organization_id, name, voice_enabled, provider_agent_id)
               select offered.id, offered.organization_id, offered.name, offered.voice_enabled, offered.provider_agent_id
                 from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[]) with ordinality
                      as offered (id, organization_id, name, voice_enabled, provider_agent_id, place)
                order by place
               on conflict on constraint agents_pkey do update
                  set name = excluded.name, voice_enabled = excluded.voice_enabled,
                      provider_agent_id = excluded.provider_agent_id
                where kept.organization_id = excluded.organization_id
               returning 1
           )
           select count(*) as "stored!" from written"#,
        &column(run, |agent| agent.id.as_str()) as _,
        &column(run, |agent| agent.organization_id.as_str()) as _,
        &column(run, |agent| agent.name.as_str()) as _,
        &column(run, |agent| agent.voice_enabled),
        &column(run, |agent| agent.provider_agent_id.as_ref().map(|id| id.as_str())) as _
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn store_numbers(connection: &mut PgConnection, run: &[&NumberRecord]) -> Stored {
    sqlx::query_scalar!(
        r#"with written as (
               insert into caller_numbers
                      (organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk, provider_number_id, position)
               select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[],
                                    $7::text[], $8::bigint[])
               on conflict on constraint caller_numbers_pkey do update
                  set user_id = excluded.user_id, carrier = excluded.carrier, ai_enabled = excluded.ai_enabled,
                      on_trunk = excluded.on_trunk, provider_number_id = excluded.provider_number_id,
                      position = excluded.position
               returning 1
           )
           select count(*) as "stored!" from written"#,
        &column(run, |record| record.number.organization_id.as_str()) as _,
        &column(run, |record| record.number.phone_number.as_e164()) as _,
        &column(run, |record| record.number.user_id.as_str()) as _,
        &column(run, |record| record.number.carrier.as_str()) as _,
        &column(run, |record| record.number.ai_enabled),
        &column(run, |record| record.number.on_trunk),
        &column(run, |record| record.number.provider_number_id.as_ref().map(|id| id.as_str())) as _,
        &column(run, |record| i64::from(record.position))
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn store_contacts(connection: &mut PgConnection, run: &[&ContactRecord]) -> Stored {
    sqlx::query_scalar!(
        r#"with offered as (
               select record.*,
                      exists (select from contacts as kept
                               where kept.id = record.id
                                 and (kept.organization_id, kept.first_name, kept.last_name, kept.phone_number)
                                     is not distinct from
                                     (record.organization_id, record.first_name, record.last_name, record.phone_number)
                      ) as unchanged
                 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
                      as record (id, organization_id, first_name, last_name, phone_number, place)
           ), written as (
               insert into contacts as kept (id, organization_id, first_name, last_name, phone_number)
               select id, organization_id, first_name, last_name, phone_number
                 from offered where not unchanged order by place
               on conflict on constraint contacts_pkey do update
                  set first_name = excluded.first_name, last_name = excluded.last_name,
                      phone_number = excluded.phone_number
                where kept.organization_id = excluded.organization_id
               returning 1
           )
           select (select count(*) from offered where unchanged) + (select count(*) from written) as "stored!""#,
        &column(run, id) as _,
        &column(run, |contact| contact.organization_id.as_str()) as _,
        &column(run, |contact| contact.first_name.as_ref().map(PersonName::as_str)) as _,
        &column(run, |contact| contact.last_name.as_ref().map(PersonName::as_str)) as _,
        &column(run, |contact| contact.phone_number.as_ref().map(PhoneNumber::as_e164)) as _
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn store_contacts_by_number(
    connection: &mut PgConnection,
    run: &[&ContactRecord],
) -> Stored {
    sqlx::query_scalar!(
        r#"with offered as (
               select record.*,
                      exists (select from contacts as kept
                               where kept.organization_id = record.organization_id
                                 and kept.phone_number = record.phone_number
                                 and (kept.first_name, kept.last_name)
                                     is not distinct from (record.first_name, record.last_name)
                      ) as unchanged
                 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
                      as record (id, organization_id, first_name, last_name, phone_number, place)
           ), written as (
               insert into contacts (id, organization_id, first_name, last_name, phone_number)
               select id, organization_id, first_name, last_name, phone_number
                 from offered where not unchanged order by place
               on conflict on constraint contacts_organization_id_phone_number_key do update
                  set first_name = excluded.first_name, last_name = excluded.last_name
               returning 1
           )
           select (select count(*) from offered where unchanged) + (select count(*) from written) as "stored!""#,
        &column(run, id) as _,
        &column(run, |contact| contact.organization_id.as_str()) as _,
        &column(run, |contact| contact.first_name.as_ref().map(PersonName::as_str)) as _,
        &column(run, |contact| contact.last_name.as_ref().map(PersonName::as_str)) as _,
        &column(run, |contact| contact.phone_number.as_ref().map(PhoneNumber::as_e164)) as _
    )
    .fetch_one(connection)
    .await
}

/// The id that a contact has or would get.
fn id(contact: &ContactRecord) -> &str {
    match &contact.identity {
        ContactIdentity::Known(id) | ContactIdentity::ByPhoneNumber { new_id: id } => id.as_str(),
    }
}

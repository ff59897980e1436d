//! One statement for each kind of record. Its arguments are arrays, and it returns the number of
//! stored records.
//!
//! `where stored.organization_id = excluded.organization_id` keeps a record in its organization.
//! Contacts that would not change are not written: importing the same hundred thousand again writes
//! nothing, and locks no contact that a booking refers to.

use domain::{
    Agent, ContactIdentity, ContactRecord, NumberRecord, Organization, PersonName, PhoneNumber, UserRecord,
};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};

type Stored = Result<u64, sqlx::Error>;

/// One field of every record, as an array parameter.
fn column<'a, R, T>(run: &[&'a R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    run.iter().map(|record| field(record)).collect()
}

async fn store(connection: &mut PgConnection, statement: Query<'_, Postgres, PgArguments>) -> Stored {
    statement.execute(connection).await.map(|done| done.rows_affected())
}

pub(super) async fn store_organizations(connection: &mut PgConnection, run: &[&Organization]) -> Stored {
    let organizations = sqlx::query!(
        "insert into organizations as stored (id, name)
         select * from unnest($1::text[], $2::text[])
         on conflict on constraint organizations_pkey do update set name = excluded.name",
        &column(run, |organization| organization.id.as_str()) as _,
        &column(run, |organization| organization.name.as_str()) as _
    );
    store(connection, organizations).await
}

pub(super) async fn store_users(connection: &mut PgConnection, run: &[&UserRecord]) -> Stored {
    let users = sqlx::query!(
        "insert into users as stored (id, organization_id, full_name)
         select * from unnest($1::text[], $2::text[], $3::text[])
         on conflict on constraint users_pkey do update set full_name = excluded.full_name
          where stored.organization_id = excluded.organization_id",
        &column(run, |user| user.id.as_str()) as _,
        &column(run, |user| user.organization_id.as_str()) as _,
        &column(run, |user| user.full_name.as_str()) as _
    );
    store(connection, users).await
}

/// In the order of the records: the first stored agent is the default.
pub(super) async fn store_agents(connection: &mut PgConnection, run: &[&Agent]) -> Stored {
    let agents = sqlx::query!(
        "insert into agents as stored (id, organization_id, name, voice_enabled, provider_agent_id)
         select record.id, record.organization_id, record.name, record.voice_enabled, record.provider_agent_id
           from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[]) with ordinality
                as record (id, organization_id, name, voice_enabled, provider_agent_id, sequence)
          order by sequence
         on conflict on constraint agents_pkey do update
            set name = excluded.name, voice_enabled = excluded.voice_enabled,
                provider_agent_id = excluded.provider_agent_id
          where stored.organization_id = excluded.organization_id",
        &column(run, |agent| agent.id.as_str()) as _,
        &column(run, |agent| agent.organization_id.as_str()) as _,
        &column(run, |agent| agent.name.as_str()) as _,
        &column(run, |agent| agent.voice_enabled),
        &column(run, |agent| agent.provider_agent_id.as_ref().map(|id| id.as_str())) as _
    );
    store(connection, agents).await
}

pub(super) async fn store_numbers(connection: &mut PgConnection, run: &[&NumberRecord]) -> Stored {
    let numbers = sqlx::query!(
        "insert into caller_numbers
                (organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk, provider_number_id, position)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[],
                              $7::text[], $8::bigint[])
         on conflict on constraint caller_numbers_pkey do update
            set user_id = excluded.user_id, carrier = excluded.carrier, ai_enabled = excluded.ai_enabled,
                on_trunk = excluded.on_trunk, provider_number_id = excluded.provider_number_id,
                position = excluded.position",
        &column(run, |record| record.number.organization_id.as_str()) as _,
        &column(run, |record| record.number.phone_number.as_e164()) as _,
        &column(run, |record| record.number.user_id.as_str()) as _,
        &column(run, |record| record.number.carrier.as_str()) as _,
        &column(run, |record| record.number.ai_enabled),
        &column(run, |record| record.number.on_trunk),
        &column(run, |record| record.number.provider_number_id.as_ref().map(|id| id.as_str())) as _,
        &column(run, |record| i64::from(record.position))
    );
    store(connection, numbers).await
}

/// Stores contacts: which stored row is the unchanged one, and what to do on a conflict.
macro_rules! store_contacts {
    ($connection:expr, $run:expr, $unchanged:tt, $on_conflict:tt) => {{
        let stored = sqlx::query_scalar!(
            "with input as (
                 select record.*, exists (select from contacts as stored where "
                + $unchanged
                + r#") as unchanged
                   from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
                        as record (id, organization_id, first_name, last_name, phone_number, sequence)
             ), written as (
                 insert into contacts as stored (id, organization_id, first_name, last_name, phone_number)
                 select id, organization_id, first_name, last_name, phone_number
                   from input where not unchanged order by sequence
                 on conflict on constraint "#
                + $on_conflict
                + r#" returning 1
             )
             select (select count(*) from input where unchanged) + (select count(*) from written) as "stored!""#,
            &column($run, id) as _,
            &column($run, |contact| contact.organization_id.as_str()) as _,
            &column($run, |contact| contact.first_name.as_ref().map(PersonName::as_str)) as _,
            &column($run, |contact| contact.last_name.as_ref().map(PersonName::as_str)) as _,
            &column($run, |contact| contact.phone_number.as_ref().map(PhoneNumber::as_e164)) as _
        );
        stored.fetch_one($connection).await.map(|stored| stored.unsigned_abs())
    }};
}

pub(super) async fn store_contacts(connection: &mut PgConnection, run: &[&ContactRecord]) -> Stored {
    store_contacts!(
        connection,
        run,
        "stored.id = record.id
                     and (stored.organization_id, stored.first_name, stored.last_name, stored.phone_number)
                         is not distinct from
                         (record.organization_id, record.first_name, record.last_name, record.phone_number)",
        "contacts_pkey do update
                    set first_name = excluded.first_name, last_name = excluded.last_name,
                        phone_number = excluded.phone_number
                  where stored.organization_id = excluded.organization_id"
    )
}

pub(super) async fn store_contacts_by_number(
    connection: &mut PgConnection,
    run: &[&ContactRecord],
) -> Stored {
    store_contacts!(
        connection,
        run,
        "stored.organization_id = record.organization_id and stored.phone_number = record.phone_number
                     and (stored.first_name, stored.last_name)
                         is not distinct from (record.first_name, record.last_name)",
        "contacts_organization_id_phone_number_key do update
                    set first_name = excluded.first_name, last_name = excluded.last_name"
    )
}

/// The id of the contact, or the one that a new contact gets.
fn id(contact: &ContactRecord) -> &str {
    match &contact.identity {
        ContactIdentity::Known(id) | ContactIdentity::ByPhoneNumber { new_id: id } => id.as_str(),
    }
}

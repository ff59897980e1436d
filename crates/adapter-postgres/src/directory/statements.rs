//! One statement for each kind of record. Its arguments are arrays, and it returns the number of
//! stored records.
//!
//! `where stored.organization_id = excluded.organization_id` keeps a record in its organization.
//!
//! `on conflict do update` locks the stored row even if it then writes nothing. It locks the row
//! against the foreign keys of a booking (`for update`) if it names a column of a unique key, also
//! when the value stays the same. So records that would not change are not part of the insert, and
//! a contact's number is named only where it differs.

use domain::{
    AccessRole, Agent, AuditAction, ContactIdentity, ContactRecord, NumberRecord, Organization, PersonName,
    PhoneNumber, PolicyRecord, Region, UserRecord, ZoneName,
};
use sql_common::write_policy;
use sqlx::PgConnection;

pub(super) type Stored = Result<u64, sqlx::Error>;

/// One field of every record, as an array parameter.
pub(super) fn column<'a, R, T>(run: &[&'a R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    run.iter().map(|record| field(record)).collect()
}

/// Stores the records that differ from what is stored, in the order of the records. Takes the columns
/// of a record with their types, which stored row is the unchanged one, and the statements that write
/// the other records of `input` and return a row of `written` for each.
macro_rules! store {
    ($connection:expr, $columns:tt from $arrays:tt, unchanged: $unchanged:tt, $written:tt, $($argument:expr),+) => {{
        let stored = sqlx::query_scalar!(
            "with input as (
                 select record.*, exists (select from " + $unchanged + ") as unchanged
                   from unnest(" + $arrays + ") with ordinality as record (" + $columns + ", sequence)
             ), " + $written + r#"
             select (select count(*) from input where unchanged) + (select count(*) from written) as "stored!""#,
            $($argument),+
        );
        stored.fetch_one($connection).await.map(|stored| stored.unsigned_abs())
    }};
}

pub(super) use store;

pub(super) async fn store_organizations(connection: &mut PgConnection, run: &[&Organization]) -> Stored {
    store!(
        connection,
        "id, name" from "$1::text[], $2::text[]",
        unchanged: "organizations as stored where stored.id = record.id and stored.name = record.name",
        "written as (
             insert into organizations as stored (id, name)
             select id, name from input where not unchanged order by sequence
             on conflict on constraint organizations_pkey do update set name = excluded.name
             returning 1
         )",
        &column(run, |organization| organization.id.as_str()) as _,
        &column(run, |organization| organization.name.as_str()) as _
    )
}

pub(super) async fn store_users(connection: &mut PgConnection, run: &[&UserRecord]) -> Stored {
    store!(
        connection,
        "id, organization_id, full_name, access_role" from "$1::text[], $2::text[], $3::text[], $4::text[]",
        unchanged: "users as stored
                     where stored.id = record.id
                       and (stored.organization_id, stored.full_name, stored.access_role)
                           is not distinct from (record.organization_id, record.full_name, record.access_role)",
        "written as (
             insert into users as stored (id, organization_id, full_name, access_role)
             select id, organization_id, full_name, access_role from input where not unchanged order by sequence
             on conflict on constraint users_pkey do update
                set full_name = excluded.full_name, access_role = excluded.access_role
              where stored.organization_id = excluded.organization_id
             returning 1
         )",
        &column(run, |user| user.id.as_str()) as _,
        &column(run, |user| user.organization_id.as_str()) as _,
        &column(run, |user| user.full_name.as_str()) as _,
        &column(run, |user| user.access_role.as_ref().map(AccessRole::as_str)) as _
    )
}

/// In the order of the records: the first stored agent is the default.
pub(super) async fn store_agents(connection: &mut PgConnection, run: &[&Agent]) -> Stored {
    store!(
        connection,
        "id, organization_id, name, voice_enabled, provider_agent_id"
            from "$1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[]",
        unchanged: "agents as stored
                     where stored.id = record.id
                       and (stored.organization_id, stored.name, stored.voice_enabled, stored.provider_agent_id)
                           is not distinct from
                           (record.organization_id, record.name, record.voice_enabled, record.provider_agent_id)",
        "written as (
             insert into agents as stored (id, organization_id, name, voice_enabled, provider_agent_id)
             select id, organization_id, name, voice_enabled, provider_agent_id
               from input where not unchanged order by sequence
             on conflict on constraint agents_pkey do update
                set name = excluded.name, voice_enabled = excluded.voice_enabled,
                    provider_agent_id = excluded.provider_agent_id
              where stored.organization_id = excluded.organization_id
             returning 1
         )",
        &column(run, |agent| agent.id.as_str()) as _,
        &column(run, |agent| agent.organization_id.as_str()) as _,
        &column(run, |agent| agent.name.as_str()) as _,
        &column(run, |agent| agent.voice_enabled),
        &column(run, |agent| agent.provider_agent_id.as_ref().map(|id| id.as_str())) as _
    )
}

pub(super) async fn store_numbers(connection: &mut PgConnection, run: &[&NumberRecord]) -> Stored {
    store!(
        connection,
        "organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk, provider_number_id, position"
            from "$1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[], $7::text[], $8::bigint[]",
        unchanged: "caller_numbers as stored
                     where stored.organization_id = record.organization_id
                       and stored.phone_number = record.phone_number
                       and (stored.user_id, stored.carrier, stored.ai_enabled, stored.on_trunk,
                            stored.provider_number_id, stored.position)
                           is not distinct from
                           (record.user_id, record.carrier, record.ai_enabled, record.on_trunk,
                            record.provider_number_id, record.position)",
        "written as (
             insert into caller_numbers (organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk,
                                         provider_number_id, position)
             select organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk, provider_number_id, position
               from input where not unchanged order by sequence
             on conflict on constraint caller_numbers_pkey do update
                set user_id = excluded.user_id, carrier = excluded.carrier, ai_enabled = excluded.ai_enabled,
                    on_trunk = excluded.on_trunk, provider_number_id = excluded.provider_number_id,
                    position = excluded.position
             returning 1
         )",
        &column(run, |record| record.number.organization_id.as_str()) as _,
        &column(run, |record| record.number.phone_number.as_e164()) as _,
        &column(run, |record| record.number.user_id.as_str()) as _,
        &column(run, |record| record.number.carrier.as_str()) as _,
        &column(run, |record| record.number.ai_enabled),
        &column(run, |record| record.number.on_trunk),
        &column(run, |record| record.number.provider_number_id.as_ref().map(|id| id.as_str())) as _,
        &column(run, |record| i64::from(record.position))
    )
}

/// Stores contacts: which stored row is the unchanged one, and what writes the others.
macro_rules! store_contacts {
    ($connection:expr, $run:expr, unchanged: $unchanged:tt, $written:tt) => {
        store!(
            $connection,
            "id, organization_id, first_name, last_name, phone_number, time_zone, region"
                from "$1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]",
            unchanged: $unchanged,
            $written,
            &column($run, id) as _,
            &column($run, |contact| contact.organization_id.as_str()) as _,
            &column($run, |contact| contact.first_name.as_ref().map(PersonName::as_str)) as _,
            &column($run, |contact| contact.last_name.as_ref().map(PersonName::as_str)) as _,
            &column($run, |contact| contact.phone_number.as_ref().map(PhoneNumber::as_e164)) as _,
            &column($run, |contact| contact.place.zone.as_ref().map(ZoneName::as_str)) as _,
            &column($run, |contact| contact.place.region.as_ref().map(Region::as_str)) as _
        )
    };
}

pub(super) async fn store_contacts(connection: &mut PgConnection, run: &[&ContactRecord]) -> Stored {
    // `renamed` does not store a number. If another process changed the number after this statement
    // began, `renamed` stores nothing, the run is stored one by one, and `replaced` stores the number.
    store_contacts!(
        connection,
        run,
        unchanged: "contacts as stored
                     where stored.id = record.id
                       and (stored.organization_id, stored.first_name, stored.last_name, stored.phone_number,
                            stored.time_zone, stored.region)
                           is not distinct from
                           (record.organization_id, record.first_name, record.last_name, record.phone_number,
                            record.time_zone, record.region)",
        "changed as (
             select input.*,
                    exists (select from contacts as stored
                             where stored.id = input.id
                               and stored.phone_number is not distinct from input.phone_number) as keeps_number
               from input where not unchanged
         ), renamed as (
             insert into contacts as stored
                    (id, organization_id, first_name, last_name, phone_number, time_zone, region)
             select id, organization_id, first_name, last_name, phone_number, time_zone, region
               from changed where keeps_number order by sequence
             on conflict on constraint contacts_pkey do update
                set first_name = excluded.first_name, last_name = excluded.last_name,
                    time_zone = excluded.time_zone, region = excluded.region
              where stored.organization_id = excluded.organization_id
                and stored.phone_number is not distinct from excluded.phone_number
             returning 1
         ), replaced as (
             insert into contacts as stored
                    (id, organization_id, first_name, last_name, phone_number, time_zone, region)
             select id, organization_id, first_name, last_name, phone_number, time_zone, region
               from changed where not keeps_number order by sequence
             on conflict on constraint contacts_pkey do update
                set first_name = excluded.first_name, last_name = excluded.last_name,
                    phone_number = excluded.phone_number, time_zone = excluded.time_zone, region = excluded.region
              where stored.organization_id = excluded.organization_id
             returning 1
         ), written as (select from renamed union all select from replaced)"
    )
}

pub(super) async fn store_contacts_by_number(
    connection: &mut PgConnection,
    run: &[&ContactRecord],
) -> Stored {
    store_contacts!(
        connection,
        run,
        unchanged: "contacts as stored
                     where stored.organization_id = record.organization_id and stored.phone_number = record.phone_number
                       and (stored.first_name, stored.last_name, stored.time_zone, stored.region)
                           is not distinct from
                           (record.first_name, record.last_name, record.time_zone, record.region)",
        "written as (
             insert into contacts as stored
                    (id, organization_id, first_name, last_name, phone_number, time_zone, region)
             select id, organization_id, first_name, last_name, phone_number, time_zone, region
               from input where not unchanged order by sequence
             on conflict on constraint contacts_organization_id_phone_number_key do update
                set first_name = excluded.first_name, last_name = excluded.last_name,
                    time_zone = excluded.time_zone, region = excluded.region
             returning 1
         )"
    )
}

/// Replaces policies, and writes an audit record for each that changed.
pub(super) async fn store_policies(connection: &mut PgConnection, run: &[&PolicyRecord]) -> Stored {
    store!(
        connection,
        "organization_id, policy" from "$1::text[], $2::text[]",
        unchanged: "calling_policies as stored
                     where stored.organization_id = record.organization_id and stored.policy = record.policy",
        "written as (
             insert into calling_policies as stored (organization_id, policy, revision, changed_at)
             select organization_id, policy, 1, now() from input where not unchanged order by sequence
             on conflict on constraint calling_policies_pkey do update
                set policy = excluded.policy, revision = stored.revision + 1, changed_at = excluded.changed_at,
                    changed_by = null
             returning organization_id, policy, revision, changed_at
         ), audited as (
             insert into audit_records (organization_id, at, action, detail)
             select organization_id, changed_at, $3,
                    '{\"revision\":' || revision || ',\"policy\":' || policy || '}'
               from written
         )",
        &column(run, |record| record.organization_id.as_str()) as _,
        &column(run, |record| write_policy(&record.policy)),
        AuditAction::CallingPolicyChanged.as_str()
    )
}

/// The id of the contact, or the one that a new contact gets.
fn id(contact: &ContactRecord) -> &str {
    match &contact.identity {
        ContactIdentity::Known(id) | ContactIdentity::ByPhoneNumber { new_id: id } => id.as_str(),
    }
}

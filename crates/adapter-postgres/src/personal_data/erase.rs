//! Erasing a person, in one transaction.

use domain::ports::{ErasedCounts, Erasure, ErasureBlock, ErasureResult};
use domain::{AuditAction, PhoneNumber, RequestDigest};
use sql_common::{ConversationForm, ErasedCall, PersonScope, erase_conversation};
use sqlx::{Connection, PgConnection};

use super::{find_contacts, find_earlier_numbers};
use crate::failure::because;
use crate::statement::Failure;
use crate::timestamp::PgTime;

pub(super) async fn erase(
    connection: &mut PgConnection,
    erasure: &Erasure,
) -> Result<ErasureResult, Failure> {
    let mut transaction = connection.begin().await?;
    let scope = lock_person(&mut transaction, erasure).await?;
    let calls = lock_calls(&mut transaction, &scope).await?;
    let open_events = count_open_events(&mut transaction, &scope).await?;
    let block = ErasedCall::block(&calls, open_events)?;
    if block != ErasureBlock::default() {
        transaction.rollback().await?;
        return Ok(ErasureResult::Blocked(block));
    }
    let ids: Vec<String> = calls.iter().map(|call| call.id.clone()).collect();
    let mut counts = ErasedCounts {
        recordings: note_recordings(&mut transaction, &calls).await?,
        calls: erase_calls(&mut transaction, calls).await?,
        ..ErasedCounts::default()
    };
    erase_holds(&mut transaction, &ids).await?;
    counts.provider_events = erase_events(&mut transaction, &scope, &ids).await?;
    erase_callee_records(&mut transaction, &scope, erasure, &mut counts).await?;
    counts.contacts = erase_contacts(&mut transaction, &scope).await?;
    if scope.organization_id.is_some() && !counts.is_empty() {
        audit(&mut transaction, &scope, erasure, counts).await?;
    }
    if erasure.rehearse {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok(ErasureResult::Erased(counts))
}

/// Keeps bookings from the contacts of the person, and waits for those that run: they hold the lock that
/// `contact_can_be_booked` takes.
async fn lock_person(connection: &mut PgConnection, erasure: &Erasure) -> Result<PersonScope, Failure> {
    let mut seen = PersonScope::new(&erasure.person);
    find_contacts(connection, &mut seen).await?;
    for id in &seen.contacts {
        sqlx::query!("select pg_advisory_xact_lock(23, hashtext($1))::text as locked", id)
            .fetch_one(&mut *connection)
            .await?;
    }
    let mut scope = PersonScope::new(&erasure.person);
    find_contacts(connection, &mut scope).await?;
    if scope.contacts != seen.contacts {
        return Err(because("a contact of the person was stored meanwhile: repeat the erasure").into());
    }
    find_earlier_numbers(connection, &mut scope).await?;
    Ok(scope)
}

async fn lock_calls(connection: &mut PgConnection, scope: &PersonScope) -> Result<Vec<ErasedCall>, Failure> {
    let calls = sqlx::query_as!(
        ErasedCall,
        r#"select id, status_rank, given_up_at is not null as "is_given_up!",
                  id in (select call_id from dial_guards where blocked_until > clock_timestamp()) as "is_reserved!",
                  conversation::text as conversation, recording_format
             from calls
            where organization_id = $1 and (to_number = any($2) or contact_id = any($3)) and to_number <> $4
            order by id
              for no key update of calls"#,
        scope.organization_id,
        &scope.numbers,
        &scope.contacts,
        PhoneNumber::ERASED
    );
    Ok(calls.fetch_all(connection).await?)
}

async fn count_open_events(connection: &mut PgConnection, scope: &PersonScope) -> Result<i64, Failure> {
    let open = sqlx::query!(
        r#"select count(*) as "events!"
             from provider_events
            where closed_at is null
              and exists (select from unnest($2::text[]) as text where position(convert_to(text, 'UTF8') in body) > 0)
              and ($1::text is null or exists (
                  select from agents
                   where organization_id = $1 and provider_agent_id is not null
                     and position(convert_to(provider_agent_id, 'UTF8') in body) > 0))"#,
        scope.organization_id,
        &scope.search_texts()
    );
    Ok(open.fetch_one(connection).await?.events)
}

async fn note_recordings(connection: &mut PgConnection, calls: &[ErasedCall]) -> Result<u64, Failure> {
    let recorded = calls.iter().filter_map(|call| Some((call.id.clone(), call.recording_format.clone()?)));
    let (ids, formats): (Vec<String>, Vec<String>) = recorded.unzip();
    let noted = sqlx::query!(
        "insert into erased_recordings (call_id, format) select * from unnest($1::text[], $2::text[])
         on conflict do nothing",
        &ids,
        &formats
    );
    Ok(noted.execute(connection).await?.rows_affected())
}

async fn erase_calls(connection: &mut PgConnection, calls: Vec<ErasedCall>) -> Result<u64, Failure> {
    let left = calls.into_iter().map(|call| {
        let conversation = call.conversation.as_deref();
        (call.id, conversation.and_then(|json| erase_conversation(json, ConversationForm::Postgres)))
    });
    let (ids, conversations): (Vec<String>, Vec<Option<String>>) = left.unzip();
    let erased = sqlx::query!(
        "update calls
            set to_number = $3, reason = null, variables = null, metadata = null, subject = null, decision = null,
                conversation = kept.conversation::jsonb, recording_key = null, recording_format = null,
                recording_size = null, recorded_at = null, recording_report = null
           from unnest($1::text[], $2::text[]) as kept (id, conversation)
          where calls.id = kept.id",
        &ids,
        &conversations as _,
        PhoneNumber::ERASED
    );
    Ok(erased.execute(connection).await?.rows_affected())
}

/// The keys of reservations are hashes of the number and of ids that are still known. The reservations have
/// expired. An idempotency key stays until its time, so that a repeated request dials no one.
async fn erase_holds(connection: &mut PgConnection, ids: &[String]) -> Result<(), Failure> {
    sqlx::query!("delete from dial_guards where call_id = any($1)", ids).execute(&mut *connection).await?;
    sqlx::query!(
        "update idempotency_keys set request_digest = $2, intent_key = $2 where call_id = any($1)",
        ids,
        RequestDigest::ERASED
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn erase_events(
    connection: &mut PgConnection,
    scope: &PersonScope,
    ids: &[String],
) -> Result<u64, Failure> {
    let erased = sqlx::query!(
        r#"update provider_events set body = ''::bytea
            where closed_at is not null and body <> ''::bytea
              and (call_id = any($3)
                   or exists (select from unnest($2::text[]) as text
                               where position(convert_to(text, 'UTF8') in body) > 0)
                      and ($1::text is null or exists (
                          select from agents
                           where organization_id = $1 and provider_agent_id is not null
                             and position(convert_to(provider_agent_id, 'UTF8') in body) > 0)))"#,
        scope.organization_id,
        &scope.search_texts(),
        ids
    );
    Ok(erased.execute(connection).await?.rows_affected())
}

async fn erase_callee_records(
    connection: &mut PgConnection,
    scope: &PersonScope,
    erasure: &Erasure,
    counts: &mut ErasedCounts,
) -> Result<(), Failure> {
    let (organization, numbers, contacts) = (&scope.organization_id, &scope.numbers, &scope.contacts);
    let attempts = sqlx::query!(
        "delete from call_attempts where organization_id = $1 and phone_number = any($2)",
        *organization,
        numbers
    );
    counts.attempts = attempts.execute(&mut *connection).await?.rows_affected();
    let consents = sqlx::query!(
        "delete from consents
          where organization_id = $1 and (phone_number = any($2) or contact_id = any($3))",
        *organization,
        numbers,
        contacts
    );
    counts.consents = consents.execute(&mut *connection).await?.rows_affected();
    let called = numbers.first();
    let ended = sqlx::query!(
        "delete from suppressions
          where organization_id is not distinct from $1 and (phone_number = any($2) or contact_id = any($3))
            and (expires_at <= $4 or coalesce(phone_number, $5) is null)",
        *organization,
        numbers,
        contacts,
        PgTime::bound(erasure.at),
        called
    );
    counts.suppressions = ended.execute(&mut *connection).await?.rows_affected();
    let hashed = sqlx::query!(
        "update suppressions
            set number_hash = (select sha256(outer_block || sha256(inner_block
                                             || convert_to(coalesce(phone_number, $4), 'UTF8')))
                                 from number_hash_key where is_the_only_one),
                phone_number = null, contact_id = null, reason = null, conversation_id = null
          where organization_id is not distinct from $1 and (phone_number = any($2) or contact_id = any($3))",
        *organization,
        numbers,
        contacts,
        called
    );
    counts.suppressions += hashed.execute(connection).await?.rows_affected();
    Ok(())
}

/// The rows stay: calls name them.
async fn erase_contacts(connection: &mut PgConnection, scope: &PersonScope) -> Result<u64, Failure> {
    let erased = sqlx::query!(
        "update contacts set first_name = null, last_name = null, phone_number = null, time_zone = null, region = null
          where organization_id = $1 and id = any($2)
            and num_nonnulls(first_name, last_name, phone_number, time_zone, region) > 0",
        scope.organization_id,
        &scope.contacts
    );
    Ok(erased.execute(connection).await?.rows_affected())
}

async fn audit(
    connection: &mut PgConnection,
    scope: &PersonScope,
    erasure: &Erasure,
    counts: ErasedCounts,
) -> Result<(), Failure> {
    sqlx::query!(
        "insert into audit_records (organization_id, at, action, detail) values ($1, $2, $3, $4)",
        scope.organization_id,
        PgTime::stored(erasure.at)?,
        AuditAction::PersonErased.as_str(),
        format!(r#"{{"calls":{}}}"#, counts.calls)
    )
    .execute(connection)
    .await?;
    Ok(())
}

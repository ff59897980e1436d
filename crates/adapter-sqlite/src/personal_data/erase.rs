//! Erasing a person, in a transaction that has the write lock: no booking runs beside it.

use domain::ports::{ErasedCounts, Erasure, ErasureBlock, ErasureResult, PortUnavailable};
use domain::{AuditAction, PhoneNumber, RequestDigest};
use sql_common::{ConversationForm, ErasedCall, PersonScope, erase_conversation};
use sqlx::SqliteConnection;

use super::json;
use crate::clock::HostTime;
use crate::failure::unreadable;
use crate::number_hash::NumberHash;
use crate::statement::{execute, row, rows};

pub(super) async fn erase(
    connection: &mut SqliteConnection,
    scope: &PersonScope,
    hashes: &[NumberHash],
    erasure: &Erasure,
) -> Result<ErasureResult, PortUnavailable> {
    let calls = find_calls(connection, scope).await?;
    let open_events = count_open_events(connection, scope).await?;
    let block = ErasedCall::block(&calls, open_events).map_err(unreadable)?;
    if block != ErasureBlock::default() {
        return Ok(ErasureResult::Blocked(block));
    }
    let ids: Vec<String> = calls.iter().map(|call| call.id.clone()).collect();
    let ids = json(&ids);
    let mut counts = ErasedCounts { calls: calls.len() as u64, ..ErasedCounts::default() };
    for call in &calls {
        counts.recordings += erase_call(connection, call).await?;
    }
    erase_holds(connection, &ids).await?;
    counts.provider_events = erase_events(connection, scope, &ids).await?;
    erase_callee_records(connection, scope, hashes, erasure, &mut counts).await?;
    counts.contacts = erase_contacts(connection, scope).await?;
    if scope.organization_id.is_some() && !counts.is_empty() {
        let audited = sqlx::query!(
            "insert into audit_records (organization_id, at, action, detail) values (?, ?, ?, ?)",
            scope.organization_id,
            erasure.at.unix_millis(),
            AuditAction::PersonErased.as_str(),
            format!(r#"{{"calls":{}}}"#, counts.calls)
        );
        execute(connection, audited).await?;
    }
    Ok(ErasureResult::Erased(counts))
}

async fn find_calls(
    connection: &mut SqliteConnection,
    scope: &PersonScope,
) -> Result<Vec<ErasedCall>, PortUnavailable> {
    let now = HostTime::now();
    let calls = sqlx::query_as!(
        ErasedCall,
        r#"select id, status_rank, given_up_at is not null as "is_given_up!: bool",
                  exists (select 1 from dial_guards
                          where call_id = calls.id
                              and blocked_until > iif(boot_id = ?1, ?2 + boot_offset, ?3)) as "is_reserved!: bool",
                  conversation, recording_format
           from calls
           where organization_id = ?4
               and (to_number in (select value from json_each(?5)) or contact_id in (select value from json_each(?6)))
               and to_number <> ?7
           order by id"#,
        now.boot_id,
        now.since_boot,
        now.wall_millis(),
        scope.organization_id,
        json(&scope.numbers),
        json(&scope.contacts),
        PhoneNumber::ERASED
    );
    rows(connection, calls).await
}

async fn count_open_events(
    connection: &mut SqliteConnection,
    scope: &PersonScope,
) -> Result<i64, PortUnavailable> {
    let open = sqlx::query!(
        r#"select count(*) as "events!"
           from provider_events
           where closed_at is null
               and exists (select 1 from json_each(?2) where instr(body, cast(value as blob)) > 0)
               and (?1 is null
                    or exists (select 1 from agents
                               where organization_id = ?1 and provider_agent_id is not null
                                   and instr(body, cast(provider_agent_id as blob)) > 0))"#,
        scope.organization_id,
        json(&scope.search_texts())
    );
    Ok(row(connection, open).await?.map_or(0, |open| open.events))
}

/// Returns the number of recordings.
async fn erase_call(connection: &mut SqliteConnection, call: &ErasedCall) -> Result<u64, PortUnavailable> {
    let conversation = call.conversation.as_deref();
    let conversation = conversation.and_then(|json| erase_conversation(json, ConversationForm::Sqlite));
    let erased = sqlx::query!(
        "update calls
         set to_number = ?, reason = null, variables = null, metadata = null, subject = null, decision = null,
             conversation = ?, recording_key = null, recording_format = null, recording_size = null,
             recorded_at = null, recording_report = null
         where id = ?",
        PhoneNumber::ERASED,
        conversation,
        call.id
    );
    execute(connection, erased).await?;
    let Some(format) = &call.recording_format else { return Ok(0) };
    let noted = sqlx::query!(
        "insert into erased_recordings (call_id, format) values (?, ?) on conflict do nothing",
        call.id,
        format
    );
    execute(connection, noted).await
}

/// The keys of reservations and locks are hashes of the number and of ids that are still known. The
/// reservations have expired. An idempotency key stays until its time, so that a repeated request dials no
/// one.
async fn erase_holds(connection: &mut SqliteConnection, ids: &str) -> Result<(), PortUnavailable> {
    let removed = sqlx::query!(
        "delete from call_locks
         where call_id in (select value from json_each(?))
             or (outcome is null and key in (select key from dial_guards
                                             where call_id in (select value from json_each(?))));
         delete from dial_guards where call_id in (select value from json_each(?));
         delete from call_contexts where call_id in (select value from json_each(?))",
        ids,
        ids,
        ids,
        ids
    );
    execute(connection, removed).await?;
    let blanked = sqlx::query!(
        "update idempotency_keys set request_digest = ?2, intent_key = ?2
         where call_id in (select value from json_each(?1))",
        ids,
        RequestDigest::ERASED
    );
    execute(connection, blanked).await.map(drop)
}

async fn erase_events(
    connection: &mut SqliteConnection,
    scope: &PersonScope,
    ids: &str,
) -> Result<u64, PortUnavailable> {
    let erased = sqlx::query!(
        "update provider_events set body = x''
         where closed_at is not null and length(body) > 0
             and (call_id in (select value from json_each(?3))
                  or exists (select 1 from json_each(?2) where instr(body, cast(value as blob)) > 0)
                      and (?1 is null
                           or exists (select 1 from agents
                                      where organization_id = ?1 and provider_agent_id is not null
                                          and instr(body, cast(provider_agent_id as blob)) > 0)))",
        scope.organization_id,
        json(&scope.search_texts()),
        ids
    );
    execute(connection, erased).await
}

async fn erase_callee_records(
    connection: &mut SqliteConnection,
    scope: &PersonScope,
    hashes: &[NumberHash],
    erasure: &Erasure,
    counts: &mut ErasedCounts,
) -> Result<(), PortUnavailable> {
    let (organization, numbers, contacts) =
        (&scope.organization_id, json(&scope.numbers), json(&scope.contacts));
    let attempts = sqlx::query!(
        "delete from call_attempts
         where organization_id = ? and phone_number in (select value from json_each(?))",
        *organization,
        numbers
    );
    counts.attempts = execute(connection, attempts).await?;
    let consents = sqlx::query!(
        "delete from consents
         where organization_id = ?1
             and (phone_number in (select value from json_each(?2))
                  or contact_id in (select value from json_each(?3)))",
        *organization,
        numbers,
        contacts
    );
    counts.consents = execute(connection, consents).await?;
    let inbound = sqlx::query!(
        "delete from inbound_contexts
         where organization_id = ? and caller_number in (select value from json_each(?))",
        *organization,
        numbers
    );
    execute(connection, inbound).await?;
    let called = scope.numbers.first();
    let ended = sqlx::query!(
        "delete from suppressions
         where organization_id is ?1
             and (phone_number in (select value from json_each(?2))
                  or contact_id in (select value from json_each(?3)))
             and (expires_at <= ?4 or coalesce(phone_number, ?5) is null)",
        *organization,
        numbers,
        contacts,
        erasure.at.unix_millis(),
        called
    );
    counts.suppressions = execute(connection, ended).await?;
    for (number, hash) in scope.numbers.iter().zip(hashes) {
        // Those of a contact alone suppress the number that is called now, which is the first one.
        let is_called = Some(number) == called;
        let hashed = sqlx::query!(
            "update suppressions
             set number_hash = ?1, phone_number = null, contact_id = null, reason = null, conversation_id = null
             where organization_id is ?2
                 and (phone_number = ?3
                      or ?5 and phone_number is null and contact_id in (select value from json_each(?4)))",
            hash.as_slice(),
            *organization,
            number,
            contacts,
            is_called
        );
        counts.suppressions += execute(connection, hashed).await?;
    }
    Ok(())
}

/// The rows stay: calls name them.
async fn erase_contacts(
    connection: &mut SqliteConnection,
    scope: &PersonScope,
) -> Result<u64, PortUnavailable> {
    let erased = sqlx::query!(
        "update contacts set first_name = null, last_name = null, phone_number = null, time_zone = null, region = null
         where organization_id = ? and id in (select value from json_each(?))
             and coalesce(first_name, last_name, phone_number, time_zone, region) is not null",
        scope.organization_id,
        json(&scope.contacts)
    );
    execute(connection, erased).await
}

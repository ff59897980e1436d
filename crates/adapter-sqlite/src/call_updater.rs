use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallUpdater, KnownParties, KnownPartiesQuery, PartiesLookup, PortUnavailable,
};
use domain::{
    CallEventKind, CallId, CallIdentity, CallUpdate, ConversationId, PhoneNumber, Recording, Timestamp,
};
use sql_common::{
    ConversationForm, IdentityColumns, MergedColumns, NOT_DIALLED, ProgressColumns, Table, read_status,
};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::call_event::write_event;
use crate::failure::{STORAGE_LIMIT, failed, unavailable, unreadable, within};
use crate::statement::{execute, row};

type ProgressRow = ProgressColumns<i64>;

#[async_trait]
impl CallUpdater for SqliteStore {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let found = locate(&mut reader, lookup).await?;
            Table("calls").read_optional("id", found).map_err(unreadable)
        })
        .await
    }

    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            IdentityColumns,
            "select id, organization_id, user_id, contact_id, agent_id, from_number, to_number from calls where id = ?",
            call_id.as_str()
        ))
        .await
    }

    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable> {
        let numbers = query.numbers.as_ref().map(|numbers| numbers.each_ref().map(PhoneNumber::as_e164));
        let [one, other] = numbers.map_or([None, None], |numbers| numbers.map(Some));
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let known = sqlx::query!(
                r#"select exists (select 1 from agents where provider_agent_id = ?1) as "agent: bool",
                          exists (select 1 from calls
                                  where to_number in (?2, ?3) and booked_at >= ?4
                                      and (from_number = ?2 and to_number = ?3 or from_number = ?3 and to_number = ?2))
                              as "numbers: bool""#,
                query.provider_agent_id.as_str(),
                one,
                other,
                query.booked_since.unix_millis()
            );
            let known = known.fetch_one(&mut *reader).await.map_err(unavailable)?;
            Ok(KnownParties { agent: known.agent, numbers: known.numbers })
        })
        .await
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        let owned = Arc::new((call_id.clone(), update.clone()));
        let merge = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move { merge(writer, owned.0.as_str(), &owned.1).await })
        });
        within(STORAGE_LIMIT, merge).await
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        let owned = Arc::new((call_id.clone(), recording.clone()));
        let attach = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move { attach_recording(writer, owned.0.as_str(), &owned.1).await })
        });
        within(STORAGE_LIMIT, attach).await
    }
}

/// Reads, merges and writes in one transaction, which has the write lock from its first statement. A call
/// whose callee was erased stays as it is.
async fn merge(
    connection: &mut SqliteConnection,
    call_id: &str,
    update: &CallUpdate,
) -> Result<(), PortUnavailable> {
    let stored = sqlx::query_as!(
        ProgressRow,
        "select status_rank, conversation_id, carrier_call_id, failure_reason, failed_at, failure_code,
                failure_carrier_status, conversation, given_up_at, given_up_reason, recording_report
         from calls where id = ? and to_number <> ?",
        call_id,
        PhoneNumber::ERASED
    );
    let Some(stored) = row(connection, stored).await? else {
        return Ok(());
    };
    let merged = MergedColumns::merge(stored, update, ConversationForm::Sqlite).map_err(unreadable)?;
    let Some(merged) = merged else { return Ok(()) };
    let written = sqlx::query!(
        "update calls
         set status_rank = coalesce(?, status_rank), conversation_id = ?, carrier_call_id = ?, failure_reason = ?,
             failed_at = ?, conversation = coalesce(?, conversation), given_up_at = ?, given_up_reason = ?,
             recording_report = ?, failure_code = ?, failure_carrier_status = ?
         where id = ?",
        merged.status_rank,
        merged.conversation_id,
        merged.carrier_call_id,
        merged.failure_reason,
        merged.failed_at.map(Timestamp::unix_millis),
        merged.conversation,
        merged.given_up_at.map(Timestamp::unix_millis),
        merged.given_up_reason,
        merged.recording_report,
        merged.failure_code,
        merged.failure_carrier_status,
        call_id
    );
    execute(connection, written).await?;
    for event in merged.events {
        write_event(connection, call_id, event, merged.event_rank, merged.end_reason).await?;
    }
    Ok(())
}

async fn attach_recording(
    connection: &mut SqliteConnection,
    call_id: &str,
    recording: &Recording,
) -> Result<(), PortUnavailable> {
    let size = i64::try_from(recording.size_bytes);
    let size = size.map_err(|_| failed("a recording is larger than an integer can store"))?;
    let attached = sqlx::query!(
        "update calls set recording_key = ?, recording_format = ?, recording_size = ?, recorded_at = ?
         where id = ? and to_number <> ?
         returning status_rank, given_up_at",
        recording.key.as_str(),
        recording.format.as_str(),
        size,
        recording.stored_at.unix_millis(),
        call_id,
        PhoneNumber::ERASED
    );
    let Some(attached) = row(connection, attached).await? else { return Ok(()) };
    let mut status = read_status(Table("calls"), attached.status_rank).map_err(unreadable)?;
    if attached.given_up_at.is_some() {
        status = status.once_given_up();
    }
    let (kind, rank) = (CallEventKind::RecordingReady, i16::from(status.rank()));
    write_event(connection, call_id, kind, rank, None).await
}

/// The call by our id, otherwise by its conversation, otherwise by the parties.
async fn locate(
    connection: &mut SqliteConnection,
    lookup: &CallLookup,
) -> Result<Option<String>, PortUnavailable> {
    let found =
        sqlx::query_scalar!("select id from calls where id = ?", lookup.call_id.as_ref().map(CallId::as_str));
    let found = found.fetch_optional(&mut *connection).await.map_err(unavailable)?;
    if found.is_some() {
        return Ok(found);
    }
    let conversation_id = lookup.conversation_id.as_ref().map(ConversationId::as_str);
    let found =
        sqlx::query_scalar!("select id from calls where conversation_id = ? limit 2", conversation_id);
    let found = only(found.fetch_all(&mut *connection).await.map_err(unavailable)?);
    match &lookup.parties {
        // A report with an id that is not in the ledger is about a call of another system, which may
        // have the same numbers.
        Some(parties) if found.is_none() && lookup.call_id.is_none() => {
            locate_by_parties(connection, parties, conversation_id).await
        }
        _ => Ok(found),
    }
}

/// The one call of the period between these numbers. A call with another conversation does not
/// match, nor does one that was not dialled.
async fn locate_by_parties(
    connection: &mut SqliteConnection,
    parties: &PartiesLookup,
    conversation_id: Option<&str>,
) -> Result<Option<String>, PortUnavailable> {
    let found = sqlx::query_scalar!(
        "select calls.id from calls join agents on agents.id = calls.agent_id
         where calls.to_number in (?1, ?2) and calls.booked_at between ?3 and ?4
             and (calls.from_number = ?1 and calls.to_number = ?2 or calls.from_number = ?2 and calls.to_number = ?1)
             and agents.provider_agent_id = ?5 and calls.state <> ?7
             and (?6 is null or calls.conversation_id is null or calls.conversation_id = ?6)
         limit 2",
        parties.one.as_e164(),
        parties.other.as_e164(),
        parties.booked_since.unix_millis(),
        parties.booked_until.unix_millis(),
        parties.provider_agent_id.as_str(),
        conversation_id,
        NOT_DIALLED
    );
    Ok(only(found.fetch_all(connection).await.map_err(unavailable)?))
}

/// If two calls match, neither is found.
fn only(mut found: Vec<String>) -> Option<String> {
    if found.len() == 1 { found.pop() } else { None }
}

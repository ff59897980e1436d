use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallReader, CallUpdater, HistoryPage, HistoryQuery, OverdueLease, PartiesLookup,
    PortUnavailable, ProviderLookup, UnfinishedCalls, UnrecordedLease,
};
use domain::{
    CallEventKind, CallId, CallRecord, CallStatus, CallUpdate, ConversationId, OrganizationId,
    ProviderAgentId, Recording, Timestamp,
};
use sqlx::{Acquire, SqliteConnection};

use crate::SqliteStore;
use crate::call_row::{CallRow, select_calls};
use crate::events::{write_event, write_rise};
use crate::failure::{STORAGE_LIMIT, unavailable, unreadable, within};
use crate::progress::ProgressColumns;
use crate::wall_clock::now;

// Three ranks stand in the SQL, where the partial index wants them written out.
const _: () = assert!(
    CallStatus::InProgress.rank() == 3 && CallStatus::Failed.rank() == 4 && CallStatus::Completed.rank() == 7
);

#[async_trait]
impl CallReader for SqliteStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        let (organization_id, id) = (organization_id.as_str(), id.as_str());
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let row = select_calls!(
                "calls.conversation",
                "where calls.organization_id = ? and calls.id = ?",
                organization_id,
                id
            )
            .fetch_optional(&mut *reader)
            .await
            .map_err(unavailable)?;
            row.map(CallRecord::try_from).transpose()
        })
        .await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let mut snapshot = reader.begin().await.map_err(unavailable)?;
            let calls = page(&mut snapshot, query).await?;
            let total = total(&mut snapshot, query).await?;
            Ok(HistoryPage { calls, total })
        })
        .await
    }
}

#[async_trait]
impl CallUpdater for SqliteStore {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let found = located(&mut reader, lookup).await?;
            found.map(|id| CallId::parse(&id)).transpose().map_err(unreadable("calls.id"))
        })
        .await
    }

    /// Reads, merges and writes in one transaction, which has the write lock from its first statement.
    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        let call_id = call_id.as_str();
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_books().await?;
            let columns = sqlx::query_as!(
                ProgressColumns,
                "select status_rank, conversation_id, carrier_call_id, failure_reason, failed_at, conversation
                 from calls where id = ?",
                call_id
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let Some(columns) = columns else { return Ok(()) };
            let mut progress = columns.read()?;
            let before = progress.status.unwrap_or(CallStatus::Initiated);
            if !progress.merge(update) {
                return Ok(());
            }
            let columns = ProgressColumns::write(&progress)?;
            sqlx::query!(
                "update calls
                 set status_rank = ?, conversation_id = ?, carrier_call_id = ?, failure_reason = ?, failed_at = ?,
                     conversation = ?
                 where id = ?",
                columns.status_rank,
                columns.conversation_id,
                columns.carrier_call_id,
                columns.failure_reason,
                columns.failed_at,
                columns.conversation,
                call_id
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            write_rise(&mut transaction, call_id, before, progress.status.unwrap_or(before)).await?;
            transaction.commit().await
        })
        .await
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        let call_id = call_id.as_str();
        let (key, format) = (recording.key.as_str(), recording.format.as_str());
        let size = i64::try_from(recording.size_bytes).unwrap_or(i64::MAX);
        let stored_at = recording.stored_at.unix_millis();
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_books().await?;
            sqlx::query!(
                "update calls set recording_key = ?, recording_format = ?, recording_size = ?, recorded_at = ?
                 where id = ?",
                key,
                format,
                size,
                stored_at,
                call_id
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            write_event(&mut transaction, call_id, CallEventKind::RecordingReady).await?;
            transaction.commit().await
        })
        .await
    }
}

#[async_trait]
impl UnfinishedCalls for SqliteStore {
    /// A claim is a lease: a power failure that takes it lets the provider be asked once more.
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable> {
        let undecided_before = lease.undecided_before.unix_millis();
        let unended_before = lease.unended_before.unix_millis();
        let given_up_before = lease.given_up_before.unix_millis();
        let age_from = lease.now.unix_millis();
        within(STORAGE_LIMIT, async {
            let mut writer = self.connections.write_lease().await?;
            let now = now();
            let (now_millis, claimed_until) = (now.unix_millis(), now.after(lease.lease_for).unix_millis());
            let rows = sqlx::query!(
                r#"update calls set claimed_until = max(?1, ?5 + (?7 - booked_at) / 10)
                   where id in
                       (select id from calls
                        where status_rank < 4 and booked_at >= ?2
                            and (status_rank < 3 and booked_at < ?3 or status_rank = 3 and booked_at < ?4)
                            and (claimed_until is null or claimed_until <= ?5)
                        order by claimed_until nulls first, booked_at limit ?6)
                   returning id as "id!", conversation_id, booked_at as "booked_at!",
                       (select provider_agent_id from agents where agents.id = agent_id)
                           as "provider_agent_id: String""#,
                claimed_until,
                given_up_before,
                undecided_before,
                unended_before,
                now_millis,
                lease.limit,
                age_from
            )
            .fetch_all(&mut *writer)
            .await
            .map_err(unavailable)?;
            let calls = rows.into_iter().map(|row| {
                Ok(ProviderLookup {
                    call_id: CallId::parse(&row.id).map_err(unreadable("calls.id"))?,
                    conversation_id: row
                        .conversation_id
                        .map(|id| ConversationId::parse(&id))
                        .transpose()
                        .map_err(unreadable("calls.conversation_id"))?,
                    provider_agent_id: row
                        .provider_agent_id
                        .map(|id| ProviderAgentId::parse(&id))
                        .transpose()
                        .map_err(unreadable("agents.provider_agent_id"))?,
                    booked_at: Timestamp::from_unix_millis(row.booked_at),
                })
            });
            calls.collect()
        })
        .await
    }

    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable> {
        let booked_before = lease.booked_before.unix_millis();
        let given_up_before = lease.given_up_before.unix_millis();
        let age_from = lease.now.unix_millis();
        within(STORAGE_LIMIT, async {
            let mut writer = self.connections.write_lease().await?;
            let now = now();
            let (now_millis, claimed_until) = (now.unix_millis(), now.after(lease.lease_for).unix_millis());
            // What an index is made for stands written out.
            let rows = sqlx::query!(
                r#"update calls set claimed_until = max(?1, ?4 + (?6 - booked_at) / 10)
                   where id in
                       (select id from calls
                        where status_rank = 7 and recording_key is null
                            and json_extract(conversation, '$.has_recording') = 1
                            and conversation_id is not null and booked_at >= ?2 and booked_at < ?3
                            and (claimed_until is null or claimed_until <= ?4)
                        order by claimed_until nulls first, booked_at limit ?5)
                   returning id as "id!", conversation_id as "conversation_id!""#,
                claimed_until,
                given_up_before,
                booked_before,
                now_millis,
                lease.limit,
                age_from
            )
            .fetch_all(&mut *writer)
            .await
            .map_err(unavailable)?;
            let calls = rows.into_iter().map(|row| {
                let call_id = CallId::parse(&row.id).map_err(unreadable("calls.id"))?;
                let conversation_id = ConversationId::parse(&row.conversation_id);
                Ok((call_id, conversation_id.map_err(unreadable("calls.conversation_id"))?))
            });
            calls.collect()
        })
        .await
    }
}

/// The page, newest first. A filter that is not given is null, and lets everything through.
async fn page(
    connection: &mut SqliteConnection,
    query: &HistoryQuery,
) -> Result<Vec<CallRecord>, PortUnavailable> {
    let organization_id = query.organization_id.as_str();
    let contact_id = query.filter.contact_id.as_ref().map(|id| id.as_str());
    let user_id = query.filter.user_id.as_ref().map(|id| id.as_str());
    let status_rank = query.filter.status.map(CallStatus::rank);
    let before_millis = query.filter.before.as_ref().map(|(booked_at, _)| booked_at.unix_millis());
    let before_id = query.filter.before.as_ref().map(|(_, id)| id.as_str());
    let rows = select_calls!(
        "json_remove(calls.conversation, '$.transcript')",
        "where calls.organization_id = ?1
             and (?2 is null or calls.contact_id = ?2)
             and (?3 is null or calls.user_id = ?3)
             and (?4 is null or calls.status_rank = ?4)
             and (?5 is null or (calls.booked_at, calls.id) < (?5, ?6))
         order by calls.booked_at desc, calls.id desc
         limit ?7 offset ?8",
        organization_id,
        contact_id,
        user_id,
        status_rank,
        before_millis,
        before_id,
        query.filter.limit,
        query.filter.offset
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    rows.into_iter().map(CallRecord::try_from).collect()
}

async fn total(connection: &mut SqliteConnection, query: &HistoryQuery) -> Result<u64, PortUnavailable> {
    let organization_id = query.organization_id.as_str();
    let contact_id = query.filter.contact_id.as_ref().map(|id| id.as_str());
    let user_id = query.filter.user_id.as_ref().map(|id| id.as_str());
    let status_rank = query.filter.status.map(CallStatus::rank);
    let total = sqlx::query_scalar!(
        "select count(*) from calls
         where organization_id = ?1
             and (?2 is null or contact_id = ?2)
             and (?3 is null or user_id = ?3)
             and (?4 is null or status_rank = ?4)",
        organization_id,
        contact_id,
        user_id,
        status_rank
    )
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    u64::try_from(total).map_err(unreadable("count(*)"))
}

/// The call of a clue: by our id, else by the conversation, else by the parties.
async fn located(
    connection: &mut SqliteConnection,
    lookup: &CallLookup,
) -> Result<Option<String>, PortUnavailable> {
    if let Some(call_id) = &lookup.call_id {
        let call_id = call_id.as_str();
        let found = sqlx::query_scalar!("select id from calls where id = ?", call_id)
            .fetch_optional(&mut *connection)
            .await
            .map_err(unavailable)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    if let Some(conversation_id) = &lookup.conversation_id {
        let conversation_id = conversation_id.as_str();
        let mut found =
            sqlx::query_scalar!("select id from calls where conversation_id = ? limit 2", conversation_id)
                .fetch_all(&mut *connection)
                .await
                .map_err(unavailable)?;
        if found.len() == 1 {
            return Ok(found.pop());
        }
    }
    match &lookup.parties {
        Some(parties) => located_by_parties(connection, parties, lookup.conversation_id.as_ref()).await,
        None => Ok(None),
    }
}

/// The one recent call between these numbers. One that is known by another conversation than the clue's is none of them.
async fn located_by_parties(
    connection: &mut SqliteConnection,
    parties: &PartiesLookup,
    conversation_id: Option<&ConversationId>,
) -> Result<Option<String>, PortUnavailable> {
    let PartiesLookup { one, other, provider_agent_id, booked_since, booked_until } = parties;
    let (one, other, provider_agent_id) = (one.as_e164(), other.as_e164(), provider_agent_id.as_str());
    let (booked_since, booked_until) = (booked_since.unix_millis(), booked_until.unix_millis());
    let names_conversation = conversation_id.is_some();
    let mut found = sqlx::query_scalar!(
        "select calls.id from calls join agents on agents.id = calls.agent_id
         where calls.to_number in (?1, ?2) and calls.booked_at between ?3 and ?6
             and (calls.from_number = ?1 and calls.to_number = ?2 or calls.from_number = ?2 and calls.to_number = ?1)
             and agents.provider_agent_id = ?4
             and (calls.conversation_id is null or not ?5)
         limit 2",
        one,
        other,
        booked_since,
        provider_agent_id,
        names_conversation,
        booked_until
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let only = if found.len() == 1 { found.pop() } else { None };
    Ok(only)
}

use async_trait::async_trait;
use domain::ports::{OverdueLease, PortUnavailable, ProviderLookup, UnfinishedCalls, UnrecordedLease};
use domain::{CallId, CallStatus, ConversationId, RecordingReport};
use sql_common::{LEASE_AGE_DIVISOR, OverdueColumns, UnrecordedColumns, read_leased};

use crate::SqliteStore;

// The SQL below has this rank as a literal: the partial indexes are used only if the statement has it
// too. A call has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

type OverdueRow = OverdueColumns<i64>;

/// After a power failure that loses a lease, the provider is asked once more.
#[async_trait]
impl UnfinishedCalls for SqliteStore {
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable> {
        let leased = self.lease_rows(|now| {
            sqlx::query_as!(
                OverdueRow,
                r#"update calls set claimed_until = max(?1, ?2 + min((?3 - booked_at) / ?4, booked_at - ?5))
                   where id in
                       (select id from calls
                        where status_rank < 4 and given_up_at is null
                            and booked_at < iif(status_rank = ?6, ?7, ?8)
                            and (claimed_until is null or claimed_until <= ?2)
                        order by claimed_until nulls first, booked_at, id limit ?9)
                   returning id as "id!", conversation_id, booked_at as "booked_at!",
                       (select provider_agent_id from agents where agents.id = agent_id)
                           as "provider_agent_id: String""#,
                now.after(lease.lease_for).unix_millis(),
                now.unix_millis(),
                lease.now.unix_millis(),
                LEASE_AGE_DIVISOR,
                lease.given_up_before.unix_millis(),
                CallStatus::InProgress.rank(),
                lease.unended_before.unix_millis(),
                lease.undecided_before.unix_millis(),
                lease.limit
            )
        });
        let mut leased = read_leased(leased.await?);
        // SQLite returns the rows in any order.
        leased.sort_by(|a, b| (a.booked_at, &a.call_id).cmp(&(b.booked_at, &b.call_id)));
        Ok(leased)
    }

    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable> {
        let leased = self.lease_rows(|now| {
            sqlx::query!(
                r#"update calls set claimed_until = max(?1, ?2 + (?3 - booked_at) / ?4)
                   where id in
                       (select id from calls
                        where status_rank >= 4 and recording_key is null
                            and json_extract(conversation, '$.has_recording') = 1
                            and conversation_id is not null and recording_report is not ?8
                            and booked_at >= ?5 and booked_at < ?6
                            and (claimed_until is null or claimed_until <= ?2)
                        order by claimed_until nulls first, booked_at, id limit ?7)
                   returning id as "id!", conversation_id as "conversation_id!", booked_at as "booked_at!""#,
                now.after(lease.lease_for).unix_millis(),
                now.unix_millis(),
                lease.now.unix_millis(),
                LEASE_AGE_DIVISOR,
                lease.given_up_before.unix_millis(),
                lease.booked_before.unix_millis(),
                lease.limit,
                RecordingReport::TooLarge.as_str()
            )
        });
        let mut leased = leased.await?;
        // SQLite returns the rows in any order.
        leased.sort_by(|a, b| (a.booked_at, &a.id).cmp(&(b.booked_at, &b.id)));
        let columns = leased
            .into_iter()
            .map(|row| UnrecordedColumns { id: row.id, conversation_id: row.conversation_id });
        Ok(read_leased(columns))
    }
}

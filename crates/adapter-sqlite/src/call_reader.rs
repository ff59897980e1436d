use async_trait::async_trait;
use domain::ports::{CallReader, HistoryPage, HistoryQuery, PortUnavailable, Total};
use domain::{CallId, CallRecord, OrganizationId, Timestamp};
use sql_common::{CallColumns, HistoryFilterColumns, ranks_once_given_up};
use sqlx::{Acquire, SqliteConnection};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, failed, unavailable, within};
use crate::statement::{read_all, rows};

type CallRow = CallColumns<i64>;

/// Calls with their users and contacts: the expressions for the decision and the conversation, the rest of the
/// statement, its arguments.
macro_rules! select_calls {
    ($decision:tt, $conversation:tt, $rest:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            CallRow,
            "select calls.id, calls.organization_id, calls.user_id, users.full_name as user_name, calls.contact_id,
                    contacts.first_name, contacts.last_name, contacts.phone_number, calls.agent_id, calls.from_number,
                    calls.to_number, calls.reason, calls.variables, calls.metadata, calls.purpose, calls.subject, calls.booked_at, calls.state, calls.outcome_detail,
                    calls.dial_code, calls.settled_at, calls.status_rank, calls.conversation_id, calls.carrier_call_id, calls.failure_reason,
                    calls.failed_at, calls.failure_code, calls.failure_carrier_status, calls.given_up_at, calls.given_up_reason,
                    calls.recording_key, calls.recording_format, calls.recording_size, calls.recorded_at,
                    calls.recording_report, calls.recording_removed_at, calls.transcript_removed_at, "
                + $decision
                + " as \"decision?: String\", "
                + $conversation
                + r#" as "conversation?: String"
             from calls
             join users on users.id = calls.user_id
             join contacts on contacts.id = calls.contact_id
             "# + $rest,
            $($argument),+
        )
    };
}

#[async_trait]
impl CallReader for SqliteStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        self.read_row(select_calls!(
            "calls.decision",
            "calls.conversation",
            "where calls.organization_id = ? and calls.id = ?",
            organization_id.as_str(),
            id.as_str()
        ))
        .await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        let filter = HistoryFilterColumns::from(query);
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let mut snapshot = reader.begin().await.map_err(unavailable)?;
            let calls = page(&mut snapshot, &filter).await?;
            let total = count(&mut snapshot, &filter).await?;
            Ok(HistoryPage { calls: read_all(calls)?, total: Total::counted(total, query.count_up_to) })
        })
        .await
    }
}

async fn page(
    connection: &mut SqliteConnection,
    filter: &HistoryFilterColumns<'_>,
) -> Result<Vec<CallRow>, PortUnavailable> {
    let page = select_calls!(
        "null",
        "json_remove(calls.conversation, '$.transcript', '$.criteria', '$.collected')",
        "where calls.organization_id = ?1
             and (?2 is null or calls.contact_id = ?2)
             and (?3 is null or calls.user_id = ?3)
             and (?4 is null or iif(calls.given_up_at is null, calls.status_rank,
                                    json_extract(?9, '$[' || calls.status_rank || ']'))
                                in (select value from json_each(?4)))
             and (?5 is null or (calls.booked_at, calls.id) < (?5, ?6))
             and (?10 is null or calls.booked_at >= ?10)
             and (?11 is null or calls.booked_at < ?11)
             and (?12 is null or calls.agent_id = ?12)
             and (?13 is null or calls.to_number = ?13)
         order by calls.booked_at desc, calls.id desc
         limit ?7 offset ?8",
        filter.organization_id,
        filter.contact_id,
        filter.user_id,
        filter.status_ranks.as_deref().map(to_json),
        filter.before_time.map(Timestamp::unix_millis),
        filter.before_id,
        filter.limit,
        filter.offset,
        to_json(&ranks_once_given_up()),
        filter.from.map(Timestamp::unix_millis),
        filter.until.map(Timestamp::unix_millis),
        filter.agent_id,
        filter.to_number
    );
    rows(connection, page).await
}

/// The number of calls that match, on all pages.
async fn count(
    connection: &mut SqliteConnection,
    filter: &HistoryFilterColumns<'_>,
) -> Result<u32, PortUnavailable> {
    let total = sqlx::query_scalar!(
        "select count(*)
         from (select 1 from calls
               where organization_id = ?1
                   and (?2 is null or contact_id = ?2)
                   and (?3 is null or user_id = ?3)
                   and (?4 is null or iif(given_up_at is null, status_rank,
                                          json_extract(?5, '$[' || status_rank || ']'))
                                      in (select value from json_each(?4)))
                   and (?6 is null or booked_at >= ?6)
                   and (?7 is null or booked_at < ?7)
                   and (?8 is null or agent_id = ?8)
                   and (?9 is null or to_number = ?9)
               limit ?10)",
        filter.organization_id,
        filter.contact_id,
        filter.user_id,
        filter.status_ranks.as_deref().map(to_json),
        to_json(&ranks_once_given_up()),
        filter.from.map(Timestamp::unix_millis),
        filter.until.map(Timestamp::unix_millis),
        filter.agent_id,
        filter.to_number,
        filter.count_limit
    );
    let total = total.fetch_one(connection).await.map_err(unavailable)?;
    u32::try_from(total).map_err(|_| failed("a count was out of range"))
}

fn to_json(ranks: &[i16]) -> String {
    let ranks: Vec<String> = ranks.iter().map(i16::to_string).collect();
    format!("[{}]", ranks.join(","))
}

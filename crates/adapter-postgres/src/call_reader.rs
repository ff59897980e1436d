use async_trait::async_trait;
use domain::ports::{CallReader, HistoryPage, HistoryQuery, PortUnavailable, Total};
use domain::{CallId, CallRecord, OrganizationId};
use sql_common::{CallColumns, HistoryFilterColumns, ranks_once_given_up};

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::{Access, read_all};
use crate::timestamp::PgTime;

type CallRow = CallColumns<PgTime>;

/// Calls with their users and contacts. A user or contact that an operator removed while the call was
/// booked leaves the call in the ledger, so that it is shown without a name. The parameters: what
/// comes before the select list, the expressions for the decision and the conversation, the table that is `calls`, the
/// rest of the statement, its arguments.
macro_rules! select_calls {
    ($with:tt, $decision:tt, $conversation:tt, $table:tt, $rest:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            CallRow,
            $with
                + "select calls.id, calls.organization_id, calls.user_id,
                          coalesce(users.full_name, calls.user_id) as \"user_name!\", calls.contact_id, contacts.first_name, contacts.last_name, contacts.phone_number,
                          calls.agent_id, calls.from_number, calls.to_number, calls.reason, calls.variables, calls.metadata, calls.purpose, calls.subject, calls.booked_at,
                          calls.state, calls.outcome_detail, calls.dial_code, calls.settled_at, calls.status_rank,
                          calls.conversation_id, calls.carrier_call_id, calls.failure_reason, calls.failed_at,
                          calls.failure_code, calls.failure_carrier_status::bigint as failure_carrier_status,
                          calls.given_up_at, calls.given_up_reason, calls.recording_key, calls.recording_format,
                          calls.recording_size, calls.recorded_at, calls.recording_report,
                          calls.recording_removed_at, calls.transcript_removed_at, "
                + $decision
                + " as decision, "
                + $conversation
                + "::text as conversation
                     from "
                + $table
                + " as calls
                     left join users on users.organization_id = calls.organization_id and users.id = calls.user_id
                     left join contacts on contacts.organization_id = calls.organization_id
                                       and contacts.id = calls.contact_id
                    "
                + $rest,
            $($argument),+
        )
    };
}

#[async_trait]
impl CallReader for PostgresStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        self.read_row(|| {
            select_calls!(
                "",
                "calls.decision",
                "calls.conversation",
                "calls",
                "where calls.organization_id = $1 and calls.id = $2",
                organization_id.as_str(),
                id.as_str()
            )
        })
        .await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        // At the same time, on two connections. A call that is booked between the two statements is
        // counted and not listed, or listed and not counted, as if the client had asked a little
        // earlier or later.
        let filter = HistoryFilterColumns::from(query);
        let (rows, total) = tokio::try_join!(self.page(&filter), self.count(&filter))?;
        Ok(HistoryPage { calls: read_all(rows)?, total: Total::counted(total, query.count_up_to) })
    }
}

impl PostgresStore {
    async fn page(&self, filter: &HistoryFilterColumns<'_>) -> Result<Vec<CallRow>, PortUnavailable> {
        // The comparison with the last call of the previous page is always there, so that every
        // plan of the server reads a range of the index on organization, time and id. The
        // transcripts and decisions stay in the database.
        self.rows(Access::Read, || {
            select_calls!(
                "with page as (
                     select *
                       from calls
                      where organization_id = $1
                        and (booked_at, id) < (coalesce($5::timestamptz, 'infinity'), coalesce($6::text, ''))
                        and booked_at >= coalesce($10::timestamptz, '-infinity')
                        and booked_at < coalesce($11::timestamptz, 'infinity')
                        and ($2::text is null or contact_id = $2)
                        and ($3::text is null or user_id = $3)
                        and ($12::text is null or agent_id = $12)
                        and ($13::text is null or to_number = $13)
                        and ($4::smallint[] is null
                             or case when given_up_at is null then status_rank
                                     else ($9::smallint[])[status_rank + 1] end = any ($4))
                      order by booked_at desc, id desc
                      limit $7 offset $8
                 )
                 ",
                "null::text",
                "(calls.conversation - '{transcript,criteria,collected}'::text[])",
                "page",
                "order by calls.booked_at desc, calls.id desc",
                filter.organization_id,
                filter.contact_id,
                filter.user_id,
                filter.status_ranks.as_deref(),
                filter.before_time.map(PgTime::bound),
                filter.before_id,
                filter.limit,
                filter.offset,
                &ranks_once_given_up()[..],
                filter.from.map(PgTime::bound),
                filter.until.map(PgTime::bound),
                filter.agent_id,
                filter.to_number
            )
        })
        .await
    }

    /// The number of calls that match, on all pages.
    async fn count(&self, filter: &HistoryFilterColumns<'_>) -> Result<u32, PortUnavailable> {
        let counted = self.only_row(Access::Read, || {
            sqlx::query!(
                r#"select count(*) as "total!"
                     from (select
                             from calls
                            where organization_id = $1
                              and booked_at >= coalesce($6::timestamptz, '-infinity')
                              and booked_at < coalesce($7::timestamptz, 'infinity')
                              and ($2::text is null or contact_id = $2)
                              and ($3::text is null or user_id = $3)
                              and ($8::text is null or agent_id = $8)
                              and ($9::text is null or to_number = $9)
                              and ($4::smallint[] is null
                                   or case when given_up_at is null then status_rank
                                           else ($5::smallint[])[status_rank + 1] end = any ($4))
                            limit $10) as matching"#,
                filter.organization_id,
                filter.contact_id,
                filter.user_id,
                filter.status_ranks.as_deref(),
                &ranks_once_given_up()[..],
                filter.from.map(PgTime::bound),
                filter.until.map(PgTime::bound),
                filter.agent_id,
                filter.to_number,
                filter.count_limit
            )
        });
        u32::try_from(counted.await?.total).map_err(|_| because("a count was out of range"))
    }
}

use async_trait::async_trait;
use domain::ports::{OverdueLease, PortUnavailable, ProviderLookup, UnfinishedCalls, UnrecordedLease};
use domain::{CallId, CallStatus, ConversationId, RecordingReport};
use sql_common::{LEASE_AGE_DIVISOR, OverdueColumns, UnrecordedColumns, read_leased};

use crate::PostgresStore;
use crate::statement::Access;
use crate::timestamp::PgTime;

// The SQL below has this rank as a literal: the partial indexes are used only if the statement has it
// too. A call has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

type OverdueRow = OverdueColumns<PgTime>;

/// A call that another worker is leasing is skipped; one that another worker has just leased is
/// seen as leased when its row is locked. If a statement is repeated because its response was lost,
/// it leases other calls, and the first ones are leased again when their lease expires.
#[async_trait]
impl UnfinishedCalls for PostgresStore {
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable> {
        let leased = self.rows(Access::Write, || {
            sqlx::query_as!(
                OverdueRow,
                r#"with overdue as (
                       select id
                         from calls
                        where status_rank < 4 and given_up_at is null
                          and booked_at < case status_rank when $7 then $3::timestamptz else $2::timestamptz end
                          and (claimed_until is null or claimed_until <= clock_timestamp())
                        order by claimed_until nulls first, booked_at, id
                        limit $4
                          for no key update skip locked
                   ), leased as (
                       update calls
                          set claimed_until = clock_timestamp()
                                  + greatest(make_interval(secs => $5),
                                             least(($6 - calls.booked_at) / $8::integer,
                                                   calls.booked_at - $1::timestamptz))
                         from overdue where calls.id = overdue.id
                       returning calls.id, calls.organization_id, calls.agent_id, calls.conversation_id, calls.booked_at
                   )
                   select leased.id, leased.conversation_id, leased.booked_at, agents.provider_agent_id
                     from leased
                     left join agents on agents.organization_id = leased.organization_id and agents.id = leased.agent_id
                    order by leased.booked_at, leased.id"#,
                PgTime::bound(lease.given_up_before),
                PgTime::bound(lease.undecided_before),
                PgTime::bound(lease.unended_before),
                i64::from(lease.limit),
                lease.lease_for.as_secs_f64(),
                PgTime::bound(lease.now),
                i16::from(CallStatus::InProgress.rank()),
                LEASE_AGE_DIVISOR
            )
        });
        Ok(read_leased(leased.await?))
    }

    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable> {
        let leased = self.rows(Access::Write, || {
            sqlx::query_as!(
                UnrecordedColumns,
                r#"with unrecorded as (
                       select id
                         from calls
                        where status_rank >= 4 and recording_key is null
                          and conversation @> '{"has_recording": true}' and conversation_id is not null
                          and recording_report is distinct from $7
                          and booked_at >= $1 and booked_at < $2
                          and (claimed_until is null or claimed_until <= clock_timestamp())
                        order by claimed_until nulls first, booked_at, id
                        limit $3
                          for no key update skip locked
                   ), leased as (
                       update calls
                          set claimed_until = clock_timestamp()
                                  + greatest(make_interval(secs => $4), ($5 - calls.booked_at) / $6::integer)
                         from unrecorded where calls.id = unrecorded.id
                       returning calls.id, calls.conversation_id, calls.booked_at
                   )
                   select id, conversation_id as "conversation_id!" from leased order by booked_at, id"#,
                PgTime::bound(lease.given_up_before),
                PgTime::bound(lease.booked_before),
                i64::from(lease.limit),
                lease.lease_for.as_secs_f64(),
                PgTime::bound(lease.now),
                LEASE_AGE_DIVISOR,
                RecordingReport::TooLarge.as_str()
            )
        });
        Ok(read_leased(leased.await?))
    }
}

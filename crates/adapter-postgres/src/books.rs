mod conversation;
mod merge;
mod row;

use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallReader, CallUpdater, HistoryPage, HistoryQuery, OverdueLease, PortUnavailable,
    ProviderLookup, UnfinishedCalls, UnrecordedLease,
};
use domain::{
    CallId, CallRecord, CallStatus, CallUpdate, ContactId, ConversationId, OrganizationId, ProviderAgentId,
    Recording, UserId,
};

use self::row::CallRow;
use crate::PostgresStore;
use crate::failure::because;
use crate::moment::{database_bound, database_time, moment};
use crate::row::{read, read_optional};

#[async_trait]
impl CallReader for PostgresStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable> {
        // What an account told of a failure goes before what the dial itself came to.
        let row = self.repeatable(|| {
            sqlx::query_as!(
                CallRow,
                r#"select calls.id, calls.organization_id, calls.user_id, users.full_name as user_name,
                          calls.contact_id, contacts.first_name, contacts.last_name, contacts.phone_number,
                          calls.agent_id, calls.from_number, calls.to_number, calls.reason, calls.booked_at,
                          calls.status_rank, calls.conversation_id, calls.carrier_call_id,
                          coalesce(calls.failure_reason,
                                   case calls.state when 'not-connected' then calls.outcome_detail end) as failure_reason,
                          coalesce(calls.failed_at,
                                   case calls.state when 'not-connected' then calls.settled_at end) as failed_at,
                          calls.conversation::text as conversation,
                          calls.recording_key, calls.recording_format, calls.recording_size, calls.recorded_at
                     from calls
                     join users on users.organization_id = calls.organization_id and users.id = calls.user_id
                     join contacts on contacts.organization_id = calls.organization_id
                                  and contacts.id = calls.contact_id
                    where calls.organization_id = $1 and calls.id = $2"#,
                organization_id.as_str(),
                id.as_str()
            )
        });
        row.await?.map(CallRecord::try_from).transpose()
    }

    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable> {
        // Side by side, on two connections: a call that is booked between the two is in one of them and not in the other, as
        // it would be a moment later anyway.
        let (rows, total) = tokio::try_join!(self.page(query), self.count(query))?;
        let calls = rows.into_iter().map(CallRecord::try_from).collect::<Result<_, _>>()?;
        Ok(HistoryPage { calls, total })
    }
}

#[async_trait]
impl CallUpdater for PostgresStore {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        let parties = lookup.parties.as_ref();
        let conversation_id = lookup.conversation_id.as_ref().map(ConversationId::as_str);
        // The one statement on calls without a tenant: the provider knows none, and numbers may be in use in several. Where
        // two calls fit, of whichever tenants and ended or not, neither is taken. A call that has another conversation does
        // not fit.
        let located = self.repeatable(|| {
            sqlx::query!(
                r#"select coalesce(
                       (select id from calls where id = $1),
                       (select min(id) from (select id from calls where conversation_id = $2 limit 2) as fitting
                        having count(*) = 1),
                       (select min(id)
                          from (select calls.id
                                  from calls
                                  join agents on agents.organization_id = calls.organization_id
                                             and agents.id = calls.agent_id
                                 where agents.provider_agent_id = $5
                                   and (calls.from_number, calls.to_number) in (($3, $4), ($4, $3))
                                   and calls.booked_at between $6 and $7
                                   and ($2::text is null or calls.conversation_id is null
                                        or calls.conversation_id = $2)
                                 limit 2) as fitting
                        having count(*) = 1)
                   ) as call_id"#,
                lookup.call_id.as_ref().map(CallId::as_str),
                conversation_id,
                parties.map(|parties| parties.one.as_e164()),
                parties.map(|parties| parties.other.as_e164()),
                parties.map(|parties| parties.provider_agent_id.as_str()),
                parties.map(|parties| database_bound(parties.booked_since)),
                parties.map(|parties| database_bound(parties.booked_until))
            )
        });
        let call_id = located.await?.and_then(|row| row.call_id);
        read_optional("calls.id", call_id.as_deref(), CallId::parse)
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        self.merge_update(call_id, update).await
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        let stored_at = database_time(recording.stored_at)?;
        let size = i64::try_from(recording.size_bytes);
        let size = size.map_err(|_| because("a recording is larger than can be stored"))?;
        // Told once for each call, whichever way it stood by then. The call's id is ours, and was found by `locate`: no
        // tenant stands beside it.
        let attached = self.repeatable(|| {
            sqlx::query!(
                r#"with before as (
                       select id, recording_key is not null as was_recorded from calls where id = $1 for no key update
                   ), attached as (
                       update calls
                          set recording_key = $2, recording_format = $3, recording_size = $4, recorded_at = $5
                         from before
                        where calls.id = before.id
                       returning calls.id, calls.organization_id, calls.conversation_id, calls.status_rank,
                                 before.was_recorded
                   ), told as (
                       insert into call_events (call_id, organization_id, conversation_id, kind, status_rank)
                       select id, organization_id, conversation_id, 'call_recording_ready', status_rank
                         from attached
                        where not was_recorded
                       on conflict do nothing
                   )
                   select exists (select from attached) as "attached!""#,
                call_id.as_str(),
                recording.key.as_str(),
                recording.format.as_str(),
                size,
                stored_at
            )
        });
        attached.await.map(|_| ())
    }
}

#[async_trait]
impl UnfinishedCalls for PostgresStore {
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable> {
        // What another claimant takes at this moment is skipped, and what it took a moment ago is seen to be taken when its
        // row is locked. Repeated where the answer was lost, it takes others; the lost ones come back with their time.
        let leased = self.repeatable_rows(|| {
            sqlx::query!(
                r#"with overdue as (
                       select id
                         from calls
                        where status_rank < 4 and booked_at >= $1
                          and booked_at < case status_rank when 3 then $3::timestamptz else $2::timestamptz end
                          and (claimed_until is null or claimed_until <= clock_timestamp())
                        order by claimed_until nulls first, booked_at, id
                        limit $4
                          for no key update skip locked
                   ), claimed as (
                       update calls
                          set claimed_until = clock_timestamp()
                                  + greatest(make_interval(secs => $5), ($6 - calls.booked_at) / 10)
                         from overdue where calls.id = overdue.id
                       returning calls.id, calls.organization_id, calls.agent_id, calls.conversation_id, calls.booked_at
                   )
                   select claimed.id, claimed.conversation_id, claimed.booked_at, agents.provider_agent_id
                     from claimed
                     join agents on agents.organization_id = claimed.organization_id and agents.id = claimed.agent_id
                    order by claimed.booked_at, claimed.id"#,
                database_bound(lease.given_up_before),
                database_bound(lease.undecided_before),
                database_bound(lease.unended_before),
                i64::from(lease.limit),
                lease.lease_for.as_secs_f64(),
                database_bound(lease.now)
            )
        });
        let calls = leased.await?.into_iter().map(|row| {
            Ok(ProviderLookup {
                call_id: read("calls.id", &row.id, CallId::parse)?,
                conversation_id: read_optional(
                    "calls.conversation_id",
                    row.conversation_id.as_deref(),
                    ConversationId::parse,
                )?,
                provider_agent_id: read_optional(
                    "agents.provider_agent_id",
                    row.provider_agent_id.as_deref(),
                    ProviderAgentId::parse,
                )?,
                booked_at: moment(row.booked_at),
            })
        });
        calls.collect()
    }

    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable> {
        // As with overdue calls. What an index is made for stands written out.
        let leased = self.repeatable_rows(|| {
            sqlx::query!(
                r#"with unrecorded as (
                       select id
                         from calls
                        where status_rank = 7 and recording_key is null
                          and conversation @> '{"has_recording": true}' and conversation_id is not null
                          and booked_at >= $1 and booked_at < $2
                          and (claimed_until is null or claimed_until <= clock_timestamp())
                        order by claimed_until nulls first, booked_at, id
                        limit $3
                          for no key update skip locked
                   )
                   update calls
                      set claimed_until = clock_timestamp()
                              + greatest(make_interval(secs => $4), ($5 - calls.booked_at) / 10)
                     from unrecorded where calls.id = unrecorded.id
                   returning calls.id, calls.conversation_id as "conversation_id!""#,
                database_bound(lease.given_up_before),
                database_bound(lease.booked_before),
                i64::from(lease.limit),
                lease.lease_for.as_secs_f64(),
                database_bound(lease.now)
            )
        });
        let calls = leased.await?.into_iter().map(|row| {
            let call_id = read("calls.id", &row.id, CallId::parse)?;
            Ok((call_id, read("calls.conversation_id", &row.conversation_id, ConversationId::parse)?))
        });
        calls.collect()
    }
}

impl PostgresStore {
    async fn page(&self, query: &HistoryQuery) -> Result<Vec<CallRow>, PortUnavailable> {
        let before = query.filter.before.as_ref();
        // Always a range of the index on organization, time and id, whichever plan the server keeps: from the beginning
        // where no call is named. The transcripts stay where they are.
        self.repeatable_rows(|| {
            sqlx::query_as!(
                CallRow,
                r#"with page as (
                       select *
                         from calls
                        where organization_id = $1
                          and (booked_at, id) < (coalesce($5::timestamptz, 'infinity'), coalesce($6::text, ''))
                          and ($2::text is null or contact_id = $2)
                          and ($3::text is null or user_id = $3)
                          and ($4::smallint is null or status_rank = $4)
                        order by booked_at desc, id desc
                        limit $7 offset $8
                   )
                   select page.id, page.organization_id, page.user_id, users.full_name as user_name,
                          page.contact_id, contacts.first_name, contacts.last_name, contacts.phone_number,
                          page.agent_id, page.from_number, page.to_number, page.reason, page.booked_at,
                          page.status_rank, page.conversation_id, page.carrier_call_id,
                          coalesce(page.failure_reason,
                                   case page.state when 'not-connected' then page.outcome_detail end) as failure_reason,
                          coalesce(page.failed_at,
                                   case page.state when 'not-connected' then page.settled_at end) as failed_at,
                          (page.conversation - 'transcript')::text as conversation,
                          page.recording_key, page.recording_format, page.recording_size, page.recorded_at
                     from page
                     join users on users.organization_id = page.organization_id and users.id = page.user_id
                     join contacts on contacts.organization_id = page.organization_id and contacts.id = page.contact_id
                    order by page.booked_at desc, page.id desc"#,
                query.organization_id.as_str(),
                query.filter.contact_id.as_ref().map(ContactId::as_str),
                query.filter.user_id.as_ref().map(UserId::as_str),
                query.filter.status.map(rank),
                before.map(|(booked_at, _)| database_bound(*booked_at)),
                before.map(|(_, id)| id.as_str()),
                i64::from(query.filter.limit),
                i64::from(query.filter.offset)
            )
        })
        .await
    }

    /// How many calls match, on whichever page.
    async fn count(&self, query: &HistoryQuery) -> Result<u64, PortUnavailable> {
        let total = self.repeatable(|| {
            sqlx::query!(
                r#"select count(*) as "total!"
                     from calls
                    where organization_id = $1
                      and ($2::text is null or contact_id = $2)
                      and ($3::text is null or user_id = $3)
                      and ($4::smallint is null or status_rank = $4)"#,
                query.organization_id.as_str(),
                query.filter.contact_id.as_ref().map(ContactId::as_str),
                query.filter.user_id.as_ref().map(UserId::as_str),
                query.filter.status.map(rank)
            )
        });
        total
            .await?
            .and_then(|row| u64::try_from(row.total).ok())
            .ok_or_else(|| because("a statement gave no row"))
    }
}

fn rank(status: CallStatus) -> i16 {
    i16::from(status.rank())
}

//! The parties of calls, of several calls in one statement.

use async_trait::async_trait;
use domain::ports::{OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable};
use domain::{AgentId, CallStatus, CallSubject, Carrier, ContactId, PhoneNumber};
use sql_common::{ANSWERED_RANKS, DECLINED, NOT_CONNECTED, OutboundPartiesColumns};
use tokio::time::Instant;

use crate::PostgresStore;
use crate::batch::{BatchedWork, Batches, Results};
use crate::statement::{Access, read};
use crate::timestamp::PgTime;
use crate::work::ResolvingWork;

// The SQL below has this rank as a literal. A call has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

/// The statement, with this expression for the numbers of the organization. Its rows are in the order
/// of the queries. A query whose user is not known has none.
///
/// Each join finds at most one row, by a unique index or a limit. Whether the numbers are listed is
/// not a parameter, so that the statement that does not list them does not look for them.
///
/// What the decision depends on takes one look into an index each.
///
/// The trunks are the same for all queries, and so are the counts of their calls: the server reads
/// them once for a statement.
macro_rules! parties {
    (
        $query:tt, $organization_numbers:tt, [$($column:expr),*], $carriers:ident,
        [$subject:expr, $may_need_calls:expr, $now:expr],
        [$calls_of_trunk:tt, $calls_of_organization:tt $(, $counting:expr)*]
    ) => {
        sqlx::query_as!(
            OutboundPartiesColumns,
            r#"select users.id as user_id, users.full_name, organizations.id as organization_id,
                      organizations.name as organization_name, users.access_role,
                      coalesce(by_id.id, by_number.id) as contact_id,
                      coalesce(by_id.first_name, by_number.first_name) as first_name,
                      coalesce(by_id.last_name, by_number.last_name) as last_name,
                      coalesce(by_id.phone_number, by_number.phone_number) as contact_number,
                      coalesce(named.id, fallback.id) as agent_id,
                      coalesce(named.name, fallback.name) as agent_name,
                      coalesce(named.voice_enabled, fallback.voice_enabled) as voice_enabled,
                      coalesce(named.provider_agent_id, fallback.provider_agent_id) as provider_agent_id,
                      chosen.phone_number as "caller_number?", chosen.carrier as "carrier?",
                      chosen.ai_enabled as "ai_enabled?", chosen.on_trunk as "on_trunk?",
                      chosen.provider_number_id as "provider_number_id?",
                      case when (select count(*) from (select from caller_numbers
                                                        where organization_id = users.organization_id
                                                          and user_id = users.id limit 2) as two) > 1 then (
                       select json_agg(json_build_object('phone_number', phone_number, 'carrier', carrier,
                                                         'ai_enabled', ai_enabled, 'on_trunk', on_trunk,
                                                         'provider_number_id', provider_number_id)
                                       order by place)::text
                         from (select *, row_number() over (order by ai_enabled desc, carrier = any($6) desc,
                                                                     position, phone_number) as place
                                 from caller_numbers
                                where organization_id = users.organization_id and user_id = users.id and query.requested_number is null
                                order by place
                                limit 64) as offered
                        where place > 1) end as other_numbers,
                      own.phone_number is not null as "recipient_is_own_number!","#
                + $organization_numbers
                + r#" as organization_numbers,
                      policy.policy as "policy?", policy.revision as "policy_revision?",
                      (extract(epoch from policy.changed_at) * 1000)::bigint as policy_changed_at,
                      policy.changed_by as "policy_changed_by?",
                      coalesce(by_id.time_zone, by_number.time_zone) as time_zone,
                      coalesce(by_id.region, by_number.region) as region,
                      exists (
                          select from suppressions
                           where phone_number = callee.number
                             and (organization_id = users.organization_id or organization_id is null)
                             and (expires_at is null or expires_at > query.now))
                      or exists (
                          select from suppressions
                           where contact_id = callee.contact_id
                             and (organization_id = users.organization_id or organization_id is null)
                             and (expires_at is null or expires_at > query.now)) as "is_suppressed!",
                      (select json_agg(json_build_object(
                                  'name', list.name, 'dated', to_char(list.dated, 'YYYY-MM-DD'),
                                  'hasNumber', exists (
                                      select from do_not_call_numbers as listed
                                       where listed.phone_number = callee.number
                                         and listed.organization_id = list.organization_id
                                         and listed.list = list.name and listed.dated >= list.dated)))::text
                         from do_not_call_lists as list
                        where list.organization_id = users.organization_id) as do_not_call_lists,
                      (select json_agg(json_build_object(
                                  'kind', kind, 'givenAt', (extract(epoch from given_at) * 1000)::bigint,
                                  'expiresAt', (extract(epoch from expires_at) * 1000)::bigint,
                                  'revokedAt', (extract(epoch from revoked_at) * 1000)::bigint))::text
                         from consents
                        where organization_id = users.organization_id
                          and (phone_number = callee.number or contact_id = callee.contact_id)) as consents,
                      (select json_agg((extract(epoch from attempt.at) * 1000)::bigint)::text
                         from call_attempts cross join unnest(attempted_at) as attempt (at)
                        where organization_id = users.organization_id and phone_number = callee.number
                          and subject = query.subject) as attempts,
                      case when query.may_need_calls or policy.policy is not null then (
                          select json_build_object(
                                     'conversation', max(at) filter (where status_rank = any($10)),
                                     'decline', max(at) filter (where was_declined),
                                     'caller', (array_agg(from_number order by booked_at desc, id desc)
                                                   filter (where status_rank = any($10)))[1])::text
                            from (select id, from_number, booked_at, status_rank,
                                         (extract(epoch from coalesce(settled_at, booked_at)) * 1000)::bigint as at,
                                         failure_reason = $11 or (state = $12 and outcome_detail = $11) as was_declined
                                    from calls
                                   where to_number = callee.number and organization_id = users.organization_id
                                   order by booked_at desc
                                   limit $13) as newest)
                      end as latest_calls,
                      (select json_agg(json_build_object('carrier', trunk.carrier, 'id', trunk.id,
                                                         'callsPerSecond', trunk.calls_per_second, 'calls', "#
                + $calls_of_trunk
                + r#") order by trunk.updated_at desc)::text
                         from trunks as trunk
                        where trunk.carrier = any($6)) as trunks, "#
                + $calls_of_organization
                + r#" as organization_calls
                 from ("#
                + $query
                + r#") as query
                 join users on users.id = query.user_id
                 join organizations on organizations.id = users.organization_id
                 left join contacts as by_id
                        on by_id.organization_id = users.organization_id and by_id.id = query.contact_id
                 left join contacts as by_number
                        on by_number.organization_id = users.organization_id and by_number.phone_number = query.number
                 left join agents as named
                        on named.organization_id = users.organization_id and named.id = query.agent_id
                 left join lateral (
                     select * from agents
                      where query.agent_id is null and organization_id = users.organization_id and voice_enabled
                      order by provider_agent_id is null, seq
                      limit 1
                 ) as fallback on true
                 left join lateral (
                     select * from caller_numbers
                      where organization_id = users.organization_id and user_id = users.id
                        and (query.requested_number is null or phone_number = query.requested_number)
                      order by ai_enabled desc, carrier = any($6) desc, position, phone_number
                      limit 1
                 ) as chosen on true
                 left join caller_numbers as own
                        on own.organization_id = users.organization_id
                       and own.phone_number = coalesce(query.number, by_id.phone_number)
                 left join calling_policies as policy on policy.organization_id = users.organization_id
                cross join lateral (
                     select coalesce(query.number, by_id.phone_number) as number,
                            coalesce(by_id.id, by_number.id) as contact_id
                ) as callee
                order by query.place"#,
            $($column,)*
            &$carriers as _,
            $subject,
            $may_need_calls,
            $now,
            &ANSWERED_RANKS,
            DECLINED,
            NOT_CONNECTED,
            i64::from(OutboundQuery::LATEST_CALLS)
            $(, $counting)*
        )
    };
}

/// The statements that list the organization's numbers, and that do not.
macro_rules! resolve {
    ($store:ident, $end_by:ident, $first:ident, $count:ident, $query:tt, $columns:tt, $of_decision:tt) => {{
        let carriers: Vec<&str> = $first.carriers.iter().map(Carrier::as_str).collect();
        if $first.list_numbers {
            counting!(
                $store,
                $end_by,
                $count,
                [
                    $query,
                    "(select string_agg(phone_number, ',') from caller_numbers
                       where organization_id = users.organization_id)",
                    $columns,
                    carriers,
                    $of_decision
                ]
            )
        } else {
            counting!($store, $end_by, $count, [$query, "null::text", $columns, carriers, $of_decision])
        }
    }};
}

/// The statements that count the calls that have not ended, and that do not.
///
/// The index of these calls is used only if the statement has its condition too.
macro_rules! counting {
    (
        $store:ident, $end_by:ident, $count:ident,
        [$query:tt, $organization_numbers:tt, $columns:tt, $carriers:ident, $of_decision:tt]
    ) => {
        match $count {
            Some((since, at_most)) => {
                let counting = $store.rows_by($end_by, Access::Read, || {
                    parties!(
                        $query,
                        $organization_numbers,
                        $columns,
                        $carriers,
                        $of_decision,
                        [
                            "(select count(*)
                                from (select
                                        from calls
                                        join caller_numbers as shown
                                          on shown.organization_id = calls.organization_id
                                         and shown.phone_number = calls.from_number
                                       where calls.status_rank < 4 and calls.given_up_at is null
                                         and calls.booked_at >= $14
                                         and shown.carrier = trunk.carrier and shown.on_trunk
                                       limit $15) as counted)",
                            "(select count(*)
                                from (select
                                        from calls
                                       where status_rank < 4 and given_up_at is null and booked_at >= $14
                                         and organization_id = users.organization_id
                                       limit $15) as counted)",
                            since,
                            at_most
                        ]
                    )
                });
                counting.await?
            }
            None => {
                let plain = $store.rows_by($end_by, Access::Read, || {
                    parties!(
                        $query,
                        $organization_numbers,
                        $columns,
                        $carriers,
                        $of_decision,
                        ["null", "null::bigint"]
                    )
                });
                plain.await?
            }
        }
    };
}

/// The arguments of one statement.
#[derive(Default)]
struct Queries<'a> {
    user_ids: Vec<&'a str>,
    contact_ids: Vec<Option<&'a str>>,
    numbers: Vec<Option<&'a str>>,
    agent_ids: Vec<Option<&'a str>>,
    requested_numbers: Vec<Option<&'a str>>,
    subjects: Vec<&'a str>,
    may_need_calls: Vec<bool>,
    times: Vec<PgTime>,
}

impl<'a> Queries<'a> {
    fn of(batch: &'a [ResolvingWork]) -> Self {
        let mut queries = Self::default();
        for work in batch {
            queries.user_ids.push(work.user_id.as_str());
            queries.contact_ids.push(work.contact_id.as_ref().map(ContactId::as_str));
            queries.numbers.push(work.number.as_ref().map(PhoneNumber::as_e164));
            queries.agent_ids.push(work.agent_id.as_ref().map(AgentId::as_str));
            queries.requested_numbers.push(work.requested_number.as_ref().map(PhoneNumber::as_e164));
            queries.subjects.push(subject(work.subject.as_ref()));
            queries.may_need_calls.push(work.may_need_calls);
            queries.times.push(work.now);
        }
        queries
    }
}

impl BatchedWork for ResolvingWork {
    type Output = Option<OutboundParties>;

    fn fits(&self, other: &Self) -> bool {
        self.list_numbers == other.list_numbers
            && self.carriers == other.carriers
            && self.count_calls.map(|(_, at_most)| at_most) == other.count_calls.map(|(_, at_most)| at_most)
    }

    async fn run(store: &PostgresStore, batch: &[Self], end_by: Instant) -> Results<Self::Output> {
        let Some(first) = batch.first() else { return Ok(Vec::new()) };
        // The times of a batch differ by milliseconds.
        let count = first.count_calls;
        let rows = if batch.len() == 1 {
            resolve!(
                store,
                end_by,
                first,
                count,
                "select $1::text as user_id, $2::text as contact_id, $3::text as number, $4::text as agent_id,
                        $5::text as requested_number, $7::text as subject, $8::boolean as may_need_calls,
                        $9::timestamptz as now, 1 as place",
                [
                    first.user_id.as_str(),
                    first.contact_id.as_ref().map(ContactId::as_str),
                    first.number.as_ref().map(PhoneNumber::as_e164),
                    first.agent_id.as_ref().map(AgentId::as_str),
                    first.requested_number.as_ref().map(PhoneNumber::as_e164)
                ],
                [subject(first.subject.as_ref()), first.may_need_calls, first.now]
            )
        } else {
            let queries = Queries::of(batch);
            resolve!(
                store,
                end_by,
                first,
                count,
                "select *
                   from unnest((select $1::text[]), $2::text[], $3::text[], $4::text[], $5::text[], $7::text[], $8::boolean[],
                               $9::timestamptz[]) with ordinality
                     as query (user_id, contact_id, number, agent_id, requested_number, subject, may_need_calls, now,
                               place)",
                [
                    &queries.user_ids as _,
                    &queries.contact_ids as _,
                    &queries.numbers as _,
                    &queries.agent_ids as _,
                    &queries.requested_numbers as _
                ],
                [&queries.subjects as _, &queries.may_need_calls, &queries.times as _]
            )
        };
        // Each row is read alone: one that a later release wrote is the error of its own query.
        let mut rows = rows.into_iter().peekable();
        let mut row_of = |work: &Self| rows.next_if(|row| row.user_id == work.user_id.as_str());
        Ok(batch.iter().map(|work| row_of(work).map(read).transpose()).collect())
    }
}

#[async_trait]
impl OutboundDirectory for PostgresStore {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        Batches::run(&self.resolutions, self, query.into(), self.times()).await
    }
}

/// The column `subject` of an attempt.
pub(crate) fn subject(subject: Option<&CallSubject>) -> &str {
    subject.map_or("", CallSubject::as_str)
}

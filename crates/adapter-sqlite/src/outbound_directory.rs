use async_trait::async_trait;
use domain::ports::{OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable, Recipient};
use domain::{AgentId, CallStatus, CallSubject, PhoneNumber};
use sql_common::{ANSWERED_RANKS, DECLINED, NOT_CONNECTED, OutboundPartiesColumns, carriers_json};

use crate::SqliteStore;

// The SQL below has this rank as a literal: the index of calls that have not ended is used only if the
// statement has it too. A call has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

#[async_trait]
impl OutboundDirectory for SqliteStore {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        let (contact_id, number) = match query.recipient {
            Recipient::Contact(id) => (Some(id.as_str()), None),
            Recipient::Number(number) => (None, Some(number.as_e164())),
        };
        self.read_row(sqlx::query_as!(
            OutboundPartiesColumns,
            r#"select users.id as user_id, users.full_name, organizations.id as organization_id,
                      organizations.name as organization_name, users.access_role, contacts.id as "contact_id?",
                      contacts.first_name as "first_name?", contacts.last_name as "last_name?",
                      contacts.phone_number as "contact_number?", agents.id as "agent_id?",
                      agents.name as "agent_name?", agents.voice_enabled as "voice_enabled?: bool",
                      agents.provider_agent_id as "provider_agent_id?", chosen.phone_number as "caller_number?",
                      chosen.carrier as "carrier?", chosen.ai_enabled as "ai_enabled?: bool",
                      chosen.on_trunk as "on_trunk?: bool", chosen.provider_number_id as "provider_number_id?",
                      (select json_group_array(json_object('phone_number', phone_number, 'carrier', carrier,
                                                           'ai_enabled', json(iif(ai_enabled, 'true', 'false')),
                                                           'on_trunk', json(iif(on_trunk, 'true', 'false')),
                                                           'provider_number_id', provider_number_id))
                       from (select * from caller_numbers
                             where organization_id = users.organization_id and user_id = users.id and ?5 is null
                             order by ai_enabled desc, carrier in (select value from json_each(?6)) desc, position,
                                      phone_number
                             limit 63 offset 1)) as "other_numbers?: String",
                      own.phone_number is not null as "recipient_is_own_number!: bool",
                      iif(?7, (select group_concat(phone_number) from caller_numbers
                               where organization_id = users.organization_id), null)
                          as "organization_numbers: String",
                      policies.policy as "policy?", policies.revision as "policy_revision?",
                      policies.changed_at as "policy_changed_at?", policies.changed_by as "policy_changed_by?",
                      contacts.time_zone as "time_zone?", contacts.region as "region?",
                      exists (select 1 from suppressions
                              where phone_number = coalesce(?3, contacts.phone_number)
                                  and (organization_id = users.organization_id or organization_id is null)
                                  and (expires_at is null or expires_at > ?10))
                          or exists (select 1 from suppressions
                                     where contact_id = contacts.id
                                         and (organization_id = users.organization_id or organization_id is null)
                                         and (expires_at is null or expires_at > ?10)) as "is_suppressed!: bool",
                      (select json_group_array(json_object(
                                  'name', list.name, 'dated', list.dated,
                                  'hasNumber', exists (
                                      select 1 from do_not_call_numbers as listed
                                      where listed.phone_number = coalesce(?3, contacts.phone_number)
                                          and listed.organization_id = list.organization_id
                                          and listed.list = list.name and listed.dated >= list.dated)))
                       from do_not_call_lists as list
                       where list.organization_id = users.organization_id) as "do_not_call_lists: String",
                      (select json_group_array(json_object(
                                  'kind', kind, 'givenAt', given_at, 'expiresAt', expires_at, 'revokedAt', revoked_at))
                       from consents
                       where organization_id = users.organization_id
                           and (phone_number = coalesce(?3, contacts.phone_number) or contact_id = contacts.id))
                          as "consents: String",
                      (select json_group_array(attempt.value ->> 0)
                       from call_attempts, json_each(call_attempts.attempts) as attempt
                       where organization_id = users.organization_id
                           and phone_number = coalesce(?3, contacts.phone_number) and subject = ?8)
                          as "attempts: String",
                      iif(?9 or policies.policy is not null,
                          (select json_object(
                                      'conversation', max(at) filter (where status_rank in (?11, ?12)),
                                      'decline', max(at) filter (where was_declined),
                                      'caller', json_group_array(from_number)
                                                    filter (where status_rank in (?11, ?12)) ->> 0)
                           from (select from_number, status_rank, coalesce(settled_at, booked_at) as at,
                                        failure_reason = ?13 or (state = ?14 and outcome_detail = ?13) as was_declined
                                 from calls
                                 where to_number = coalesce(?3, contacts.phone_number)
                                     and organization_id = users.organization_id
                                 order by booked_at desc, id desc
                                 limit ?15)),
                          null) as "latest_calls: String",
                      (select json_group_array(json_object(
                                  'carrier', trunk.carrier, 'id', trunk.id, 'callsPerSecond', trunk.calls_per_second,
                                  'calls', iif(?16 is null, null,
                                      (select count(*)
                                       from (select 1
                                             from calls
                                             join caller_numbers as shown
                                                 on shown.organization_id = calls.organization_id
                                                 and shown.phone_number = calls.from_number
                                             where calls.status_rank < 4 and calls.given_up_at is null
                                                 and calls.booked_at >= ?16
                                                 and shown.carrier = trunk.carrier and shown.on_trunk
                                             limit ?17)))))
                       from trunks as trunk
                       where trunk.carrier in (select value from json_each(?6))
                           and not exists (select 1 from trunks as slower
                                           where slower.carrier = trunk.carrier
                                               and (slower.calls_per_second, slower.id)
                                                   < (trunk.calls_per_second, trunk.id))) as "trunks: String",
                      iif(?16 is null, null,
                          (select count(*)
                           from (select 1 from calls
                                 where status_rank < 4 and given_up_at is null and booked_at >= ?16
                                     and organization_id = users.organization_id
                                 limit ?17))) as "organization_calls: i64"
               from users
               join organizations on organizations.id = users.organization_id
               left join contacts
                   on contacts.organization_id = users.organization_id
                   and contacts.id = coalesce(?2, (select id from contacts as called
                                                   where called.organization_id = users.organization_id
                                                       and called.phone_number = ?3))
               left join agents
                   on agents.organization_id = users.organization_id
                   and agents.id = coalesce(?4, (select id from agents as enabled
                                                 where enabled.organization_id = users.organization_id
                                                     and enabled.voice_enabled
                                                 order by enabled.provider_agent_id is null, enabled.seq limit 1))
               left join caller_numbers as chosen
                   on chosen.organization_id = users.organization_id
                   and chosen.phone_number =
                       (select phone_number from caller_numbers as offered
                        where offered.organization_id = users.organization_id and offered.user_id = users.id
                            and (?5 is null or offered.phone_number = ?5)
                        order by offered.ai_enabled desc,
                                 offered.carrier in (select value from json_each(?6)) desc,
                                 offered.position, offered.phone_number
                        limit 1)
               left join caller_numbers as own
                   on own.organization_id = users.organization_id
                   and own.phone_number = coalesce(?3, contacts.phone_number)
               left join calling_policies as policies on policies.organization_id = users.organization_id
               where users.id = ?1"#,
            query.user_id.as_str(),
            contact_id,
            number,
            query.agent_id.map(AgentId::as_str),
            query.requested_number.map(PhoneNumber::as_e164),
            carriers_json(query.carriers),
            query.list_numbers,
            query.subject.map_or("", CallSubject::as_str),
            query.may_need_latest_calls(),
            query.now.unix_millis(),
            ANSWERED_RANKS[0],
            ANSWERED_RANKS[1],
            DECLINED,
            NOT_CONNECTED,
            OutboundQuery::LATEST_CALLS,
            query.count_calls.map(|count| count.since.unix_millis()),
            query.count_calls.map_or(0, |count| count.at_most)
        ))
        .await
    }
}

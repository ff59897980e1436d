mod merge;

use async_trait::async_trait;
use domain::ports::{CallLookup, CallUpdater, KnownParties, KnownPartiesQuery, PortUnavailable};
use domain::{CallEventKind, CallId, CallIdentity, CallUpdate, ConversationId, PhoneNumber, Recording};
use sql_common::{IdentityColumns, NOT_DIALLED, Table, ranks_once_given_up};

use self::merge::Merge;
use crate::PostgresStore;
use crate::failure::because;
use crate::statement::{Access, Failure};
use crate::timestamp::PgTime;

#[async_trait]
impl CallUpdater for PostgresStore {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        let parties = lookup.parties.as_ref();
        // Without an organization in the predicate: the provider knows none, and several may use
        // the same numbers. If two calls match, ended or not, of whichever organizations, neither
        // is found. Neither a call with another conversation matches the numbers nor one that was
        // not dialled. A report with an id that is not in the ledger is about a call of another
        // system, which may have the same numbers.
        let located = self.only_row(Access::Read, || {
            sqlx::query!(
                r#"select coalesce(
                       (select id from calls where id = $1),
                       (select min(id) from (select id from calls where conversation_id = $2 limit 2) as matching
                        having count(*) = 1),
                       (select min(id)
                          from (select calls.id
                                  from calls
                                  join agents on agents.organization_id = calls.organization_id
                                             and agents.id = calls.agent_id
                                 where $1::text is null and agents.provider_agent_id = $5
                                   and (calls.from_number, calls.to_number) in (($3, $4), ($4, $3))
                                   and calls.booked_at between $6 and $7 and calls.state <> $8
                                   and ($2::text is null or calls.conversation_id is null
                                        or calls.conversation_id = $2)
                                 limit 2) as matching
                        having count(*) = 1)
                   ) as call_id"#,
                lookup.call_id.as_ref().map(CallId::as_str),
                lookup.conversation_id.as_ref().map(ConversationId::as_str),
                parties.map(|parties| parties.one.as_e164()),
                parties.map(|parties| parties.other.as_e164()),
                parties.map(|parties| parties.provider_agent_id.as_str()),
                parties.map(|parties| PgTime::bound(parties.booked_since)),
                parties.map(|parties| PgTime::bound(parties.booked_until)),
                NOT_DIALLED
            )
        });
        let call_id = located.await?.call_id;
        Ok(Table("calls").read_optional("id", call_id).map_err(Failure::from)?)
    }

    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable> {
        // Without an organization in the predicate: the id is ours, and `locate` found it.
        self.read_row(|| {
            sqlx::query_as!(
                IdentityColumns,
                "select id, organization_id, user_id, contact_id, agent_id, from_number, to_number from calls where id = $1",
                call_id.as_str()
            )
        })
        .await
    }

    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable> {
        // Without an organization in the predicate, as in `locate`: the account at the provider may
        // serve several.
        let numbers = query.numbers.as_ref().map(|numbers| numbers.each_ref().map(PhoneNumber::as_e164));
        let [one, other] = numbers.map_or([None, None], |numbers| numbers.map(Some));
        let known = self.only_row(Access::Read, || {
            sqlx::query!(
                r#"select exists (select from agents where provider_agent_id = $1) as "agent!",
                          exists (select
                                    from calls
                                   where to_number in ($2, $3) and booked_at >= $4
                                     and (from_number, to_number) in (($2, $3), ($3, $2))) as "numbers!""#,
                query.provider_agent_id.as_str(),
                one,
                other,
                PgTime::bound(query.booked_since)
            )
        });
        let known = known.await?;
        Ok(KnownParties { agent: known.agent, numbers: known.numbers })
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        self.run(&Merge { call_id, update }).await
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        let stored_at = PgTime::stored(recording.stored_at)?;
        let size = i64::try_from(recording.size_bytes);
        let size = size.map_err(|_| because("a recording is larger than a bigint can store"))?;
        // Nothing is attached to a call whose callee was erased. The event is written once for each call, with whichever status the call has then. No
        // organization is in the predicate, since the call's id is ours, and `locate` found it.
        let attached = self.row(Access::Write, || {
            sqlx::query!(
                r#"with before as (
                       select id, recording_key is not null as was_recorded from calls
                        where id = $1 and to_number <> $8
                          for no key update
                   ), attached as (
                       update calls
                          set recording_key = $2, recording_format = $3, recording_size = $4, recorded_at = $5
                         from before
                        where calls.id = before.id
                       returning calls.id, calls.organization_id, calls.conversation_id, before.was_recorded,
                                 case when calls.given_up_at is null then calls.status_rank
                                      else ($7::smallint[])[calls.status_rank + 1] end as shown_rank
                   ), written_event as (
                       insert into call_events (call_id, organization_id, conversation_id, kind, status_rank)
                       select id, organization_id, conversation_id, $6, shown_rank
                         from attached
                        where not was_recorded
                       on conflict do nothing
                   )
                   select exists (select from attached) as "attached!""#,
                call_id.as_str(),
                recording.key.as_str(),
                recording.format.as_str(),
                size,
                stored_at,
                CallEventKind::RecordingReady.as_str(),
                &ranks_once_given_up()[..],
                PhoneNumber::ERASED
            )
        });
        attached.await.map(|_| ())
    }
}

//! Settlements, several in one statement.

use sql_common::{DIALLING, StatusMerges};
use tokio::time::Instant;

use crate::PostgresStore;
use crate::batch::{BatchedWork, Results};
use crate::statement::Access;
use crate::timestamp::PgTime;
use crate::work::SettlingWork;

/// Settles calls and changes their reservations. The ids merge as in `CallProgress::merge`: the
/// greater one stays. No organization is in the predicate, since the calls' ids are ours and were
/// made for these calls only. A statement that could both delete and change the reservations would
/// prepare both each time that it runs.
macro_rules! settle_calls {
    ($settlement:tt, $change_reservation:tt, $outcome:ident, $merges:ident, [$($column:expr),*] $(, $argument:expr)*) => {
        sqlx::query!(
            "with settlement as ("
                + $settlement
                + "
             ), before as (
                 select calls.id, calls.state, calls.status_rank
                   from settlement join calls on calls.id = settlement.call_id
                    for no key update of calls
             ), settled as (
                 update calls
                    set state = settlement.state, outcome_detail = settlement.outcome_detail,
                        settled_at = settlement.settled_at, dial_code = settlement.dial_code,
                        conversation_id = greatest(settlement.conversation_id, calls.conversation_id),
                        carrier_call_id = greatest(settlement.carrier_call_id, calls.carrier_call_id),
                        status_rank = ($10::smallint[])[before.status_rank + 1]
                   from before join settlement on settlement.call_id = before.id
                  where calls.id = before.id and before.state = any ($11)
                 returning calls.id, calls.organization_id, calls.conversation_id, calls.status_rank,
                           before.status_rank as rank_before, before.state = $12 as was_dialling,
                           settlement.key, settlement.token
             ), written_events as (
                 insert into call_events
                     (call_id, organization_id, conversation_id, kind, status_rank, end_reason)
                 select settled.id, settled.organization_id, settled.conversation_id, event.kind,
                        settled.status_rank, event.end_reason
                   from settled
                   join unnest((select $13::smallint[]), $14::text[], $15::text[])
                            with ordinality as event (rank_before, kind, end_reason, sequence)
                     on event.rank_before = settled.rank_before
                  order by event.sequence
                 on conflict do nothing
             ), changed_reservation as ("
                + $change_reservation
                + ")
             select exists (select from settled) as \"settled!\"",
            $($column,)*
            &$merges.ranks_after,
            $outcome.replaces as _,
            DIALLING,
            &$merges.event_ranks_before,
            &$merges.event_kinds as _,
            &$merges.event_end_reasons as _
            $(, $argument)*
        )
    };
}

/// The statements for outcomes that release reservations, and for those that hold them.
macro_rules! settle {
    ($store:ident, $end_by:ident, $first:ident, $settlement:tt, $columns:tt) => {{
        let outcome = $first.columns();
        // The statement does not know a call's status, which reports may have raised. The domain
        // decides for each status that it may have, and the statement picks by its rank.
        let merges = StatusMerges::of($first.status, outcome.end_reason);
        // A reservation changes only if its call does, and only for its own token: a second
        // settlement, or a late one of an older call, must not change it. If the outcome was
        // unknown, the reservation is never shortened, since the phone may ring until its end.
        // The attempts of calls that were not dialled are taken back after the reservations: a
        // booking locks them in this order, so that neither waits for the other.
        if outcome.releases {
            let released = $store.rows_by($end_by, Access::Write, || {
                settle_calls!(
                    $settlement,
                    "delete from dial_guards as reservation using settled
                      where reservation.key = settled.key and reservation.token = settled.token
                     returning reservation.key
             ), freed_keys as (
                 delete from idempotency_keys as freed using settled where freed.call_id = settled.id
             ), undialled as (
                 select calls.organization_id, calls.to_number, coalesce(calls.subject, '') as subject,
                        array_agg(calls.id) as call_ids
                   from settled join calls on calls.id = settled.id
                  where (select count(*) from changed_reservation) >= 0
                  group by calls.organization_id, calls.to_number, coalesce(calls.subject, '')
                  order by calls.organization_id, calls.to_number, coalesce(calls.subject, '')
             ), taken_back as (
                 update call_attempts as existing
                    set attempted_at = array(
                            select attempt.at
                              from unnest(existing.attempted_at, existing.call_ids)
                                   with ordinality as attempt (at, call_id, place)
                             where attempt.call_id <> all (undialled.call_ids)
                             order by attempt.place),
                        call_ids = array(
                            select attempt.call_id
                              from unnest(existing.call_ids) with ordinality as attempt (call_id, place)
                             where attempt.call_id <> all (undialled.call_ids)
                             order by attempt.place)
                   from undialled
                  where existing.organization_id = undialled.organization_id
                    and existing.phone_number = undialled.to_number and existing.subject = undialled.subject
                    and existing.call_ids && undialled.call_ids",
                    outcome,
                    merges,
                    $columns
                )
            });
            released.await?;
        } else {
            let held = $store.rows_by($end_by, Access::Write, || {
                settle_calls!(
                    $settlement,
                    "update dial_guards as reservation
                        set blocked_until = greatest(
                                clock_timestamp() + make_interval(secs => $16),
                                case when not settled.was_dialling then reservation.blocked_until end)
                       from settled
                      where reservation.key = settled.key and reservation.token = settled.token and $17",
                    outcome,
                    merges,
                    $columns,
                    $first.hold_for.as_secs_f64(),
                    outcome.holds
                )
            });
            held.await?;
        }
    }};
}

/// The arguments of one statement.
#[derive(Default)]
struct Columns<'a> {
    call_ids: Vec<&'a str>,
    keys: Vec<&'a str>,
    tokens: Vec<&'a str>,
    states: Vec<&'a str>,
    outcome_details: Vec<Option<&'a str>>,
    dial_codes: Vec<Option<&'a str>>,
    conversation_ids: Vec<Option<&'a str>>,
    carrier_call_ids: Vec<Option<&'a str>>,
    settled_at: Vec<PgTime>,
}

impl<'a> Columns<'a> {
    /// In the order of their keys, in which a batch of bookings locks the reservations: it also locks
    /// those that block a booking.
    fn of(batch: &'a [SettlingWork]) -> Self {
        let mut columns = Self::default();
        let mut ordered: Vec<&SettlingWork> = batch.iter().collect();
        ordered.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        for work in ordered {
            let outcome = work.columns();
            columns.call_ids.push(work.call_id.as_str());
            columns.keys.push(work.key.as_str());
            columns.tokens.push(work.token.as_str());
            columns.states.push(outcome.state);
            columns.outcome_details.push(outcome.outcome_detail);
            columns.dial_codes.push(outcome.dial_code);
            columns.conversation_ids.push(outcome.conversation_id);
            columns.carrier_call_ids.push(outcome.carrier_call_id);
            columns.settled_at.push(work.settled_at);
        }
        columns
    }
}

impl BatchedWork for SettlingWork {
    type Output = ();

    fn fits(&self, other: &Self) -> bool {
        self.call_id != other.call_id && self.key != other.key && self.kind() == other.kind()
    }

    async fn run(store: &PostgresStore, batch: &[Self], end_by: Instant) -> Results<()> {
        let Some(first) = batch.first() else { return Ok(Vec::new()) };
        if batch.len() == 1 {
            // The statement without arrays costs the server less for one settlement.
            let column = first.columns();
            settle!(
                store,
                end_by,
                first,
                "select $1::text as call_id, $2::text as key, $3::text as token, $4::text as state,
                        $5::text as outcome_detail, $6::text as dial_code, $7::text as conversation_id,
                        $8::text as carrier_call_id, $9::timestamptz as settled_at",
                [
                    first.call_id.as_str(),
                    first.key.as_str(),
                    first.token.as_str(),
                    column.state,
                    column.outcome_detail,
                    column.dial_code,
                    column.conversation_id,
                    column.carrier_call_id,
                    first.settled_at
                ]
            );
        } else {
            let columns = Columns::of(batch);
            settle!(
                store,
                end_by,
                first,
                "select *
                   from unnest((select $1::text[]), $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                               $7::text[], $8::text[], $9::timestamptz[])
                     as settlement (call_id, key, token, state, outcome_detail, dial_code, conversation_id,
                                    carrier_call_id, settled_at)",
                [
                    &columns.call_ids as _,
                    &columns.keys as _,
                    &columns.tokens as _,
                    &columns.states as _,
                    &columns.outcome_details as _,
                    &columns.dial_codes as _,
                    &columns.conversation_ids as _,
                    &columns.carrier_call_ids as _,
                    &columns.settled_at as _
                ]
            );
        }
        Ok(vec![Ok(()); batch.len()])
    }
}

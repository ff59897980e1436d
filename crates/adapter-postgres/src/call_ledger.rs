use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{CallLedger, HoldResult, PortUnavailable, Settlement, UndecidedCall};
use domain::{Booking, CallEventKind, CallReason, CallStatus, IntentKey, TakeOver};
use sql_common::{
    DIALLING, HoldColumns, LEAST_RANK_OF_AN_END, NOT_CONNECTED_RANKS, OutcomeColumns, StatusMerges, Table,
    UNDECIDED_STATES, UndecidedColumns,
};

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::{Access, Failure};
use crate::timestamp::PgTime;

/// Settles a call and changes its reservation. The ids merge as in `CallProgress::merge`: the greater
/// one stays. No organization is in the predicate, since the call's id is ours and was made for this
/// call only. A statement that could both delete and change the reservation would prepare both each
/// time that it runs.
macro_rules! settle_call {
    ($change_reservation:tt, $settlement:ident, $outcome:ident, $settled_at:ident, $merges:ident
     $(, $argument:expr)*) => {
        sqlx::query!(
            "with before as (
                 select id, state, status_rank from calls where id = $1 for no key update
             ), settled as (
                 update calls
                    set state = $2, outcome_detail = $3, settled_at = $4, dial_code = $14,
                        conversation_id = greatest($5, calls.conversation_id),
                        carrier_call_id = greatest($6, calls.carrier_call_id),
                        status_rank = ($7::smallint[])[before.status_rank + 1]
                   from before
                  where calls.id = before.id and before.state = any ($8)
                 returning calls.id, calls.organization_id, calls.conversation_id, calls.status_rank,
                           before.status_rank as rank_before, before.state = $9 as was_dialling
             ), written_events as (
                 insert into call_events
                     (call_id, organization_id, conversation_id, kind, status_rank, end_reason)
                 select settled.id, settled.organization_id, settled.conversation_id, event.kind,
                        settled.status_rank, event.end_reason
                   from settled
                   join unnest($10::smallint[], $11::text[], $15::text[])
                            with ordinality as event (rank_before, kind, end_reason, sequence)
                     on event.rank_before = settled.rank_before
                  order by event.sequence
                 on conflict do nothing
             ), changed_reservation as ("
                + $change_reservation
                + ")
             select exists (select from settled) as \"settled!\"",
            $settlement.call_id.as_str(),
            $outcome.state,
            $outcome.outcome_detail,
            $settled_at,
            $outcome.conversation_id,
            $outcome.carrier_call_id,
            &$merges.ranks_after,
            $outcome.replaces as _,
            DIALLING,
            &$merges.event_ranks_before,
            &$merges.event_kinds as _,
            $settlement.key.as_str(),
            $settlement.token.as_str(),
            $outcome.dial_code,
            &$merges.event_end_reasons as _
            $(, $argument)*
        )
    };
}

#[async_trait]
impl CallLedger for PostgresStore {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let booked_at = PgTime::stored(booking.booked_at)?;
        // Never repeated after a broken connection: the first attempt may have booked the call, and
        // would block the second. `clock_timestamp()` gives the time at which the row is written,
        // after any wait for a concurrent booking. User, contact and agent have no foreign keys,
        // which would lock the rows that every call of theirs names: they are looked up instead. A
        // booking that is granted returns one row, any other none.
        let granted = self.row(Access::WriteOnce, || {
            sqlx::query!(
                r#"with reservation as (
                       insert into dial_guards as existing (key, token, call_id, blocked_until)
                       select $1, $2, $3, clock_timestamp() + make_interval(secs => $4)
                        where exists (select from users where organization_id = $5 and id = $6)
                          and exists (select from contacts where organization_id = $5 and id = $7)
                          and exists (select from agents where organization_id = $5 and id = $8)
                       on conflict on constraint dial_guards_pkey do update
                          set token = excluded.token, call_id = excluded.call_id,
                              blocked_until = clock_timestamp() + make_interval(secs => $4)
                        where existing.blocked_until <= clock_timestamp()
                          and ($16 or not exists (
                              select from calls as undecided
                               where undecided.id = existing.call_id and undecided.state = any ($17)
                                 and undecided.status_rank <> all ($18) and undecided.given_up_at is null))
                       returning call_id
                   ), booked as (
                       insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason,
                                          state, status_rank, booked_at)
                       select call_id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 from reservation
                       returning id, organization_id, status_rank
                   )
                   insert into call_events (call_id, organization_id, kind, status_rank)
                   select id, organization_id, $15, status_rank from booked
                   returning true as "granted!""#,
                booking.key.as_str(),
                booking.token.as_str(),
                booking.identity.call_id.as_str(),
                booking.reserve_for.as_secs_f64(),
                booking.identity.organization_id.as_str(),
                booking.identity.user_id.as_str(),
                booking.identity.contact_id.as_str(),
                booking.identity.agent_id.as_str(),
                booking.identity.from.as_e164(),
                booking.identity.to.as_e164(),
                booking.reason.as_ref().map(CallReason::as_str),
                DIALLING,
                i16::from(CallStatus::Initiated.rank()),
                booked_at,
                CallEventKind::Initiated.as_str(),
                booking.take_over == TakeOver::Expired,
                &UNDECIDED_STATES as _,
                &NOT_CONNECTED_RANKS
            )
        });
        self.bounded(async {
            if granted.await?.is_some() {
                return Ok(HoldResult::Granted);
            }
            // A statement of its own: the booking saw the ledger as it was when it began, and the
            // reservation that blocks it may be younger.
            self.find_hold(booking).await
        })
        .await
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                UndecidedColumns::<PgTime>,
                r#"select calls.id, calls.conversation_id, calls.booked_at, agents.provider_agent_id,
                          calls.carrier_call_id, calls.status_rank,
                          floor(extract(epoch from clock_timestamp() - existing.blocked_until) * 1000)::bigint
                              as "expired_for_millis!"
                     from dial_guards as existing
                     join calls on calls.id = existing.call_id
                     left join agents on agents.organization_id = calls.organization_id and agents.id = calls.agent_id
                    where existing.key = $1 and existing.blocked_until <= clock_timestamp()
                      and calls.state = any ($2) and calls.status_rank <> all ($3)
                      and calls.given_up_at is null"#,
                key.as_str(),
                &UNDECIDED_STATES as _,
                &NOT_CONNECTED_RANKS
            )
        })
        .await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        let settled_at = PgTime::stored(settlement.settled_at)?;
        let outcome = OutcomeColumns::from(settlement.outcome);
        // The statement does not know the call's status, which reports may have raised. The domain
        // decides for each status that it may have, and the statement picks by its rank.
        let merges = StatusMerges::of(settlement.status, outcome.end_reason);
        // The reservation changes only if the call does, and only for its own token: a second
        // settlement, or a late one of an older call, must not change it. If the outcome was
        // unknown, the reservation is never shortened, since the phone may ring until its end.
        if outcome.releases {
            let released = self.row(Access::Write, || {
                settle_call!(
                    "delete from dial_guards as reservation using settled
                      where reservation.key = $12 and reservation.token = $13",
                    settlement,
                    outcome,
                    settled_at,
                    merges
                )
            });
            released.await.map(|_| ())
        } else {
            let held = self.row(Access::Write, || {
                settle_call!(
                    "update dial_guards as reservation
                        set blocked_until = greatest(
                                clock_timestamp() + make_interval(secs => $16),
                                case when not settled.was_dialling then reservation.blocked_until end)
                       from settled
                      where reservation.key = $12 and reservation.token = $13 and $17",
                    settlement,
                    outcome,
                    settled_at,
                    merges,
                    settlement.hold_for.as_secs_f64(),
                    outcome.holds
                )
            });
            held.await.map(|_| ())
        }
    }

    /// Without an index of the time, which every settlement would have to change: it reads the
    /// table, which is small because of this. A reservation that is taken over meanwhile is
    /// skipped, and so is one that another process removes.
    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        let removed = self.only_row(Access::Write, || {
            sqlx::query!(
                r#"with expired as (
                       select key
                         from dial_guards
                        where blocked_until <= clock_timestamp() - make_interval(secs => $1)
                          and not exists (
                              select from calls
                               where calls.id = dial_guards.call_id and calls.state = any ($2)
                                 and calls.status_rank < $3 and calls.given_up_at is null)
                        limit $4
                          for update of dial_guards skip locked
                   ), removed as (
                       delete from dial_guards using expired where dial_guards.key = expired.key returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                expired_for.as_secs_f64(),
                &UNDECIDED_STATES as _,
                LEAST_RANK_OF_AN_END,
                i64::from(limit)
            )
        });
        Ok(u64::try_from(removed.await?.removed).unwrap_or_default())
    }
}

impl PostgresStore {
    /// What blocks a booking. It is an error if nothing can: the booking names what is not stored.
    async fn find_hold(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let identity = &booking.identity;
        let blocked = self.only_row(Access::Read, || {
            sqlx::query!(
                r#"select holder.id as "call_id?", holder.state as "state?", holder.outcome_detail,
                          holder.conversation_id, holder.carrier_call_id,
                          ceil(extract(epoch from existing.blocked_until - clock_timestamp()) * 1000)::bigint
                              as remaining_millis,
                          exists (select from users where organization_id = $2 and id = $3)
                          and exists (select from contacts where organization_id = $2 and id = $4)
                          and exists (select from agents where organization_id = $2 and id = $5)
                              as "has_known_parties!"
                     from (select) as always
                     left join dial_guards as existing on existing.key = $1
                     left join calls as holder on holder.id = existing.call_id"#,
                booking.key.as_str(),
                identity.organization_id.as_str(),
                identity.user_id.as_str(),
                identity.contact_id.as_str(),
                identity.agent_id.as_str()
            )
        });
        let blocked = blocked.await?;
        let hold = HoldColumns {
            call_id: blocked.call_id,
            state: blocked.state,
            outcome_detail: blocked.outcome_detail,
            conversation_id: blocked.conversation_id,
            carrier_call_id: blocked.carrier_call_id,
            remaining_millis: blocked.remaining_millis,
        };
        match hold.read(Table("calls")).map_err(Failure::from)? {
            Some(result) => Ok(result),
            None if !blocked.has_known_parties => {
                Err(because("the user, the contact or the agent of a call is not stored"))
            }
            // The reservation has ended meanwhile: the caller decides whether to try again.
            None => Ok(HoldResult::InFlight { remaining: Duration::from_millis(1) }),
        }
    }
}

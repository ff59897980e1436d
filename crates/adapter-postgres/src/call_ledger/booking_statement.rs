//! The statement that books calls, in its kinds: with idempotency keys or not, with attempts or not.

use std::collections::HashSet;

use domain::ports::PortUnavailable;
use domain::{
    AttemptCount, Booking, CallEventKind, CallMetadata, CallReason, CallStatus, CallSubject, KeyedRequest,
    TakeOver, TraceParent,
};
use sql_common::{
    DIALLING, NOT_CONNECTED_RANKS, UNDECIDED_STATES, cap_millis, caps_to_json, write_decision,
    write_variables,
};
use tokio::time::Instant;

use super::booking::Booked;
use crate::PostgresStore;
use crate::failure::{is_refused_attempt, violated_constraint};
use crate::statement::{Access, Mapping, Select};
use crate::timestamp::PgTime;
use crate::work::BookingWork;

// The SQL below keeps one attempt less than this of those that it finds.
const _: () = assert!(AttemptCount::KEPT == 1_000);

/// Writes bookings, which `$booking` selects from their columns. A booking that is granted returns a row,
/// any other none.
///
/// `clock_timestamp()` gives the time at which a row is written, after any wait for a concurrent
/// booking. User, contact and agent have no foreign keys, which would lock the rows that every call of
/// theirs names: they are looked up instead. An erasure of the contact is waited for.
///
/// The other texts write the keys and count the attempts. They are empty for bookings without: the
/// server would otherwise prepare these writes each time.
macro_rules! book {
    (
        $booking:tt, [$key_is_free:tt, $written_keys:tt], [$counting:tt, $is_counted:tt],
        $first:expr, [$($column:expr),*]
    ) => {
        sqlx::query!(
            "with booking as ("
                + $booking
                + r#"
             ), reservation as (
                 insert into dial_guards as existing (key, token, call_id, blocked_until)
                 select key, token, call_id, clock_timestamp() + make_interval(secs => $1)
                   from booking
                  where (select true from users where organization_id = booking.organization_id and id = booking.user_id)
                    and contact_can_be_booked(booking.organization_id, booking.contact_id)
                    and (select true from agents where organization_id = booking.organization_id and id = booking.agent_id)
                    and not (refuse_suppressed and exists (
                        select from suppressions
                         where phone_number = booking.to_number
                           and (organization_id = booking.organization_id or organization_id is null)
                           and (expires_at is null or expires_at > booking.booked_at)))
                    and not (refuse_suppressed and exists (
                        select from suppressions
                         where contact_id = booking.contact_id
                           and (organization_id = booking.organization_id or organization_id is null)
                           and (expires_at is null or expires_at > booking.booked_at)))
                    and not (refuse_suppressed and exists (
                        select from suppressions
                         where number_hash = (select sha256(outer_block || sha256(inner_block
                                                                   || convert_to(booking.to_number, 'UTF8')))
                                                from number_hash_key where is_the_only_one)
                           and (organization_id = booking.organization_id or organization_id is null)
                           and (expires_at is null or expires_at > booking.booked_at)))"#
                + $key_is_free
                + r#"
                 on conflict on constraint dial_guards_pkey do update
                    set token = excluded.token, call_id = excluded.call_id,
                        blocked_until = clock_timestamp() + make_interval(secs => $1)
                  where existing.blocked_until <= clock_timestamp()
                    and ($2 or not exists (
                        select from calls as undecided
                         where undecided.id = existing.call_id and undecided.state = any ($3)
                           and undecided.status_rank <> all ($4) and undecided.given_up_at is null))
                 returning call_id
             )"#
                + $counting
                + r#", booked as (
                 insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason,
                                    variables, metadata, purpose, subject, decision, trace_parent, state, status_rank,
                                    booked_at)
                 select booking.call_id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason,
                        variables, metadata, purpose, subject, decision, trace_parent, $5, $6, booked_at
                   from reservation join booking using (call_id)"#
                + $is_counted
                + r#"
                 returning id, organization_id, status_rank
             )"#
                + $written_keys
                + r#"
             insert into call_events (call_id, organization_id, kind, status_rank)
             select id, organization_id, $7, status_rank from booked
             returning call_id"#,
            $first.reserve_for.as_secs_f64(),
            $first.take_over == TakeOver::Expired,
            &UNDECIDED_STATES as _,
            &NOT_CONNECTED_RANKS,
            DIALLING,
            i16::from(CallStatus::Initiated.rank()),
            CallEventKind::Initiated.as_str(),
            $($column),*
        )
        .map(|booked| booked.call_id)
    };
}

/// Books by the statement of the kind of the first booking. The others are of the same kind, and have the
/// same time and rule of taking over. `$more` are the columns of keys and attempts.
///
/// A statement writes in the same order as every other one, so that no two wait for each other: the
/// reservations, then the attempts, then the keys, each in the order of their keys.
///
/// Attempts: the row of a callee and subject is locked and then compared as it is by then, so that each
/// concurrent booking counts. The newest 999 of the others are kept. A booking whose attempt is refused has taken its reservation by then:
/// `refuse_attempt` fails the whole statement.
///
/// Keys: the condition keeps out keys that have a call already, so that the constraint fails a statement
/// only if another one writes the same key at the same time.
macro_rules! book_by_kind {
    ($store:expr, $end_by:expr, $first:expr, $rows:tt, $columns:tt, $more:tt) => {
        book_by_kind!(
            $store,
            $end_by,
            $first,
            $rows,
            $columns,
            $more,
            [
                "
                    and (select true from idempotency_keys as used
                          where used.user_id = booking.user_id and used.key_hash = booking.key_hash) is null",
                ", written_keys as (
                 insert into idempotency_keys (user_id, key_hash, request_digest, call_id, intent_key)
                 select user_id, key_hash, request_digest, call_id, key
                   from booked join booking on booking.call_id = booked.id
                  order by user_id, key_hash
             )"
            ],
            [
                r#", counted as (
                 insert into call_attempts as existing
                     (organization_id, phone_number, subject, attempted_at, call_ids, remember_millis)
                 select organization_id, to_number, coalesce(subject, ''), array[booked_at], array[call_id], remember_millis
                   from reservation join booking using (call_id)
                  where not exists (select from jsonb_to_recordset(caps::jsonb) as cap (attempts bigint) where attempts < 1)
                  order by organization_id collate "C", to_number collate "C", coalesce(subject, '') collate "C"
                 on conflict on constraint call_attempts_pkey do update
                    set attempted_at = array(
                            select attempt.at
                              from unnest(existing.attempted_at[cardinality(existing.attempted_at) - 998 :])
                                   with ordinality as attempt (at, place)
                             where attempt.at > excluded.attempted_at[1] - make_interval(
                                       secs => greatest(existing.remember_millis, excluded.remember_millis) / 1000.0)
                             order by attempt.place) || excluded.attempted_at,
                        call_ids = array(
                            select attempt.call_id
                              from unnest(existing.attempted_at[cardinality(existing.attempted_at) - 998 :],
                                          existing.call_ids[cardinality(existing.call_ids) - 998 :])
                                   with ordinality as attempt (at, call_id, place)
                             where attempt.at > excluded.attempted_at[1] - make_interval(
                                       secs => greatest(existing.remember_millis, excluded.remember_millis) / 1000.0)
                             order by attempt.place) || excluded.call_ids,
                        remember_millis = greatest(existing.remember_millis, excluded.remember_millis)
                  where not exists (
                        select from booking
                         cross join jsonb_to_recordset(booking.caps::jsonb) as cap (attempts bigint, within bigint)
                         where booking.call_id = excluded.call_ids[1]
                           and (select count(*) from unnest(existing.attempted_at) as attempt (at)
                                 where attempt.at > booking.booked_at - make_interval(secs => cap.within / 1000.0))
                               >= cap.attempts)
                 returning call_ids[cardinality(call_ids)] as call_id
             )"#,
                "
                   left join counted using (call_id)
                  where case when counted.call_id is null then refuse_attempt() else true end"
            ]
        )
    };
    (
        $store:expr, $end_by:expr, $first:expr, [$rows:tt, $rows_with_more:tt],
        [$($column:expr),*], [$($more:expr),*], $keys:tt, $attempts:tt
    ) => {
        match ($first.keyed.is_some(), $first.conditions.attempt.is_some()) {
            (false, false) => {
                let statement = || book!($rows, ["", ""], ["", ""], $first, [$($column),*]);
                run($store, $end_by, statement).await
            }
            (true, false) => {
                let statement = || {
                    book!($rows_with_more, $keys, ["", ""], $first, [$($column,)* $($more),*])
                };
                run($store, $end_by, statement).await
            }
            (false, true) => {
                let statement = || {
                    book!($rows_with_more, ["", ""], $attempts, $first, [$($column,)* $($more),*])
                };
                run($store, $end_by, statement).await
            }
            (true, true) => {
                let statement = || {
                    book!($rows_with_more, $keys, $attempts, $first, [$($column,)* $($more),*])
                };
                run($store, $end_by, statement).await
            }
        }
    };
}

/// The calls that are booked, or why the data has refused the statement, which has then written nothing.
pub(super) type BookedCalls = Result<HashSet<String>, Booked>;

async fn run<'q, M: Mapping<String>>(
    store: &PostgresStore,
    end_by: Instant,
    statement: impl Fn() -> Select<'q, M> + Sync,
) -> Result<BookedCalls, PortUnavailable> {
    let booked = store.rows_unless_refused(end_by, Access::WriteOnce, refusal, statement).await?;
    Ok(booked.map(HashSet::from_iter))
}

fn refusal(error: &sqlx::Error) -> Option<Booked> {
    match violated_constraint(error) {
        Some("idempotency_keys_pkey") => Some(Booked::KeyTaken),
        _ => is_refused_attempt(error).then_some(Booked::BeyondACap),
    }
}

/// Books several calls.
pub(super) async fn book_all(
    store: &PostgresStore,
    batch: &[BookingWork],
    end_by: Instant,
) -> Result<BookedCalls, PortUnavailable> {
    let Some(first) = batch.first() else { return Ok(Ok(HashSet::new())) };
    // In the order of their keys: two statements that wait for each other's reservations would
    // both fail.
    let mut ordered: Vec<&BookingWork> = batch.iter().collect();
    ordered.sort_unstable_by(|one, other| one.booking.key.cmp(&other.booking.key));
    let texts = |text: fn(&Booking) -> &str| -> Vec<&str> {
        ordered.iter().map(|work| text(&work.booking)).collect()
    };
    let optional = |text: fn(&Booking) -> Option<&str>| -> Vec<Option<&str>> {
        ordered.iter().map(|work| text(&work.booking)).collect()
    };
    let keys = texts(|booking| booking.key.as_str());
    let tokens = texts(|booking| booking.token.as_str());
    let call_ids = texts(|booking| booking.identity.call_id.as_str());
    let organizations = texts(|booking| booking.identity.organization_id.as_str());
    let users = texts(|booking| booking.identity.user_id.as_str());
    let contacts = texts(|booking| booking.identity.contact_id.as_str());
    let agents = texts(|booking| booking.identity.agent_id.as_str());
    let from = texts(|booking| booking.identity.from.as_e164());
    let to = texts(|booking| booking.identity.to.as_e164());
    let reasons = optional(|booking| booking.reason.as_ref().map(CallReason::as_str));
    let variables: Vec<Option<String>> =
        ordered.iter().map(|work| write_variables(&work.booking.variables)).collect();
    let metadata = optional(|booking| booking.metadata.as_ref().map(CallMetadata::as_json));
    let times: Vec<PgTime> = ordered.iter().map(|work| work.booked_at).collect();
    let purposes = texts(|booking| booking.conditions.purpose.as_str());
    let subjects = optional(|booking| booking.conditions.subject.as_ref().map(CallSubject::as_str));
    let decisions: Vec<Option<String>> = ordered.iter().map(|work| work.decision()).collect();
    let refusing: Vec<bool> = ordered.iter().map(|work| work.booking.conditions.refuse_suppressed).collect();
    let traces = optional(|booking| booking.trace.as_ref().map(TraceParent::as_str));
    let caps: Vec<String> = ordered.iter().map(|work| work.caps()).collect();
    let remember: Vec<i64> = ordered.iter().map(|work| work.remember_millis()).collect();
    let keyed = |text: fn(&KeyedRequest) -> &str| -> Vec<Option<&str>> {
        ordered.iter().map(|work| work.booking.keyed.as_ref().map(text)).collect()
    };
    let key_hashes = keyed(|request| request.key.as_hash());
    let digests = keyed(|request| request.digest.as_str());
    book_by_kind!(
        store,
        end_by,
        first.booking,
        [
            "select *
               from unnest((select $8::text[]), $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                           $14::text[], $15::text[], $16::text[], $17::text[], $18::timestamptz[], $19::text[], $20::text[],
                           $21::text[], $22::text[], $23::text[], $24::boolean[], $25::text[])
                 as booking (key, token, call_id, organization_id, user_id, contact_id, agent_id, from_number,
                             to_number, reason, booked_at, variables, metadata, purpose, subject, decision,
                             refuse_suppressed, trace_parent)",
            "select *
               from unnest((select $8::text[]), $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                           $14::text[], $15::text[], $16::text[], $17::text[], $18::timestamptz[], $19::text[], $20::text[],
                           $21::text[], $22::text[], $23::text[], $24::boolean[], $25::text[], $26::text[],
                           $27::bigint[], $28::text[], $29::text[])
                 as booking (key, token, call_id, organization_id, user_id, contact_id, agent_id, from_number,
                             to_number, reason, booked_at, variables, metadata, purpose, subject, decision,
                             refuse_suppressed, trace_parent, caps, remember_millis, key_hash, request_digest)"
        ],
        [
            &keys as _,
            &tokens as _,
            &call_ids as _,
            &organizations as _,
            &users as _,
            &contacts as _,
            &agents as _,
            &from as _,
            &to as _,
            &reasons as _,
            &times as _,
            &variables as _,
            &metadata as _,
            &purposes as _,
            &subjects as _,
            &decisions as _,
            &refusing,
            &traces as _
        ],
        [&caps, &remember, &key_hashes as _, &digests as _]
    )
}

impl BookingWork {
    /// The statement without arrays, which costs the server less for one booking.
    pub(super) async fn book(
        &self,
        store: &PostgresStore,
        end_by: Instant,
    ) -> Result<BookedCalls, PortUnavailable> {
        let Booking {
            identity, key, token, reason, variables, metadata, conditions: call, keyed, trace, ..
        } = &self.booking;
        book_by_kind!(
            store,
            end_by,
            self.booking,
            [
                "select $8::text as key, $9::text as token, $10::text as call_id, $11::text as organization_id,
                        $12::text as user_id, $13::text as contact_id, $14::text as agent_id, $15::text as from_number,
                        $16::text as to_number, $17::text as reason, $18::timestamptz as booked_at,
                        $19::text as variables, $20::text as metadata, $21::text as purpose, $22::text as subject,
                        $23::text as decision, $24::boolean as refuse_suppressed, $25::text as trace_parent",
                "select $8::text as key, $9::text as token, $10::text as call_id, $11::text as organization_id,
                        $12::text as user_id, $13::text as contact_id, $14::text as agent_id, $15::text as from_number,
                        $16::text as to_number, $17::text as reason, $18::timestamptz as booked_at,
                        $19::text as variables, $20::text as metadata, $21::text as purpose, $22::text as subject,
                        $23::text as decision, $24::boolean as refuse_suppressed, $25::text as trace_parent,
                        $26::text as caps, $27::bigint as remember_millis, $28::text as key_hash,
                        $29::text as request_digest"
            ],
            [
                key.as_str(),
                token.as_str(),
                identity.call_id.as_str(),
                identity.organization_id.as_str(),
                identity.user_id.as_str(),
                identity.contact_id.as_str(),
                identity.agent_id.as_str(),
                identity.from.as_e164(),
                identity.to.as_e164(),
                reason.as_ref().map(CallReason::as_str),
                self.booked_at,
                write_variables(variables),
                metadata.as_ref().map(CallMetadata::as_json),
                call.purpose.as_str(),
                call.subject.as_ref().map(CallSubject::as_str),
                self.decision(),
                call.refuse_suppressed,
                trace.as_ref().map(TraceParent::as_str)
            ],
            [
                self.caps(),
                self.remember_millis(),
                keyed.as_ref().map(|request| request.key.as_hash()),
                keyed.as_ref().map(|request| request.digest.as_str())
            ]
        )
    }

    fn decision(&self) -> Option<String> {
        self.booking.conditions.decision.as_deref().map(write_decision)
    }

    fn caps(&self) -> String {
        caps_to_json(self.booking.conditions.attempt.as_ref().map_or(&[], |attempt| &attempt.caps))
    }

    fn remember_millis(&self) -> i64 {
        self.booking.conditions.attempt.as_ref().map_or(0, |attempt| cap_millis(attempt.remember_for))
    }
}

//! Bookings, several in one statement.

use std::collections::HashSet;

use domain::ports::PortUnavailable;
use domain::{Booking, CallEventKind, CallMetadata, CallReason, CallStatus, CallSubject, TakeOver};
use sql_common::{
    DIALLING, NOT_CONNECTED_RANKS, UNDECIDED_STATES, cap_millis, caps_to_json, write_decision,
    write_variables,
};
use tokio::time::Instant;

use crate::PostgresStore;
use crate::batch::BatchedWork;
use crate::failure::is_refused_attempt;
use crate::outbound_directory::subject;
use crate::statement::Access;
use crate::timestamp::PgTime;
use crate::work::BookingWork;

/// Writes bookings, which `$booking` selects from their columns. A booking that is granted returns a row,
/// any other none.
///
/// `clock_timestamp()` gives the time at which a row is written, after any wait for a concurrent
/// booking. User, contact and agent have no foreign keys, which would lock the rows that every call of
/// theirs names: they are looked up instead.
///
/// `$counting` and `$is_counted` are empty, or count the attempts.
macro_rules! book {
    ($booking:tt, $counting:tt, $is_counted:tt, $reserve_for:expr, $take_over:expr, [$($column:expr),*]) => {
        sqlx::query!(
            "with booking as ("
                + $booking
                + r#"
             ), reservation as (
                 insert into dial_guards as existing (key, token, call_id, blocked_until)
                 select key, token, call_id, clock_timestamp() + make_interval(secs => $1)
                   from booking
                  where (select true from users where organization_id = booking.organization_id and id = booking.user_id)
                    and (select true from contacts where organization_id = booking.organization_id and id = booking.contact_id)
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
                                    variables, metadata, purpose, subject, decision, state, status_rank, booked_at)
                 select booking.call_id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason,
                        variables, metadata, purpose, subject, decision, $5, $6, booked_at
                   from reservation join booking using (call_id)"#
                + $is_counted
                + r#"
                 returning id, organization_id, status_rank
             )
             insert into call_events (call_id, organization_id, kind, status_rank)
             select id, organization_id, $7, status_rank from booked
             returning call_id"#,
            $reserve_for.as_secs_f64(),
            $take_over == TakeOver::Expired,
            &UNDECIDED_STATES as _,
            &NOT_CONNECTED_RANKS,
            DIALLING,
            i16::from(CallStatus::Initiated.rank()),
            CallEventKind::Initiated.as_str(),
            $($column),*
        )
    };
}

/// The statement for bookings that count no attempts, and the one for bookings that all do.
///
/// Attempts are counted after the reservations, in the order of their keys, so that two statements do
/// not wait for each other. The row of a callee and subject is locked and then compared as it is by
/// then, so that each concurrent booking counts. A booking whose attempt is refused has taken its
/// reservation by then: `refuse_attempt` fails the whole statement.
macro_rules! book_by_kind {
    (
        $store:ident, $end_by:ident, $first:ident, [$rows:tt, $counted_rows:tt],
        [$($column:expr),*], [$($counted_column:expr),*]
    ) => {{
        let Booking { reserve_for, take_over, conditions, .. } = &$first.booking;
        if conditions.attempt.is_none() {
            let booked = $store.rows_by($end_by, Access::WriteOnce, || {
                book!($rows, "", "", reserve_for, *take_over, [$($column),*])
            });
            Some(booked.await?.into_iter().map(|row| row.call_id).collect())
        } else {
            let booked = $store.rows_unless_refused($end_by, Access::WriteOnce, is_refused_attempt, || {
                book!(
                    $counted_rows,
                    r#", counted as (
                 insert into call_attempts as existing
                     (organization_id, phone_number, subject, attempted_at, call_ids, remember_millis)
                 select organization_id, to_number, coalesce(subject, ''), array[booked_at], array[call_id], remember_millis
                   from reservation join booking using (call_id)
                  where not exists (select from jsonb_to_recordset(caps::jsonb) as cap (attempts bigint) where attempts < 1)
                  order by organization_id, to_number, coalesce(subject, '')
                 on conflict on constraint call_attempts_pkey do update
                    set attempted_at = array(
                            select attempt.at
                              from unnest(existing.attempted_at) with ordinality as attempt (at, place)
                             where attempt.at > excluded.attempted_at[1] - make_interval(
                                       secs => greatest(existing.remember_millis, excluded.remember_millis) / 1000.0)
                             order by attempt.place) || excluded.attempted_at,
                        call_ids = array(
                            select attempt.call_id
                              from unnest(existing.attempted_at, existing.call_ids)
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
                  where case when counted.call_id is null then refuse_attempt() else true end",
                    reserve_for,
                    *take_over,
                    [$($column,)* $($counted_column),*]
                )
            });
            booked.await?.map(|booked| booked.into_iter().map(|row| row.call_id).collect())
        }
    }};
}

/// What became of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Booked {
    Granted,
    /// Something blocks it: see `find_hold`.
    Blocked,
    /// One more attempt would exceed a cap.
    BeyondACap,
}

/// The calls that are booked; `None` if an attempt was refused, and so nothing written.
type BookedCalls = Option<HashSet<String>>;

impl BatchedWork for BookingWork {
    type Output = Booked;

    fn fits(&self, other: &Self) -> bool {
        let (one, other) = (&self.booking, &other.booking);
        one.key != other.key
            && one.take_over == other.take_over
            && one.reserve_for == other.reserve_for
            && match (&one.conditions.attempt, &other.conditions.attempt) {
                (None, None) => true,
                (Some(_), Some(_)) => attempt_key(one) != attempt_key(other),
                _ => false,
            }
    }

    /// Never repeated after a broken connection: the first attempt may have booked the calls, and
    /// would block the second.
    async fn run(
        store: &PostgresStore,
        batch: &[Self],
        end_by: Instant,
    ) -> Result<Vec<Booked>, PortUnavailable> {
        if let [only] = batch {
            return Ok(vec![only.book(store, end_by).await?]);
        }
        if let Some(booked) = book_all(store, batch, end_by).await? {
            let is_booked = |work: &Self| booked.contains(work.booking.identity.call_id.as_str());
            return Ok(batch.iter().map(|work| Booked::of(is_booked(work))).collect());
        }
        // One of them is beyond a cap, and kept the others from being booked.
        let mut booked = Vec::with_capacity(batch.len());
        for work in batch {
            booked.push(work.book(store, end_by).await?);
        }
        Ok(booked)
    }
}

impl Booked {
    const fn of(is_booked: bool) -> Self {
        if is_booked { Self::Granted } else { Self::Blocked }
    }
}

/// The row that counts the attempt of a booking.
fn attempt_key(booking: &Booking) -> (&str, &str, &str) {
    let identity = &booking.identity;
    let subject = subject(booking.conditions.subject.as_ref());
    (identity.organization_id.as_str(), identity.to.as_e164(), subject)
}

async fn book_all(
    store: &PostgresStore,
    batch: &[BookingWork],
    end_by: Instant,
) -> Result<BookedCalls, PortUnavailable> {
    let Some(first) = batch.first() else { return Ok(Some(HashSet::new())) };
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
    let caps: Vec<String> = ordered.iter().map(|work| work.caps()).collect();
    let remember: Vec<i64> = ordered.iter().map(|work| work.remember_millis()).collect();
    Ok(book_by_kind!(
        store,
        end_by,
        first,
        [
            "select *
               from unnest((select $8::text[]), $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                           $14::text[], $15::text[], $16::text[], $17::text[], $18::timestamptz[], $19::text[], $20::text[],
                           $21::text[], $22::text[], $23::text[], $24::boolean[])
                 as booking (key, token, call_id, organization_id, user_id, contact_id, agent_id, from_number,
                             to_number, reason, booked_at, variables, metadata, purpose, subject, decision,
                             refuse_suppressed)",
            "select *
               from unnest((select $8::text[]), $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                           $14::text[], $15::text[], $16::text[], $17::text[], $18::timestamptz[], $19::text[], $20::text[],
                           $21::text[], $22::text[], $23::text[], $24::boolean[], $25::text[], $26::bigint[])
                 as booking (key, token, call_id, organization_id, user_id, contact_id, agent_id, from_number,
                             to_number, reason, booked_at, variables, metadata, purpose, subject, decision,
                             refuse_suppressed, caps, remember_millis)"
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
            &refusing
        ],
        [&caps, &remember]
    ))
}

impl BookingWork {
    /// The statement without arrays, which costs the server less for one booking.
    async fn book(&self, store: &PostgresStore, end_by: Instant) -> Result<Booked, PortUnavailable> {
        let Booking { identity, key, token, reason, variables, metadata, .. } = &self.booking;
        let (call, first) = (&self.booking.conditions, self);
        let booked: BookedCalls = book_by_kind!(
            store,
            end_by,
            first,
            [
                "select $8::text as key, $9::text as token, $10::text as call_id, $11::text as organization_id,
                        $12::text as user_id, $13::text as contact_id, $14::text as agent_id, $15::text as from_number,
                        $16::text as to_number, $17::text as reason, $18::timestamptz as booked_at,
                        $19::text as variables, $20::text as metadata, $21::text as purpose, $22::text as subject,
                        $23::text as decision, $24::boolean as refuse_suppressed",
                "select $8::text as key, $9::text as token, $10::text as call_id, $11::text as organization_id,
                        $12::text as user_id, $13::text as contact_id, $14::text as agent_id, $15::text as from_number,
                        $16::text as to_number, $17::text as reason, $18::timestamptz as booked_at,
                        $19::text as variables, $20::text as metadata, $21::text as purpose, $22::text as subject,
                        $23::text as decision, $24::boolean as refuse_suppressed, $25::text as caps,
                        $26::bigint as remember_millis"
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
                call.refuse_suppressed
            ],
            [self.caps(), self.remember_millis()]
        );
        Ok(booked.map_or(Booked::BeyondACap, |booked| Booked::of(!booked.is_empty())))
    }

    fn decision(&self) -> Option<String> {
        self.booking.conditions.decision.as_ref().map(write_decision)
    }

    fn caps(&self) -> String {
        caps_to_json(self.booking.conditions.attempt.as_ref().map_or(&[], |attempt| &attempt.caps))
    }

    fn remember_millis(&self) -> i64 {
        self.booking.conditions.attempt.as_ref().map_or(0, |attempt| cap_millis(attempt.remember_for))
    }
}

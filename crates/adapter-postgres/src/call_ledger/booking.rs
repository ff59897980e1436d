//! Bookings, several in one statement.

use std::collections::HashSet;

use domain::ports::PortUnavailable;
use domain::{Booking, CallEventKind, CallMetadata, CallReason, CallStatus, TakeOver};
use sql_common::{DIALLING, NOT_CONNECTED_RANKS, UNDECIDED_STATES, write_variables};
use tokio::time::Instant;

use crate::PostgresStore;
use crate::batch::BatchedWork;
use crate::statement::Access;
use crate::timestamp::PgTime;
use crate::work::BookingWork;

/// Writes bookings, which `$booking` selects from the thirteen columns. A booking that is granted returns
/// a row, any other none.
///
/// `clock_timestamp()` gives the time at which a row is written, after any wait for a concurrent
/// booking. User, contact and agent have no foreign keys, which would lock the rows that every call of
/// theirs names: they are looked up instead.
macro_rules! book {
    ($booking:tt, $reserve_for:expr, $take_over:expr, [$($column:expr),*]) => {
        sqlx::query!(
            "with booking as ("
                + $booking
                + r#"
             ), reservation as (
                 insert into dial_guards as existing (key, token, call_id, blocked_until)
                 select key, token, call_id, clock_timestamp() + make_interval(secs => $14)
                   from booking
                  where (select true from users where organization_id = booking.organization_id and id = booking.user_id)
                    and (select true from contacts where organization_id = booking.organization_id and id = booking.contact_id)
                    and (select true from agents where organization_id = booking.organization_id and id = booking.agent_id)
                 on conflict on constraint dial_guards_pkey do update
                    set token = excluded.token, call_id = excluded.call_id,
                        blocked_until = clock_timestamp() + make_interval(secs => $14)
                  where existing.blocked_until <= clock_timestamp()
                    and ($15 or not exists (
                        select from calls as undecided
                         where undecided.id = existing.call_id and undecided.state = any ($16)
                           and undecided.status_rank <> all ($17) and undecided.given_up_at is null))
                 returning call_id
             ), booked as (
                 insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason,
                                    variables, metadata, state, status_rank, booked_at)
                 select call_id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason,
                        variables, metadata, $18, $19, booked_at
                   from reservation join booking using (call_id)
                 returning id, organization_id, status_rank
             )
             insert into call_events (call_id, organization_id, kind, status_rank)
             select id, organization_id, $20, status_rank from booked
             returning call_id"#,
            $($column,)*
            $reserve_for.as_secs_f64(),
            $take_over == TakeOver::Expired,
            &UNDECIDED_STATES as _,
            &NOT_CONNECTED_RANKS,
            DIALLING,
            i16::from(CallStatus::Initiated.rank()),
            CallEventKind::Initiated.as_str()
        )
    };
}

impl BatchedWork for BookingWork {
    type Output = bool;

    fn fits(&self, other: &Self) -> bool {
        let (one, other) = (&self.booking, &other.booking);
        one.key != other.key && one.take_over == other.take_over && one.reserve_for == other.reserve_for
    }

    /// Never repeated after a broken connection: the first attempt may have booked the calls, and
    /// would block the second.
    async fn run(
        store: &PostgresStore,
        batch: &[Self],
        end_by: Instant,
    ) -> Result<Vec<bool>, PortUnavailable> {
        if let [only] = batch {
            return Ok(vec![only.book(store, end_by).await?]);
        }
        let Some(Self { booking: Booking { take_over, reserve_for, .. }, .. }) = batch.first() else {
            return Ok(Vec::new());
        };
        // In the order of their keys: two statements that wait for each other's reservations would
        // both fail.
        let mut ordered: Vec<&Self> = batch.iter().collect();
        ordered.sort_unstable_by(|one, other| one.booking.key.cmp(&other.booking.key));
        let texts = |text: fn(&Booking) -> &str| -> Vec<&str> {
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
        let reasons: Vec<Option<&str>> =
            ordered.iter().map(|work| work.booking.reason.as_ref().map(CallReason::as_str)).collect();
        let variables: Vec<Option<String>> =
            ordered.iter().map(|work| write_variables(&work.booking.variables)).collect();
        let metadata: Vec<Option<&str>> =
            ordered.iter().map(|work| work.booking.metadata.as_ref().map(CallMetadata::as_json)).collect();
        let times: Vec<PgTime> = ordered.iter().map(|work| work.booked_at).collect();
        let granted = store.rows_by(end_by, Access::WriteOnce, || {
            book!(
                "select *
                   from unnest((select $1::text[]), $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                               $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::text[], $13::text[])
                     as booking (key, token, call_id, organization_id, user_id, contact_id, agent_id, from_number,
                                 to_number, reason, booked_at, variables, metadata)",
                reserve_for,
                *take_over,
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
                    &metadata as _
                ]
            )
        });
        let granted: HashSet<String> = granted.await?.into_iter().map(|row| row.call_id).collect();
        Ok(batch.iter().map(|work| granted.contains(work.booking.identity.call_id.as_str())).collect())
    }
}

impl BookingWork {
    /// The statement without arrays, which costs the server less for one booking.
    async fn book(&self, store: &PostgresStore, end_by: Instant) -> Result<bool, PortUnavailable> {
        let Booking { identity, key, token, reason, variables, metadata, reserve_for, take_over, .. } =
            &self.booking;
        let granted = store.rows_by(end_by, Access::WriteOnce, || {
            book!(
                "select $1::text as key, $2::text as token, $3::text as call_id, $4::text as organization_id,
                        $5::text as user_id, $6::text as contact_id, $7::text as agent_id, $8::text as from_number,
                        $9::text as to_number, $10::text as reason, $11::timestamptz as booked_at,
                        $12::text as variables, $13::text as metadata",
                reserve_for,
                *take_over,
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
                    metadata.as_ref().map(CallMetadata::as_json)
                ]
            )
        });
        Ok(!granted.await?.is_empty())
    }
}

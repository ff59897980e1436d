pub(crate) mod booking;
mod booking_statement;
mod settling;

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{CallLedger, CountQuery, HoldResult, PortUnavailable, Settlement, UndecidedCall};
use domain::{Booking, IntentKey, RefusalCode, UserId};
use sql_common::{
    HoldColumns, LEAST_RANK_OF_AN_END, NOT_CONNECTED_RANKS, NOT_DIALLED, Table, UNDECIDED_STATES,
    UndecidedColumns,
};
use sqlx::{Connection, PgConnection};

use self::booking::Booked;
use crate::PostgresStore;
use crate::batch::Batches;
use crate::failure::because;
use crate::statement::{Access, Failure, Work};
use crate::store::ends_by;
use crate::timestamp::PgTime;
use crate::work::{BookingWork, SettlingWork};

const BEYOND_A_CAP: HoldResult = HoldResult::Refused(RefusalCode::AttemptCap);

#[async_trait]
impl CallLedger for PostgresStore {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let work = BookingWork::new(booking)?;
        let times = self.times();
        match Batches::run(&self.bookings, self, work, times).await? {
            Booked::Granted => return Ok(HoldResult::Granted),
            Booked::KeyTaken => return Ok(HoldResult::KeyTaken),
            Booked::BeyondACap if booking.keyed.is_none() => return Ok(BEYOND_A_CAP),
            Booked::BeyondACap => {
                // The attempt that counts may be of a call that has just got the key.
                let hold = ends_by(times.end_by, self.find_hold(booking)).await?;
                return Ok(if hold == HoldResult::KeyTaken { hold } else { BEYOND_A_CAP });
            }
            Booked::Blocked => {}
        }
        // A statement of its own: the booking saw the ledger as it was when it began, and the
        // reservation that blocks it may be younger.
        ends_by(times.end_by, self.find_hold(booking)).await
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
        let work = SettlingWork::new(settlement)?;
        Batches::run(&self.settlements, self, work, self.times()).await
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.run(&Removal { expired_for, limit }).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        let count = self.only_row(Access::Read, || {
            sqlx::query!(
                r#"select count(*) as "calls!"
                     from calls
                    where organization_id = $1 and booked_at >= $2 and state <> $3
                      and ($4::text is null or user_id = $4)"#,
                query.organization_id.as_str(),
                PgTime::bound(query.since) as _,
                NOT_DIALLED as _,
                query.user_id.map(UserId::as_str)
            )
        });
        Ok(u32::try_from(count.await?.calls).unwrap_or(u32::MAX))
    }
}

/// Removes reservations without an index of the time, which every settlement would have to change: it
/// reads the table, which is small because of this. A reservation that is taken over meanwhile is
/// skipped, and so is one that another process removes.
struct Removal {
    expired_for: Duration,
    limit: u32,
}

impl Work for Removal {
    type Output = u64;

    async fn run(&self, connection: &mut PgConnection) -> Result<u64, Failure> {
        let mut transaction = connection.begin().await?;
        // The only statement that has to read a whole table.
        sqlx::query!("set local enable_seqscan = on").execute(&mut *transaction).await?;
        let removed = sqlx::query!(
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
            self.expired_for.as_secs_f64(),
            &UNDECIDED_STATES as _,
            LEAST_RANK_OF_AN_END,
            i64::from(self.limit)
        );
        let removed = removed.fetch_one(&mut *transaction).await?.removed;
        transaction.commit().await?;
        Ok(u64::try_from(removed).unwrap_or_default())
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
                              as "has_known_parties!",
                          $6 and exists (
                              select from suppressions
                               where (phone_number = $7 or contact_id = $4
                                      or number_hash = (select sha256(outer_block || sha256(inner_block
                                                                              || convert_to($7, 'UTF8')))
                                                          from number_hash_key where is_the_only_one))
                                 and (organization_id = $2 or organization_id is null)
                                 and (expires_at is null or expires_at > $8)) as "is_suppressed!",
                          exists (select from idempotency_keys where user_id = $3 and key_hash = $9)
                              as "key_is_taken!"
                     from (select) as always
                     left join dial_guards as existing on existing.key = $1
                     left join calls as holder on holder.id = existing.call_id"#,
                booking.key.as_str(),
                identity.organization_id.as_str(),
                identity.user_id.as_str(),
                identity.contact_id.as_str(),
                identity.agent_id.as_str(),
                booking.conditions.refuse_suppressed,
                identity.to.as_e164(),
                PgTime::bound(booking.booked_at) as _,
                booking.keyed.as_ref().map(|request| request.key.as_hash())
            )
        });
        let blocked = blocked.await?;
        if blocked.key_is_taken {
            return Ok(HoldResult::KeyTaken);
        }
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
            None if blocked.is_suppressed => Ok(HoldResult::Refused(RefusalCode::CalleeOptedOut)),
            // The reservation has ended meanwhile, or the contact was erased: the caller decides whether
            // to try again.
            None => Ok(HoldResult::InFlight { remaining: Duration::from_millis(1) }),
        }
    }
}

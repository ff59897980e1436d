use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{CallLedger, HoldResult, PortUnavailable, Settlement, UndecidedCall};
use domain::{Booking, CallEventKind, CallMetadata, CallReason, CallStatus, IntentKey, TakeOver};
use sql_common::{
    DIALLING, HoldColumns, NOT_CONNECTED_RANKS, OutcomeColumns, Table, UNDECIDED_STATES, UndecidedColumns,
    read_status, write_variables,
};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::call_event::write_event;
use crate::clock::HostTime;
use crate::failure::{STORAGE_LIMIT, unreadable, within};
use crate::statement::{execute, row};
use crate::sweep::remove_reservations;

#[async_trait]
impl CallLedger for SqliteStore {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let (began, booking) = (Instant::now(), Arc::new(booking.clone()));
        let book = self.connections.write_synced(move |writer| {
            let booking = Arc::clone(&booking);
            Box::pin(async move { book(writer, &booking).await })
        });
        let result = within(STORAGE_LIMIT, book).await?;
        if result == HoldResult::Granted {
            self.connections.last_write.note(began);
        }
        Ok(result)
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        let now = HostTime::now();
        self.read_row(sqlx::query_as!(
            UndecidedColumns::<i64>,
            r#"select calls.id, conversation_id, booked_at, carrier_call_id, status_rank as "status_rank: i16",
                      iif(boot_id = ?2, ?3 + boot_offset, ?4) - blocked_until as "expired_for_millis!: i64",
                      (select provider_agent_id from agents where agents.id = agent_id) as "provider_agent_id: String"
               from dial_guards join calls on calls.id = dial_guards.call_id
               where key = ?1 and blocked_until <= iif(boot_id = ?2, ?3 + boot_offset, ?4)
                   and state in (?5, ?6) and status_rank not in (?7, ?8, ?9) and given_up_at is null"#,
            key.as_str(),
            now.boot_id,
            now.since_boot,
            now.wall_millis(),
            UNDECIDED_STATES[0],
            UNDECIDED_STATES[1],
            NOT_CONNECTED_RANKS[0],
            NOT_CONNECTED_RANKS[1],
            NOT_CONNECTED_RANKS[2]
        ))
        .await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        let began = Instant::now();
        let &Settlement { call_id, key, token, outcome, status, hold_for, settled_at } = settlement;
        let owned = Arc::new((call_id.clone(), key.clone(), token.clone(), outcome.clone()));
        let settle = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move {
                let (call_id, key, token, outcome) = &*owned;
                let settlement = Settlement { call_id, key, token, outcome, status, hold_for, settled_at };
                settle(writer, &settlement).await
            })
        });
        if within(STORAGE_LIMIT, settle).await? {
            self.connections.last_write.note(began);
        }
        Ok(())
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_unsynced().await?;
            let removed = remove_reservations(&mut transaction, HostTime::now(), expired_for, limit).await?;
            transaction.commit().await?;
            Ok(removed)
        })
        .await
    }
}

async fn book(connection: &mut SqliteConnection, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
    let now = HostTime::now();
    if write_booking(connection, booking, now).await? == 0 {
        return find_hold(connection, booking, now).await;
    }
    Ok(HoldResult::Granted)
}

/// The reservation changes only if the call does, and only for its own token. Returns whether this
/// settlement changed them.
async fn settle(
    connection: &mut SqliteConnection,
    settlement: &Settlement<'_>,
) -> Result<bool, PortUnavailable> {
    let (call_id, outcome) = (settlement.call_id.as_str(), OutcomeColumns::from(settlement.outcome));
    let before = sqlx::query!("select state, status_rank from calls where id = ?", call_id);
    let before = row(connection, before).await?;
    let Some(before) = before.filter(|call| outcome.replaces.contains(&call.state.as_str())) else {
        return Ok(false);
    };
    // A report may have arrived before the outcome of the dial, and have raised the status.
    let status = read_status(Table("calls"), before.status_rank).map_err(unreadable)?;
    let (status, events) = status.merge(settlement.status);
    write_settlement(connection, settlement, &outcome, status, before.state == DIALLING).await?;
    for event in events {
        write_event(connection, call_id, event, status.rank().into(), outcome.end_reason).await?;
    }
    Ok(true)
}

/// Writes the reservation if there was none, or if it had expired; then the call, and then its event.
/// Returns the number of rows: each statement writes only if the one before it did.
///
/// They are one query, because each query is handed to the connection's thread, which costs more than
/// its work. In such a query a `?` cannot have a number.
async fn write_booking(
    connection: &mut SqliteConnection,
    booking: &Booking,
    now: HostTime,
) -> Result<u64, PortUnavailable> {
    let status_rank = i16::from(CallStatus::Initiated.rank());
    let written = sqlx::query!(
        "insert into dial_guards (key, token, call_id, blocked_until, boot_id, boot_offset)
         values (?, ?, ?, ?, ?, ?)
         on conflict (key) do update
             set token = excluded.token, call_id = excluded.call_id, blocked_until = excluded.blocked_until,
                 boot_id = excluded.boot_id, boot_offset = excluded.boot_offset
             where dial_guards.blocked_until
                     <= iif(dial_guards.boot_id = excluded.boot_id, ? + dial_guards.boot_offset, ?)
                 and (? or not exists
                     (select 1 from calls as undecided
                      where undecided.id = dial_guards.call_id and undecided.state in (?, ?)
                          and undecided.status_rank not in (?, ?, ?) and undecided.given_up_at is null));
         insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason, variables,
                            metadata, state, booked_at)
         select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? where changes() = 1;
         insert into call_events (call_id, kind, status_rank, organization_id, happened_at)
         select ?, ?, ?, ?, ? where changes() = 1",
        booking.key.as_str(),
        booking.token.as_str(),
        booking.identity.call_id.as_str(),
        now.wall.after(booking.reserve_for).unix_millis(),
        now.boot_id,
        now.boot_offset(),
        now.since_boot,
        now.wall_millis(),
        booking.take_over == TakeOver::Expired,
        UNDECIDED_STATES[0],
        UNDECIDED_STATES[1],
        NOT_CONNECTED_RANKS[0],
        NOT_CONNECTED_RANKS[1],
        NOT_CONNECTED_RANKS[2],
        booking.identity.call_id.as_str(),
        booking.identity.organization_id.as_str(),
        booking.identity.user_id.as_str(),
        booking.identity.contact_id.as_str(),
        booking.identity.agent_id.as_str(),
        booking.identity.from.as_e164(),
        booking.identity.to.as_e164(),
        booking.reason.as_ref().map(CallReason::as_str),
        write_variables(&booking.variables),
        booking.metadata.as_ref().map(CallMetadata::as_json),
        DIALLING,
        booking.booked_at.unix_millis(),
        booking.identity.call_id.as_str(),
        CallEventKind::Initiated.as_str(),
        status_rank,
        booking.identity.organization_id.as_str(),
        now.wall_millis()
    );
    execute(connection, written).await
}

async fn find_hold(
    connection: &mut SqliteConnection,
    booking: &Booking,
    now: HostTime,
) -> Result<HoldResult, PortUnavailable> {
    let hold = sqlx::query_as!(
        HoldColumns,
        r#"select calls.id as call_id, state, outcome_detail, conversation_id, carrier_call_id,
                  blocked_until - iif(boot_id = ?1, ?2 + boot_offset, ?3) as "remaining_millis: i64"
           from dial_guards join calls on calls.id = dial_guards.call_id
           where key = ?4"#,
        now.boot_id,
        now.since_boot,
        now.wall_millis(),
        booking.key.as_str()
    );
    let hold = row(connection, hold).await?;
    let result = hold.map(|hold| hold.read(Table("calls"))).transpose().map_err(unreadable)?.flatten();
    Ok(result.unwrap_or(HoldResult::InFlight { remaining: Duration::from_millis(1) }))
}

/// Writes the outcome and the status of the call, and changes or removes its reservation. They are one
/// query, as those of a booking.
async fn write_settlement(
    connection: &mut SqliteConnection,
    settlement: &Settlement<'_>,
    outcome: &OutcomeColumns<'_>,
    status: CallStatus,
    was_dialling: bool,
) -> Result<(), PortUnavailable> {
    let (key, token) = (settlement.key.as_str(), settlement.token.as_str());
    let (now, hold_for) = (HostTime::now(), settlement.hold_for.as_millis());
    let settled = sqlx::query!(
        // The ids merge as in `CallProgress::merge`: the greater one stays. If the outcome was unknown, the
        // reservation is never shortened: the phone may ring until its end.
        "update calls
         set state = ?, outcome_detail = ?, dial_code = ?, settled_at = ?, status_rank = ?,
             conversation_id = max(coalesce(conversation_id, ?), coalesce(?, conversation_id)),
             carrier_call_id = max(coalesce(carrier_call_id, ?), coalesce(?, carrier_call_id))
         where id = ?;
         delete from dial_guards where ? and key = ? and token = ?;
         update dial_guards
         set blocked_until = ? + max(?, iif(?, 0, blocked_until - iif(boot_id = ?, ? + boot_offset, ?))),
             boot_id = ?, boot_offset = ?
         where ? and key = ? and token = ?",
        outcome.state,
        outcome.outcome_detail,
        outcome.dial_code,
        settlement.settled_at.unix_millis(),
        status.rank(),
        outcome.conversation_id,
        outcome.conversation_id,
        outcome.carrier_call_id,
        outcome.carrier_call_id,
        settlement.call_id.as_str(),
        outcome.releases,
        key,
        token,
        now.wall_millis(),
        i64::try_from(hold_for).unwrap_or(i64::MAX),
        was_dialling,
        now.boot_id,
        now.since_boot,
        now.wall_millis(),
        now.boot_id,
        now.boot_offset(),
        outcome.holds,
        key,
        token
    );
    execute(connection, settled).await.map(drop)
}

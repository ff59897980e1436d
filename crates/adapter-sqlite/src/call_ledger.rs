mod attempts;
mod booking;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{CallLedger, CountQuery, HoldResult, PortUnavailable, Settlement, UndecidedCall};
use domain::{Booking, CallStatus, IntentKey, UserId};
use sql_common::{
    DIALLING, NOT_CONNECTED_RANKS, NOT_DIALLED, OutcomeColumns, Table, UNDECIDED_STATES, UndecidedColumns,
    read_status,
};
use sqlx::SqliteConnection;

use self::booking::book;
use crate::SqliteStore;
use crate::call_event::write_event;
use crate::clock::HostTime;
use crate::failure::{STORAGE_LIMIT, unreadable, within};
use crate::statement::{execute, row};
use crate::sweep::remove_reservations;

#[async_trait]
impl CallLedger for SqliteStore {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let began = Instant::now();
        let number_hash = self.number_hash(&booking.identity.to).await?;
        let booking = Arc::new((booking.clone(), number_hash));
        let book = self.connections.write_synced(move |writer| {
            let booking = Arc::clone(&booking);
            Box::pin(async move { book(writer, &booking.0, &booking.1).await })
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

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        let count = sqlx::query!(
            "select count(*) as calls from calls
             where organization_id = ?1 and booked_at >= ?2 and state <> ?3 and (?4 is null or user_id = ?4)",
            query.organization_id.as_str(),
            query.since.unix_millis(),
            NOT_DIALLED,
            query.user_id.map(UserId::as_str)
        );
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let calls = row(&mut reader, count).await?.map_or(0, |count| count.calls);
            Ok(u32::try_from(calls).unwrap_or(u32::MAX))
        })
        .await
    }
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
    if outcome.releases {
        attempts::take_back(connection, settlement.call_id).await?;
    }
    for event in events {
        write_event(connection, call_id, event, status.rank().into(), outcome.end_reason).await?;
    }
    Ok(true)
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
         delete from idempotency_keys where ? and call_id = ?;
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
        outcome.releases,
        settlement.call_id.as_str(),
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

mod day_counts;
mod slots;

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    DayLimit, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership, PortUnavailable,
    SettleResult,
};
use domain::{IntentKey, OwnerToken, Pace, Slot};
use sql_common::{HoldColumns, SettledColumns, Table};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::clock::HostTime;
use crate::context_cache::store_outbound;
use crate::failure::{LEASE_LIMIT, failed, unreadable, within};
use crate::statement::{execute, row};
use crate::sweep::sweep;

#[async_trait]
impl IdempotencyLock for SqliteStore {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        within(LEASE_LIMIT, async {
            if request.limits.is_empty() && request.paces.is_empty() {
                let mut writer = self.connections.write_unsynced().await?;
                let result = self.acquire_on(&mut writer, request).await?;
                writer.end();
                return Ok(result);
            }
            let mut transaction = self.connections.begin_unsynced().await?;
            let result = self.acquire_on(&mut transaction, request).await?;
            transaction.commit().await?;
            Ok(result)
        })
        .await
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        let renewed = self.write_unsynced(LEASE_LIMIT, |_| {
            let now = HostTime::now();
            sqlx::query!(
                "update call_locks set expires_at = ?1, boot_id = ?2, boot_offset = ?3
                 where key = ?4 and token = ?5 and outcome is null
                     and expires_at > iif(boot_id = ?2, ?6 + boot_offset, ?7)",
                now.wall.after(hold_for).unix_millis(),
                now.boot_id,
                now.boot_offset(),
                key.as_str(),
                token.as_str(),
                now.since_boot,
                now.wall_millis()
            )
        });
        renewed.await.map(ownership)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        within(LEASE_LIMIT, async {
            let mut writer = self.connections.write_unsynced().await?;
            // First, so that no settled lock lacks its context. A transaction of both would cost more
            // than they do: its begin and its end are handed to the connection's thread too.
            if let Some(to_store) = settlement.context {
                store_outbound(&mut writer, to_store.context, to_store.ttl).await?;
            }
            let call = SettledColumns::from(settlement.call);
            let now = HostTime::now();
            let settled = sqlx::query!(
                "update call_locks
                 set outcome = ?1, call_id = ?2, conversation_id = ?3, carrier_call_id = ?4, outcome_detail = ?5,
                     expires_at = ?6, boot_id = ?7, boot_offset = ?8
                 where key = ?9 and token = ?10 and outcome is null
                     and expires_at > iif(boot_id = ?7, ?11 + boot_offset, ?12)",
                call.state,
                call.call_id,
                call.conversation_id,
                call.carrier_call_id,
                call.outcome_detail,
                now.wall.after(settlement.hold_for).unix_millis(),
                now.boot_id,
                now.boot_offset(),
                settlement.key.as_str(),
                settlement.token.as_str(),
                now.since_boot,
                now.wall_millis()
            );
            let ownership = ownership(execute(&mut writer, settled).await?);
            writer.end();
            Ok(SettleResult { ownership, context_stored: settlement.context.is_some() })
        })
        .await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        within(LEASE_LIMIT, async {
            if limits.is_empty() {
                let mut writer = self.connections.write_unsynced().await?;
                let released = delete(&mut writer, key, token).await?;
                day_counts::forget_request(&mut writer, key, token).await?;
                writer.end();
                return Ok(ownership(released));
            }
            let mut transaction = self.connections.begin_unsynced().await?;
            let is_settled = is_settled(&mut transaction, key, token).await?;
            let released = delete(&mut transaction, key, token).await?;
            let counted = day_counts::forget_request(&mut transaction, key, token).await?;
            if !is_settled {
                let was_counted = |limit: &&DayLimit| day_counts::is_named(limit, counted.as_deref());
                day_counts::give_back(&mut transaction, limits.iter().filter(was_counted)).await?;
            }
            transaction.commit().await?;
            Ok(ownership(released))
        })
        .await
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        within(LEASE_LIMIT, async {
            let mut transaction = self.connections.begin_unsynced().await?;
            let now = HostTime::now();
            let found = slots::find(&mut transaction, paces, longest_wait, now).await?;
            if let Slot::In(wait) = found.slot {
                slots::take(&mut transaction, paces, &found, wait, now).await?;
            }
            transaction.commit().await?;
            Ok(found.slot)
        })
        .await
    }
}

impl SqliteStore {
    /// Takes the key, or reads what holds it. Checks the limits in between, counts the request and takes a
    /// slot.
    async fn acquire_on(
        &self,
        writer: &mut SqliteConnection,
        request: &LockRequest<'_>,
    ) -> Result<HoldResult, PortUnavailable> {
        let LockRequest { key, limits, paces, longest_wait, .. } = *request;
        let now = HostTime::now();
        if self.sweeper.is_due() {
            sweep(writer, now).await?;
        }
        if limits.is_empty() && paces.is_empty() {
            return match insert(writer, request, now).await? {
                0 => Ok(find_hold(writer, key, now).await?.unwrap_or(JUST_FREED)),
                _ => Ok(HoldResult::Granted),
            };
        }
        if let Some(held) = find_hold(writer, key, now).await? {
            return Ok(held);
        }
        let found = slots::find(writer, paces, longest_wait, now).await?;
        let counted = day_counts::count(writer, limits, found.slot, now).await?;
        match (counted, found.slot) {
            (HoldResult::Granted, Slot::In(wait)) => {
                if insert(writer, request, now).await? == 0 {
                    // The counts must be taken back: an error ends the transaction.
                    return Err(failed("a lock was taken in the transaction that found it free"));
                }
                day_counts::remember_request(writer, request, now).await?;
                if paces.is_empty() {
                    return Ok(HoldResult::Granted);
                }
                slots::take(writer, paces, &found, wait, now).await?;
                Ok(HoldResult::GrantedAfter { wait })
            }
            (refused, _) => Ok(refused),
        }
    }
}

/// Writes the lock if the key is free.
async fn insert(
    writer: &mut SqliteConnection,
    request: &LockRequest<'_>,
    now: HostTime,
) -> Result<u64, PortUnavailable> {
    let acquired = sqlx::query!(
        "insert into call_locks (key, token, expires_at, boot_id, boot_offset)
         values (?1, ?2, ?3, ?4, ?5)
         on conflict (key) do update
             set token = excluded.token, expires_at = excluded.expires_at, boot_id = excluded.boot_id,
                 boot_offset = excluded.boot_offset, counted = null, outcome = null, call_id = null,
                 conversation_id = null, carrier_call_id = null, outcome_detail = null
             where call_locks.expires_at
                 <= iif(call_locks.boot_id = ?4, ?6 + call_locks.boot_offset, ?7)",
        request.key.as_str(),
        request.token.as_str(),
        now.wall.after(request.hold_for).unix_millis(),
        now.boot_id,
        now.boot_offset(),
        now.since_boot,
        now.wall_millis()
    );
    execute(writer, acquired).await
}

/// Whether the lock has a result of this owner.
async fn is_settled(
    writer: &mut SqliteConnection,
    key: &IntentKey,
    token: &OwnerToken,
) -> Result<bool, PortUnavailable> {
    let lock = sqlx::query!(
        "select 1 as found from call_locks where key = ? and token = ? and outcome is not null",
        key.as_str(),
        token.as_str()
    );
    Ok(row(writer, lock).await?.is_some())
}

/// Removes the lock of this owner.
async fn delete(
    writer: &mut SqliteConnection,
    key: &IntentKey,
    token: &OwnerToken,
) -> Result<u64, PortUnavailable> {
    let now = HostTime::now();
    let released = sqlx::query!(
        "delete from call_locks
         where key = ?1 and token = ?2 and outcome is null
             and expires_at > iif(boot_id = ?3, ?4 + boot_offset, ?5)",
        key.as_str(),
        token.as_str(),
        now.boot_id,
        now.since_boot,
        now.wall_millis()
    );
    execute(writer, released).await
}

const fn ownership(rows_written: u64) -> Ownership {
    if rows_written == 0 { Ownership::Lost } else { Ownership::Held }
}

/// A lock that ended between two statements.
const JUST_FREED: HoldResult = HoldResult::InFlight { remaining: Duration::from_millis(1) };

/// What holds the key; `None` if it is free.
async fn find_hold(
    connection: &mut SqliteConnection,
    key: &IntentKey,
    now: HostTime,
) -> Result<Option<HoldResult>, PortUnavailable> {
    let hold = sqlx::query_as!(
        HoldColumns,
        r#"select outcome as state, call_id, conversation_id, carrier_call_id, outcome_detail,
                  expires_at - iif(boot_id = ?1, ?2 + boot_offset, ?3) as "remaining_millis: i64"
           from call_locks where key = ?4"#,
        now.boot_id,
        now.since_boot,
        now.wall_millis(),
        key.as_str()
    );
    let hold = row(connection, hold).await?;
    hold.map(|hold| hold.read(Table("call_locks"))).transpose().map_err(unreadable).map(Option::flatten)
}

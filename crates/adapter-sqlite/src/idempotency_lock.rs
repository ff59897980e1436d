use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{HoldResult, IdempotencyLock, LockSettlement, Ownership, PortUnavailable, SettleResult};
use domain::{IntentKey, OwnerToken};
use sql_common::{HoldColumns, SettledColumns, Table};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::clock::HostTime;
use crate::context_cache::store_outbound;
use crate::failure::{LEASE_LIMIT, unreadable, within};
use crate::statement::{execute, row};
use crate::sweep::sweep;

#[async_trait]
impl IdempotencyLock for SqliteStore {
    async fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<HoldResult, PortUnavailable> {
        within(LEASE_LIMIT, async {
            let mut writer = self.connections.write_unsynced().await?;
            let now = HostTime::now();
            if self.sweeper.is_due() {
                sweep(&mut writer, now).await?;
            }
            let acquired = sqlx::query!(
                "insert into call_locks (key, token, expires_at, boot_id, boot_offset) values (?1, ?2, ?3, ?4, ?5)
                 on conflict (key) do update
                     set token = excluded.token, expires_at = excluded.expires_at, boot_id = excluded.boot_id,
                         boot_offset = excluded.boot_offset, outcome = null, call_id = null,
                         conversation_id = null, carrier_call_id = null, outcome_detail = null
                     where call_locks.expires_at
                         <= iif(call_locks.boot_id = ?4, ?6 + call_locks.boot_offset, ?7)",
                key.as_str(),
                token.as_str(),
                now.wall.after(hold_for).unix_millis(),
                now.boot_id,
                now.boot_offset(),
                now.since_boot,
                now.wall_millis()
            );
            let result = match execute(&mut writer, acquired).await? {
                0 => find_hold(&mut writer, key, now).await?,
                _ => HoldResult::Granted,
            };
            writer.end();
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

    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable> {
        let released = self.write_unsynced(LEASE_LIMIT, |_| {
            let now = HostTime::now();
            sqlx::query!(
                "delete from call_locks
                 where key = ?1 and token = ?2 and outcome is null
                     and expires_at > iif(boot_id = ?3, ?4 + boot_offset, ?5)",
                key.as_str(),
                token.as_str(),
                now.boot_id,
                now.since_boot,
                now.wall_millis()
            )
        });
        released.await.map(ownership)
    }
}

const fn ownership(rows_written: u64) -> Ownership {
    if rows_written == 0 { Ownership::Lost } else { Ownership::Held }
}

async fn find_hold(
    connection: &mut SqliteConnection,
    key: &IntentKey,
    now: HostTime,
) -> Result<HoldResult, PortUnavailable> {
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
    let result = hold.map(|hold| hold.read(Table("call_locks"))).transpose().map_err(unreadable)?.flatten();
    Ok(result.unwrap_or(HoldResult::InFlight { remaining: Duration::from_millis(1) }))
}

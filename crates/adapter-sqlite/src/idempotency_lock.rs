use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{HoldResult, IdempotencyLock, LockSettlement, Ownership, PortUnavailable, SettleResult};
use domain::{IntentKey, OwnerToken, Timestamp};
use sql_common::{HoldColumns, SettledColumns, Table};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::clock::now;
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
            let mut transaction = self.connections.begin_unsynced().await?;
            let now = now();
            let acquired = sqlx::query!(
                "insert into call_locks (key, token, expires_at) values (?1, ?2, ?3)
                 on conflict (key) do update
                     set token = excluded.token, expires_at = excluded.expires_at, outcome = null, call_id = null,
                         conversation_id = null, carrier_call_id = null, outcome_detail = null
                     where call_locks.expires_at <= ?4",
                key.as_str(),
                token.as_str(),
                now.after(hold_for).unix_millis(),
                now.unix_millis()
            );
            if execute(&mut transaction, acquired).await? == 0 {
                let hold = find_hold(&mut transaction, key, now).await?;
                transaction.roll_back().await?;
                return Ok(hold);
            }
            if self.sweeper.is_due() {
                sweep(&mut transaction, now).await?;
            }
            transaction.commit().await?;
            Ok(HoldResult::Granted)
        })
        .await
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        let renewed = self.write_unsynced(LEASE_LIMIT, |now| {
            sqlx::query!(
                "update call_locks set expires_at = ?
                 where key = ? and token = ? and outcome is null and expires_at > ?",
                now.after(hold_for).unix_millis(),
                key.as_str(),
                token.as_str(),
                now.unix_millis()
            )
        });
        renewed.await.map(ownership)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        within(LEASE_LIMIT, async {
            let mut transaction = self.connections.begin_unsynced().await?;
            let call = SettledColumns::from(settlement.call);
            let now = now();
            let settled = sqlx::query!(
                "update call_locks
                 set outcome = ?, call_id = ?, conversation_id = ?, carrier_call_id = ?, outcome_detail = ?,
                     expires_at = ?
                 where key = ? and token = ? and outcome is null and expires_at > ?",
                call.state,
                call.call_id,
                call.conversation_id,
                call.carrier_call_id,
                call.outcome_detail,
                now.after(settlement.hold_for).unix_millis(),
                settlement.key.as_str(),
                settlement.token.as_str(),
                now.unix_millis()
            );
            let ownership = ownership(execute(&mut transaction, settled).await?);
            if let Some(to_store) = settlement.context {
                store_outbound(&mut transaction, to_store.context, to_store.ttl).await?;
            }
            transaction.commit().await?;
            Ok(SettleResult { ownership, context_stored: settlement.context.is_some() })
        })
        .await
    }

    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable> {
        let released = self.write_unsynced(LEASE_LIMIT, |now| {
            sqlx::query!(
                "delete from call_locks where key = ? and token = ? and outcome is null and expires_at > ?",
                key.as_str(),
                token.as_str(),
                now.unix_millis()
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
    now: Timestamp,
) -> Result<HoldResult, PortUnavailable> {
    let hold = sqlx::query_as!(
        HoldColumns,
        r#"select outcome as state, call_id, conversation_id, carrier_call_id, outcome_detail,
                  expires_at - ? as "remaining_millis: i64"
           from call_locks where key = ?"#,
        now.unix_millis(),
        key.as_str()
    );
    let hold = row(connection, hold).await?;
    let result = hold.map(|hold| hold.read(Table("call_locks"))).transpose().map_err(unreadable)?.flatten();
    Ok(result.unwrap_or(HoldResult::InFlight { remaining: Duration::from_millis(1) }))
}

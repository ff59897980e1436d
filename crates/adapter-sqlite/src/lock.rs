use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{HoldResult, IdempotencyLock, LockSettlement, Ownership, PortUnavailable, SettleResult};
use domain::{CallReference, IntentKey, OwnerToken, SettledCall};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::contexts::keep_outbound;
use crate::failure::{LEASE_LIMIT, failed, unavailable, within};
use crate::settled::{NOT_CONNECTED, PLACED, SettledColumns};
use crate::sweep::sweep;
use crate::wall_clock::{now, remaining};

#[async_trait]
impl IdempotencyLock for SqliteStore {
    async fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<HoldResult, PortUnavailable> {
        let (key, token) = (key.as_str(), token.as_str());
        within(LEASE_LIMIT, async {
            let mut transaction = self.connections.begin_lease().await?;
            let now = now();
            let (now_millis, expires_at) = (now.unix_millis(), now.after(hold_for).unix_millis());
            let taken = sqlx::query!(
                "insert into call_locks (key, token, expires_at) values (?1, ?2, ?3)
                 on conflict (key) do update
                     set token = excluded.token, expires_at = excluded.expires_at, outcome = null, call_id = null,
                         conversation_id = null, carrier_call_id = null, outcome_detail = null
                     where call_locks.expires_at <= ?4",
                key,
                token,
                expires_at,
                now_millis
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            if taken.rows_affected() == 0 {
                return holder(&mut transaction, key).await;
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
        let (key, token) = (key.as_str(), token.as_str());
        within(LEASE_LIMIT, async {
            let mut writer = self.connections.write_lease().await?;
            let now = now();
            let (now_millis, expires_at) = (now.unix_millis(), now.after(hold_for).unix_millis());
            let renewed = sqlx::query!(
                "update call_locks set expires_at = ?
                 where key = ? and token = ? and outcome is null and expires_at > ?",
                expires_at,
                key,
                token,
                now_millis
            )
            .execute(&mut *writer)
            .await
            .map_err(unavailable)?;
            Ok(ownership(renewed.rows_affected()))
        })
        .await
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        within(LEASE_LIMIT, async {
            let mut transaction = self.connections.begin_lease().await?;
            let ownership = write_result(&mut transaction, settlement).await?;
            if let Some(rider) = settlement.context {
                keep_outbound(&mut transaction, rider.context, rider.ttl).await?;
            }
            transaction.commit().await?;
            Ok(SettleResult { ownership, context_stored: settlement.context.is_some() })
        })
        .await
    }

    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable> {
        let (key, token) = (key.as_str(), token.as_str());
        within(LEASE_LIMIT, async {
            let mut writer = self.connections.write_lease().await?;
            let now_millis = now().unix_millis();
            let released = sqlx::query!(
                "delete from call_locks where key = ? and token = ? and outcome is null and expires_at > ?",
                key,
                token,
                now_millis
            )
            .execute(&mut *writer)
            .await
            .map_err(unavailable)?;
            Ok(ownership(released.rows_affected()))
        })
        .await
    }
}

const fn ownership(rows_written: u64) -> Ownership {
    if rows_written == 0 { Ownership::Lost } else { Ownership::Held }
}

/// What a key that is not free says to whoever wanted it.
async fn holder(connection: &mut SqliteConnection, key: &str) -> Result<HoldResult, PortUnavailable> {
    let row = sqlx::query!(
        "select outcome, call_id, conversation_id, carrier_call_id, outcome_detail, expires_at
         from call_locks where key = ?",
        key
    )
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    let (Some(state), Some(call_id)) = (row.outcome, row.call_id) else {
        return Ok(HoldResult::InFlight { remaining: remaining(row.expires_at, now()) });
    };
    let call = SettledColumns {
        state,
        call_id,
        conversation_id: row.conversation_id,
        carrier_call_id: row.carrier_call_id,
        outcome_detail: row.outcome_detail,
    };
    let call =
        call.read()?.ok_or_else(|| failed("call_locks.outcome holds something that cannot be read"))?;
    Ok(HoldResult::Settled(call))
}

async fn write_result(
    connection: &mut SqliteConnection,
    settlement: &LockSettlement<'_>,
) -> Result<Ownership, PortUnavailable> {
    let (outcome, reference, detail) = match settlement.call {
        SettledCall::Placed(reference) => (PLACED, reference, None),
        SettledCall::NotConnected { reference, reason } => (NOT_CONNECTED, reference, Some(reason.as_str())),
    };
    let CallReference { call_id, conversation_id, carrier_call_id } = reference;
    let call_id = call_id.as_str();
    let conversation_id = conversation_id.as_ref().map(|id| id.as_str());
    let carrier_call_id = carrier_call_id.as_ref().map(|id| id.as_str());
    let now = now();
    let (now_millis, expires_at) = (now.unix_millis(), now.after(settlement.hold_for).unix_millis());
    let (key, token) = (settlement.key.as_str(), settlement.token.as_str());
    let settled = sqlx::query!(
        "update call_locks
         set outcome = ?, call_id = ?, conversation_id = ?, carrier_call_id = ?, outcome_detail = ?, expires_at = ?
         where key = ? and token = ? and outcome is null and expires_at > ?",
        outcome,
        call_id,
        conversation_id,
        carrier_call_id,
        detail,
        expires_at,
        key,
        token,
        now_millis
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(ownership(settled.rows_affected()))
}

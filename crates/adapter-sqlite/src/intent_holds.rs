use async_trait::async_trait;
use domain::IntentKey;
use domain::ports::{HoldResult, IntentHolds, PortUnavailable};
use sql_common::{HoldColumns, Table};

use crate::SqliteStore;
use crate::clock::HostTime;
use crate::failure::{STORAGE_LIMIT, unreadable, within};
use crate::statement::row;

/// The lock, and the reservations of the ledger behind it.
#[async_trait]
impl IntentHolds for SqliteStore {
    async fn look_at(&self, key: &IntentKey) -> Result<HoldResult, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let (mut reader, now) = (self.connections.read().await?, HostTime::now());
            let lock = sqlx::query_as!(
                HoldColumns,
                r#"select outcome as state, call_id, conversation_id, carrier_call_id, outcome_detail,
                          expires_at - iif(boot_id = ?1, ?2 + boot_offset, ?3) as "remaining_millis: i64"
                   from call_locks where key = ?4"#,
                now.boot_id,
                now.since_boot,
                now.wall_millis(),
                key.as_str()
            );
            let lock = row(&mut reader, lock).await?;
            let reservation = sqlx::query_as!(
                HoldColumns,
                r#"select calls.id as call_id, state, outcome_detail, conversation_id, carrier_call_id,
                          blocked_until - iif(boot_id = ?1, ?2 + boot_offset, ?3) as "remaining_millis: i64"
                   from dial_guards join calls on calls.id = dial_guards.call_id
                   where key = ?4"#,
                now.boot_id,
                now.since_boot,
                now.wall_millis(),
                key.as_str()
            );
            let reservation = row(&mut reader, reservation).await?;
            for (hold, table) in [(lock, "call_locks"), (reservation, "calls")] {
                let held = hold.map(|hold| hold.read(Table(table))).transpose().map_err(unreadable)?;
                if let Some(held) = held.flatten() {
                    return Ok(held);
                }
            }
            Ok(HoldResult::Granted)
        })
        .await
    }
}

use async_trait::async_trait;
use domain::IntentKey;
use domain::ports::{HoldResult, IntentHolds, PortUnavailable};
use sql_common::{HoldColumns, Table};

use crate::PostgresStore;
use crate::statement::{Access, Failure};

/// The reservations of the ledger.
#[async_trait]
impl IntentHolds for PostgresStore {
    async fn look_at(&self, key: &IntentKey) -> Result<HoldResult, PortUnavailable> {
        let hold = self.row(Access::Read, || {
            sqlx::query_as!(
                HoldColumns,
                r#"select calls.id as "call_id?", calls.state as "state?", calls.outcome_detail,
                          calls.conversation_id, calls.carrier_call_id,
                          ceil(extract(epoch from existing.blocked_until - clock_timestamp()) * 1000)::bigint
                              as remaining_millis
                     from dial_guards as existing
                     join calls on calls.id = existing.call_id
                    where existing.key = $1"#,
                key.as_str()
            )
        });
        let held = hold.await?.map(|hold| hold.read(Table("calls"))).transpose().map_err(Failure::from)?;
        Ok(held.flatten().unwrap_or(HoldResult::Granted))
    }
}

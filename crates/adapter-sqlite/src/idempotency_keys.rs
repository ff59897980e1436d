use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{IdempotencyKeys, KeyBinding, KeyedCall, PortUnavailable};
use domain::{IdempotencyKey, UserId};
use sql_common::KeyedColumns;
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::clock::HostTime;
use crate::failure::{STORAGE_LIMIT, failed, within};
use crate::statement::{execute, read, row};
use crate::sweep::remove_keys;

#[async_trait]
impl IdempotencyKeys for SqliteStore {
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> Result<Option<KeyedCall>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            find_keyed_call(&mut reader, user, key, HostTime::now()).await
        })
        .await
    }

    async fn bind<'a>(&self, binding: &KeyBinding<'a>) -> Result<Option<KeyedCall>, PortUnavailable> {
        let KeyBinding { user, request, call_id, intent } = *binding;
        let owned = Arc::new((user.clone(), request.clone(), call_id.clone(), intent.clone()));
        let bind = self.connections.write_synced(move |writer| {
            let owned = Arc::clone(&owned);
            Box::pin(async move {
                let (user, request, call_id, intent) = &*owned;
                bind(writer, &KeyBinding { user, request, call_id, intent }).await
            })
        });
        within(STORAGE_LIMIT, bind).await?
    }

    async fn remove_ended(&self, ended_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_unsynced().await?;
            let removed = remove_keys(&mut transaction, HostTime::now(), ended_for, limit).await?;
            transaction.commit().await?;
            Ok(removed)
        })
        .await
    }
}

/// What a binding gets.
type Bound = Result<Option<KeyedCall>, PortUnavailable>;

/// A binding to a call that is not stored is refused without an error of the write, which would make
/// the other writes of its group run again.
async fn bind(connection: &mut SqliteConnection, binding: &KeyBinding<'_>) -> Result<Bound, PortUnavailable> {
    let now = HostTime::now();
    if write_key(connection, binding, now).await? {
        return Ok(Ok(None));
    }
    let call = find_keyed_call(connection, binding.user, &binding.request.key, now).await?;
    Ok(call.map(Some).ok_or_else(|| failed("the call of a key is not stored")))
}

/// Returns whether it has written the key: it had no call, and the call is stored.
pub(crate) async fn write_key(
    connection: &mut SqliteConnection,
    binding: &KeyBinding<'_>,
    now: HostTime,
) -> Result<bool, PortUnavailable> {
    let KeyBinding { user, request, call_id, intent } = *binding;
    let written = sqlx::query!(
        "insert into idempotency_keys (user_id, key_hash, request_digest, call_id, intent_key, created_at)
         select user_id, ?1, ?2, id, ?3, ?4 from calls where id = ?5 and user_id = ?6
         on conflict do nothing",
        request.key.as_hash(),
        request.digest.as_str(),
        intent.as_str(),
        now.wall_millis(),
        call_id.as_str(),
        user.as_str()
    );
    Ok(execute(connection, written).await? == 1)
}

/// The call of a key, as it is now.
pub(crate) async fn find_keyed_call(
    connection: &mut SqliteConnection,
    user: &UserId,
    key: &IdempotencyKey,
    now: HostTime,
) -> Result<Option<KeyedCall>, PortUnavailable> {
    let call = sqlx::query_as!(
        KeyedColumns,
        r#"select used.request_digest, calls.id as call_id, calls.conversation_id, calls.carrier_call_id,
                  calls.state, calls.status_rank as "status_rank: i16", calls.outcome_detail, calls.failure_reason,
                  blocked_until - iif(boot_id = ?1, ?2 + boot_offset, ?3) as "remaining_millis: i64"
           from idempotency_keys as used
           join calls on calls.id = used.call_id
           left join dial_guards on dial_guards.key = used.intent_key and dial_guards.call_id = used.call_id
           where used.user_id = ?4 and used.key_hash = ?5"#,
        now.boot_id,
        now.since_boot,
        now.wall_millis(),
        user.as_str(),
        key.as_hash()
    );
    row(connection, call).await?.map(read).transpose()
}

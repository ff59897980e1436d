use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{IdempotencyKeys, KeyBinding, KeyedCall, PortUnavailable};
use domain::{CallEventKind, IdempotencyKey, UserId};
use sql_common::KeyedColumns;

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::Access;

#[async_trait]
impl IdempotencyKeys for PostgresStore {
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> Result<Option<KeyedCall>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                KeyedColumns,
                r#"select used.request_digest, calls.id as call_id, calls.conversation_id, calls.carrier_call_id,
                          calls.state, calls.status_rank, calls.outcome_detail, calls.failure_reason,
                          ceil(extract(epoch from reservation.blocked_until - clock_timestamp()) * 1000)::bigint
                              as remaining_millis
                     from idempotency_keys as used
                     join calls on calls.id = used.call_id
                     left join dial_guards as reservation
                       on reservation.key = used.intent_key and reservation.call_id = used.call_id
                    where used.user_id = $1 and used.key_hash = $2"#,
                user.as_str(),
                key.as_hash()
            )
        })
        .await
    }

    async fn bind<'a>(&self, binding: &KeyBinding<'a>) -> Result<Option<KeyedCall>, PortUnavailable> {
        let KeyBinding { user, request, call_id, intent } = *binding;
        let bound = self.row(Access::Write, || {
            sqlx::query!(
                "insert into idempotency_keys (user_id, key_hash, request_digest, call_id, intent_key)
                 select user_id, $2, $3, id, $5 from calls where id = $4 and user_id = $1
                 on conflict do nothing
                 returning call_id",
                user.as_str(),
                request.key.as_hash(),
                request.digest.as_str(),
                call_id.as_str(),
                intent.as_str()
            )
        });
        if bound.await?.is_some() {
            return Ok(None);
        }
        let call = self.find(user, &request.key).await?;
        call.map(Some)
            .ok_or_else(|| because("the call of a key is not stored, or its key was freed meanwhile"))
    }

    async fn remove_ended(&self, ended_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        // The time of a key is older than the end of its call: it only limits what is looked at.
        let removed = self.only_row(Access::Write, || {
            sqlx::query!(
                r#"with ended as (
                       select user_id, key_hash
                         from idempotency_keys as used
                        where created_at <= clock_timestamp() - make_interval(secs => $1)
                          and (select max(happened_at) from call_events
                                where call_events.call_id = used.call_id and kind = $2)
                              <= clock_timestamp() - make_interval(secs => $1)
                        order by created_at
                        limit $3
                          for update skip locked
                   ), removed as (
                       delete from idempotency_keys as used using ended
                        where used.user_id = ended.user_id and used.key_hash = ended.key_hash
                       returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                ended_for.as_secs_f64(),
                CallEventKind::Ended.as_str(),
                i64::from(limit)
            )
        });
        Ok(u64::try_from(removed.await?.removed).unwrap_or_default())
    }
}

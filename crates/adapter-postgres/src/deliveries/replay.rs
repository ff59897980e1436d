//! Queueing deliveries anew, in portions: there may be more than one statement can write in its time.

use domain::ports::{PortUnavailable, ReplayQuery};
use domain::{DeliveryState, EventSequence, OrganizationId, WebhookEndpointId};

use crate::PostgresStore;

/// How many deliveries are queued anew in one statement.
const REPLAYED_AT_ONCE: i64 = 1000;

impl PostgresStore {
    /// Repeated where the answer was lost, it counts none of those that it has revived before.
    pub(super) async fn replay_in_portions(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        // What was delivered comes first: what was dead is delivered a moment after it was revived.
        let states = if query.delivered_too {
            [DeliveryState::Delivered, DeliveryState::Dead].as_slice()
        } else {
            [DeliveryState::Dead].as_slice()
        };
        let mut replayed = 0;
        for endpoint_id in self.endpoints_to_replay(query).await? {
            for state in states {
                let mut last = query.after.map_or(0, EventSequence::number);
                while let Some(portion) = self.replay_portion(&endpoint_id, *state, last).await? {
                    replayed += portion.revived;
                    last = portion.last;
                }
            }
        }
        Ok(replayed)
    }

    /// Without a tenant it is an operator who asks, for all.
    async fn endpoints_to_replay(&self, query: &ReplayQuery) -> Result<Vec<String>, PortUnavailable> {
        let endpoints = self.repeatable_rows(|| {
            sqlx::query!(
                "select id from webhook_endpoints \
                  where ($1::text is null or organization_id = $1) and ($2::text is null or id = $2) order by id",
                query.organization_id.as_ref().map(OrganizationId::as_str),
                query.endpoint_id.as_ref().map(WebhookEndpointId::as_str)
            )
        });
        Ok(endpoints.await?.into_iter().map(|row| row.id).collect())
    }

    /// Revives the next deliveries behind a place; nothing where there are none.
    async fn replay_portion(
        &self,
        endpoint_id: &str,
        state: DeliveryState,
        after: i64,
    ) -> Result<Option<Portion>, PortUnavailable> {
        let replayed = self.repeatable(|| {
            sqlx::query!(
                r#"with portion as (
                       select position
                         from webhook_deliveries
                        where endpoint_id = $1 and state = $2 and position > $3
                        order by position
                        limit $4
                   ), revived as (
                       update webhook_deliveries as delivery
                          set state = 'pending', attempts = 0, queued_at = clock_timestamp(), due_at = clock_timestamp(),
                              concluded_at = null
                         from portion
                        where delivery.endpoint_id = $1 and delivery.position = portion.position and delivery.state = $2
                       returning 1
                   )
                   select (select count(*) from revived) as "revived!", (select max(position) from portion) as last"#,
                endpoint_id,
                state.as_str(),
                after,
                REPLAYED_AT_ONCE
            )
        });
        let Some(row) = replayed.await? else { return Ok(None) };
        let revived = u64::try_from(row.revived).unwrap_or_default();
        Ok(row.last.map(|last| Portion { revived, last }))
    }
}

/// What one statement came to.
struct Portion {
    revived: u64,
    /// The place to go on behind.
    last: i64,
}

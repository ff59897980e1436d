use domain::{DueDelivery, SuspensionReason};
use sql_common::ConclusionColumns;
use sqlx::{Connection, PgConnection};

use crate::statement::{Failure, Work};
use crate::timestamp::PgTime;

/// Concludes an attempt whose receiver does not exist any more, and suspends the endpoint if its URL
/// is still that of the attempt. Repeated because its response was lost, it finds the delivery
/// concluded and changes nothing.
pub(super) struct ConcludingGone<'a> {
    pub(super) delivery: &'a DueDelivery,
    pub(super) conclusion: ConclusionColumns,
    pub(super) since: PgTime,
}

impl Work for ConcludingGone<'_> {
    type Output = ();

    async fn run(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        let delivery = self.delivery;
        let mut transaction = connection.begin().await?;
        // The endpoint first, as when its deliveries are leased or removed.
        let endpoint = sqlx::query!(
            "select id from webhook_endpoints where id = $1 for no key update",
            delivery.endpoint_id.as_str()
        );
        endpoint.fetch_optional(&mut *transaction).await?;
        let concluded = sqlx::query!(
            "update webhook_deliveries \
                set state = $4, last_failure = $5, claimed_until = null, concluded_at = clock_timestamp() \
              where position = $1 and endpoint_id = $2 and attempts = $3 and concluded_at is null \
                and date_trunc('milliseconds', queued_at) = $6 \
             returning position",
            delivery.event.sequence.number(),
            delivery.endpoint_id.as_str(),
            i32::try_from(delivery.attempt).unwrap_or(i32::MAX),
            self.conclusion.state,
            self.conclusion.last_failure.as_deref(),
            PgTime::stored(delivery.queued_at)?
        );
        if concluded.fetch_optional(&mut *transaction).await?.is_some() {
            let suspended = sqlx::query!(
                "update webhook_endpoints set suspension = $3, suspended_at = $4 \
                  where id = $1 and url = $2 and suspended_at is null returning id",
                delivery.endpoint_id.as_str(),
                delivery.url.as_str(),
                SuspensionReason::Gone.as_str(),
                self.since
            );
            suspended.fetch_optional(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

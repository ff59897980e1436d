use async_trait::async_trait;
use domain::ports::{PortUnavailable, RefusalCount, RefusalCounts, RefusalQuery};
use sql_common::RefusalColumns;

use crate::PostgresStore;
use crate::statement::Access;
use crate::timestamp::PgTime;

#[async_trait]
impl RefusalCounts for PostgresStore {
    async fn add(&self, counts: &[RefusalCount]) -> Result<(), PortUnavailable> {
        let organizations: Vec<&str> = counts.iter().map(|count| count.organization_id.as_str()).collect();
        let codes: Vec<&str> = counts.iter().map(|count| count.code.as_str()).collect();
        let hours = counts.iter().map(|count| PgTime::stored(count.hour));
        let hours = hours.collect::<Result<Vec<_>, _>>()?;
        let refusals: Vec<i64> =
            counts.iter().map(|count| i64::try_from(count.refusals).unwrap_or(i64::MAX)).collect();
        // Every writer takes the rows in the same order, so that no two wait for each other.
        let added = self.rows(Access::WriteOnce, || {
            sqlx::query!(
                "insert into refusal_counts (organization_id, code, hour, refusals)
                 select added.organization_id, added.code, added.hour, added.refusals
                   from unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[])
                        as added (organization_id, code, hour, refusals)
                  order by added.organization_id, added.hour, added.code
                 on conflict (organization_id, hour, code) do update
                    set refusals = refusal_counts.refusals + excluded.refusals
                 returning refusals",
                &organizations as _,
                &codes as _,
                &hours as _,
                &refusals
            )
        });
        added.await.map(drop)
    }

    async fn list(&self, query: &RefusalQuery) -> Result<Vec<RefusalCount>, PortUnavailable> {
        self.read_rows(|| {
            sqlx::query_as!(
                RefusalColumns::<PgTime>,
                "select organization_id, hour, code, refusals
                   from refusal_counts
                  where organization_id = $1 and hour >= $2 and hour < $3
                  order by hour, code",
                query.organization_id.as_str(),
                PgTime::bound(query.from) as _,
                PgTime::bound(query.until) as _
            )
        })
        .await
    }
}

use std::time::Duration;

use async_trait::async_trait;
use domain::CallStatus;
use domain::ports::{LedgerFigures, LedgerMeter, MeasuringLease, PortUnavailable};
use sql_common::{LedgerFiguresColumns, MEASURING_JOB, StoredTime as _};

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::failed;

// The SQL has this rank as a literal: the partial index is used only if the statement has it too. A call
// has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

type FiguresRow = LedgerFiguresColumns<i64>;

#[async_trait]
impl LedgerMeter for SqliteStore {
    async fn lease_measuring(
        &self,
        held: Option<MeasuringLease>,
        lease_for: Duration,
    ) -> Result<Option<MeasuringLease>, PortUnavailable> {
        let leased = self.lease_rows(|now| {
            sqlx::query!(
                r#"insert into job_leases (job, leased_until) values (?1, ?2)
                   on conflict (job) do update set leased_until = excluded.leased_until
                       where job_leases.leased_until <= ?3 or job_leases.leased_until = ?4
                   returning leased_until as "leased_until!""#,
                MEASURING_JOB,
                now.after(lease_for).unix_millis(),
                now.unix_millis(),
                held.map(|MeasuringLease(until)| until.unix_millis())
            )
        });
        Ok(leased.await?.first().map(|row| MeasuringLease(row.leased_until.timestamp())))
    }

    async fn measure(&self, limit: u32) -> Result<LedgerFigures, PortUnavailable> {
        let now = now().unix_millis();
        let measured = self.read_row(sqlx::query_file_as!(
            FiguresRow,
            "src/ledger_meter.sql",
            limit,
            CallStatus::Initiated.rank(),
            CallStatus::Ringing.rank(),
            CallStatus::InProgress.rank(),
            CallStatus::Unknown.rank(),
            now
        ));
        measured.await?.ok_or_else(|| failed("a statement returned no row"))
    }
}

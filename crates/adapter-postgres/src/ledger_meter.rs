use std::time::Duration;

use async_trait::async_trait;
use domain::CallStatus;
use domain::ports::{LedgerFigures, LedgerMeter, MeasuringLease, PortUnavailable};
use sql_common::{LedgerFiguresColumns, MEASURING_JOB, StoredTime as _};

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::Access;
use crate::timestamp::PgTime;

// The SQL has this rank as a literal: the partial index is used only if the statement has it too. A call
// has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

type FiguresRow = LedgerFiguresColumns<PgTime>;

#[async_trait]
impl LedgerMeter for PostgresStore {
    /// Not repeated after a broken connection: the second statement would find the lease of the first.
    async fn lease_measuring(
        &self,
        held: Option<MeasuringLease>,
        lease_for: Duration,
    ) -> Result<Option<MeasuringLease>, PortUnavailable> {
        let leased = self.row(Access::WriteOnce, || {
            sqlx::query!(
                "insert into job_leases (job, leased_until) \
                 values ($1, date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => $2)) \
                 on conflict on constraint job_leases_pkey do update \
                    set leased_until = excluded.leased_until \
                  where job_leases.leased_until <= clock_timestamp() or job_leases.leased_until = $3 \
                 returning leased_until",
                MEASURING_JOB,
                lease_for.as_secs_f64(),
                held.map(|MeasuringLease(until)| PgTime::bound(until)) as _
            )
        });
        Ok(leased.await?.map(|row| MeasuringLease(row.leased_until.timestamp())))
    }

    async fn measure(&self, limit: u32) -> Result<LedgerFigures, PortUnavailable> {
        let measured = self.read_row(|| {
            sqlx::query_file_as!(
                FiguresRow,
                "src/ledger_meter.sql",
                i64::from(limit),
                i16::from(CallStatus::Initiated.rank()),
                i16::from(CallStatus::Ringing.rank()),
                i16::from(CallStatus::InProgress.rank()),
                i16::from(CallStatus::Unknown.rank())
            )
        });
        measured.await?.ok_or_else(|| because("a statement returned no row"))
    }
}

use async_trait::async_trait;
use domain::CallStatus;
use domain::ports::{LedgerFigures, LedgerMeter, PortUnavailable};
use sql_common::LedgerFiguresColumns;

use crate::PostgresStore;
use crate::failure::because;
use crate::timestamp::PgTime;

// The SQL has this rank as a literal: the partial index is used only if the statement has it too. A call
// has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

type FiguresRow = LedgerFiguresColumns<PgTime>;

#[async_trait]
impl LedgerMeter for PostgresStore {
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

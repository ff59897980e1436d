use async_trait::async_trait;
use domain::CallStatus;
use domain::ports::{LedgerFigures, LedgerMeter, PortUnavailable};
use sql_common::LedgerFiguresColumns;

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::failed;

// The SQL has this rank as a literal: the partial index is used only if the statement has it too. A call
// has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

type FiguresRow = LedgerFiguresColumns<i64>;

#[async_trait]
impl LedgerMeter for SqliteStore {
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

use async_trait::async_trait;
use domain::DirectoryRecord;
use domain::ports::{Directory, DirectoryImport, PortUnavailable, UpsertError};

use super::Memory;
use super::rows::Rows;
use crate::flaw::Flaw;

/// An import into a copy of the rows. The suites run no two imports into one harness at once.
struct Import {
    memory: Memory,
    rows: Rows,
}

#[async_trait]
impl Directory for Memory {
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable> {
        let rows = self.rows().clone();
        Ok(Box::new(Import { memory: self.clone(), rows }))
    }
}

#[async_trait]
impl DirectoryImport for Import {
    async fn upsert(&mut self, records: &[DirectoryRecord]) -> Result<(), UpsertError> {
        for (index, record) in records.iter().enumerate() {
            let index = if self.memory.has(Flaw::MiscountsRefusals) { 0 } else { index };
            self.rows
                .upsert(record, self.memory.flaw)
                .map_err(|refusal| UpsertError::Refused { index, refusal })?;
        }
        if self.memory.has(Flaw::WritesBeforeTheCommit) {
            *self.memory.rows() = self.rows.clone();
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortUnavailable> {
        *self.memory.rows() = self.rows;
        Ok(())
    }
}

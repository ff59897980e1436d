//! Loads the directory from a file in three steps: [`read_ndjson`] or [`read_csv`] reads the whole
//! file, [`CheckedFile::check`] compares its records with the store and writes nothing, and
//! [`CheckedFile::store`] stores them in short transactions.

mod callee_lines;
mod csv_columns;
mod csv_file;
mod do_not_call_file;
mod file_records;
mod line;
mod ndjson_file;
mod place;

use std::sync::Arc;

use domain::ports::{Directory, PortUnavailable, UpsertError};
use domain::{CheckImport, DirectoryRecord};

pub(crate) use self::csv_columns::{CsvLayout, MappedColumn};
pub(crate) use self::csv_file::read_csv;
pub(crate) use self::do_not_call_file::NumbersFile;
pub(crate) use self::file_records::{Faults, FileRecords};
pub(crate) use self::line::LineReader;
pub(crate) use self::ndjson_file::read_ndjson;

/// How many records are checked together, and how many one transaction stores. Calls may have to
/// wait until the end of a transaction, so that it must be short.
const BATCH: usize = 1000;

/// The records of a file that can be loaded, in its order, and the lines that cannot.
#[derive(Debug)]
pub(crate) struct CheckedFile(FileRecords);

/// The store is unavailable.
#[derive(Debug, thiserror::Error)]
#[error("{0}; nothing was imported")]
pub(crate) struct CheckError(#[from] PortUnavailable);

/// Why an import ended early. The first `stored` records of the file are stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// The directory changed after the check.
    #[error("line {line}: {reason}; {stored} records were imported: import the whole file again")]
    Line { line: u64, reason: String, stored: usize },
    #[error("{cause}; at least {stored} records were imported: import the whole file again")]
    Store { cause: PortUnavailable, stored: usize },
}

impl CheckedFile {
    /// Finds the records that cannot be loaded because of what is stored, or of those before them.
    /// Calls `progress` with the number of records checked so far.
    pub(crate) async fn check(
        file: FileRecords,
        directory: Arc<dyn Directory>,
        mut progress: impl FnMut(usize),
    ) -> Result<Self, CheckError> {
        let mut check = CheckImport::new(directory);
        let mut checked = FileRecords { records: Vec::new(), lines: Vec::new(), ..file };
        let (mut records, mut lines) = (file.records.into_iter(), file.lines.into_iter());
        let mut done = 0;
        loop {
            let batch: Vec<_> = records.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(Self(checked));
            }
            let mut refused = check.check(&batch).await?.into_iter().peekable();
            done += batch.len();
            for ((index, record), line) in batch.into_iter().enumerate().zip(&mut lines) {
                match refused.next_if(|(refused, _)| *refused == index) {
                    Some((_, refusal)) => checked.faults.add(line, vec![refusal.to_string()]),
                    None => checked.add(line, record),
                }
            }
            progress(done);
        }
    }

    /// The lines that cannot be loaded.
    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What else the operator should know of the file.
    pub(crate) fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// The number of records that can be loaded.
    pub(crate) fn count(&self) -> usize {
        self.0.records.len()
    }

    /// How many rows were merged into others.
    pub(crate) fn merged(&self) -> usize {
        self.0.merged
    }

    /// Stores the records, in transactions of 1,000. Another process may have changed the directory
    /// since the check: a record that is refused now is added to the faults with `skip_invalid`, and
    /// ends the import without it. Calls `progress` with the number of records stored so far.
    pub(crate) async fn store(
        &mut self,
        directory: &dyn Directory,
        skip_invalid: bool,
        mut progress: impl FnMut(usize),
    ) -> Result<(), ImportError> {
        let mut stored = 0;
        while stored < self.0.records.len() {
            let end = self.0.records.len().min(stored + BATCH);
            match store_batch(directory, &self.0.records[stored..end]).await {
                Ok(()) => stored = end,
                Err(UpsertError::Refused { index, refusal }) if stored + index < end => {
                    let (line, reason) = (self.0.lines[stored + index], refusal.to_string());
                    if !skip_invalid {
                        return Err(ImportError::Line { line, reason, stored });
                    }
                    self.refuse(stored + index, reason);
                }
                Err(UpsertError::Refused { .. }) => {
                    let cause =
                        PortUnavailable::new("directory", "refused a record that was not in the batch");
                    return Err(ImportError::Store { cause, stored });
                }
                Err(UpsertError::Unavailable(cause)) => return Err(ImportError::Store { cause, stored }),
            }
            progress(stored);
        }
        Ok(())
    }

    fn refuse(&mut self, index: usize, reason: String) {
        self.0.records.remove(index);
        let line = self.0.lines.remove(index);
        self.0.faults.add(line, vec![reason]);
    }
}

async fn store_batch(directory: &dyn Directory, records: &[DirectoryRecord]) -> Result<(), UpsertError> {
    let mut import = directory.begin().await?;
    import.upsert(records).await?;
    Ok(import.commit().await?)
}

#[cfg(test)]
mod tests;

//! Loads the directory from an NDJSON file, one object per line, in two steps: [`check_ndjson`]
//! reads and checks the whole file and writes nothing, [`CheckedFile::store`] stores its records in
//! short transactions.

mod line;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, Read as _};
use std::sync::Arc;

use domain::ports::{Directory, Identifiers, PortUnavailable, UpsertError};
use domain::{CheckImport, DestinationRules, DirectoryRecord};

/// How many records are checked together, and how many one transaction stores. Calls may have to
/// wait until the end of a transaction, so that it must be short.
const BATCH: usize = 1000;
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Lines that cannot be loaded, counted from 1, and why. A reason never quotes a value. Displays as
/// one line of text for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(BTreeMap<u64, String>);

impl Faults {
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(line, reason)| writeln!(f, "line {line}: {reason}"))
    }
}

/// Why a file could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("the file cannot be read; nothing was imported")]
    Read(#[from] std::io::Error),
    #[error("{0}; nothing was imported")]
    Store(#[from] PortUnavailable),
}

/// Why an import ended early. The first `stored` records of the file are stored.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The directory changed after the check.
    #[error("line {line}: {reason}; {stored} records were imported: import the whole file again")]
    Line { line: u64, reason: String, stored: usize },
    #[error("{cause}; at least {stored} records were imported: import the whole file again")]
    Store { cause: PortUnavailable, stored: usize },
}

/// The records of a file that can be loaded, in its order, and the lines that cannot.
#[derive(Default)]
pub struct CheckedFile {
    records: Vec<DirectoryRecord>,
    /// The line of each record.
    lines: Vec<u64>,
    faults: Faults,
}

/// Reads every line, and finds those that cannot be loaded: because of their form, of what is
/// stored, or of the lines before them. Phone numbers are read by `destinations`. Calls `progress` with the
/// number of bytes read so far. Keeps all records in memory.
pub async fn check_ndjson(
    mut lines: impl BufRead,
    directory: Arc<dyn Directory>,
    identifiers: &dyn Identifiers,
    destinations: &DestinationRules,
    mut progress: impl FnMut(u64),
) -> Result<CheckedFile, CheckError> {
    let mut check = CheckImport::new(directory);
    let mut file = CheckedFile::default();
    let (mut checked, mut number, mut bytes) = (0, 0, 0);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = read_line(&mut lines, &mut text)?;
        bytes += read as u64;
        if read > 0 {
            number += 1;
            match parse(&text, number, identifiers, destinations) {
                Ok(Some(record)) => file.add(number, record),
                Ok(None) => {}
                Err(reason) => file.faults.add(number, reason),
            }
        }
        if file.records.len() - checked == BATCH || read == 0 {
            let refused = check.check(&file.records[checked..]).await?;
            // From the last one on, so that the indexes stay valid.
            for (index, refusal) in refused.into_iter().rev() {
                file.refuse(checked + index, refusal.to_string());
            }
            checked = file.records.len();
            progress(bytes);
        }
        if read == 0 {
            return Ok(file);
        }
    }
}

/// Reads one line and returns its length. Of a line beyond the limit, `text` gets only so much that
/// its length shows it.
fn read_line(lines: &mut impl BufRead, text: &mut Vec<u8>) -> std::io::Result<usize> {
    let read = lines.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', text)?;
    let is_cut = read > MAX_LINE_BYTES && text.last() != Some(&b'\n');
    Ok(if is_cut { read + lines.skip_until(b'\n')? } else { read })
}

fn parse(
    text: &[u8],
    number: u64,
    identifiers: &dyn Identifiers,
    destinations: &DestinationRules,
) -> Result<Option<DirectoryRecord>, String> {
    if text.len() > MAX_LINE_BYTES {
        return Err(format!("longer than {MAX_LINE_BYTES} bytes"));
    }
    // Some spreadsheets write a byte order mark at the start of a file.
    let text = if number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
    let text = std::str::from_utf8(text).map_err(|_| "not UTF-8")?.trim();
    if text.is_empty() { Ok(None) } else { line::parse(text, identifiers, destinations).map(Some) }
}

impl CheckedFile {
    /// The lines that cannot be loaded.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The number of records that can be loaded.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// Stores the records, in transactions of 1,000. Another process may have changed the directory
    /// since the check: a record that is refused now is added to the faults with `skip_invalid`, and
    /// ends the import without it. Calls `progress` with the number of records stored so far.
    pub async fn store(
        &mut self,
        directory: &dyn Directory,
        skip_invalid: bool,
        mut progress: impl FnMut(usize),
    ) -> Result<(), ImportError> {
        let mut stored = 0;
        while stored < self.records.len() {
            let end = self.records.len().min(stored + BATCH);
            match store_batch(directory, &self.records[stored..end]).await {
                Ok(()) => stored = end,
                Err(UpsertError::Refused { index, refusal }) if stored + index < end => {
                    let (line, reason) = (self.lines[stored + index], refusal.to_string());
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

    fn add(&mut self, line: u64, record: DirectoryRecord) {
        self.lines.push(line);
        self.records.push(record);
    }

    fn refuse(&mut self, index: usize, reason: String) {
        self.records.remove(index);
        self.faults.add(self.lines.remove(index), reason);
    }
}

impl Faults {
    fn add(&mut self, line: u64, reason: String) {
        self.0.insert(line, reason);
    }
}

async fn store_batch(directory: &dyn Directory, records: &[DirectoryRecord]) -> Result<(), UpsertError> {
    let mut import = directory.begin().await?;
    import.upsert(records).await?;
    Ok(import.commit().await?)
}

#[cfg(test)]
mod tests;

//! Loading the directory from a file: NDJSON, one object a line, all of it or nothing.

mod line;

use std::io::BufRead;

use domain::DirectoryRecord;
use domain::ports::{Directory, Identifiers, PortUnavailable, UpsertError};

/// Records that travel to the store at once.
const BATCH: usize = 1000;
/// The longest line that is read, in bytes.
const MAX_LINE_LEN: usize = 64 * 1024;

/// What was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Records, of every kind.
    pub records: u64,
}

/// Why nothing was loaded.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// One line cannot be loaded.
    #[error("line {line}: {reason}; nothing was imported")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// The file cannot be read.
    #[error("the file cannot be read; nothing was imported")]
    Read(#[from] std::io::Error),
    /// The store could not do its work.
    #[error("{0}; nothing was imported")]
    Store(#[from] PortUnavailable),
}

/// Loads every line of `lines`, or none. `progress` hears of the bytes read so far.
pub async fn import_ndjson(
    mut lines: impl BufRead,
    directory: &dyn Directory,
    identifiers: &dyn Identifiers,
    mut progress: impl FnMut(u64),
) -> Result<ImportReport, ImportError> {
    let mut import = directory.begin().await?;
    let mut report = ImportReport::default();
    let (mut batch, mut numbers) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    let (mut number, mut bytes) = (0, 0);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = read_line(&mut lines, &mut text)?;
        bytes += read as u64;
        if read > 0 {
            number += 1;
            if let Some(record) = parse(&text, number, identifiers)? {
                batch.push(record);
                numbers.push(number);
            }
        }
        if batch.len() == BATCH || (read == 0 && !batch.is_empty()) {
            import.upsert(&batch).await.map_err(|error| refused(error, &numbers))?;
            report.records += batch.len() as u64;
            batch.clear();
            numbers.clear();
            progress(bytes);
        }
        if read == 0 {
            import.commit().await?;
            return Ok(report);
        }
    }
}

/// One line without its end, and one byte more than the limit at most.
fn read_line(lines: &mut impl BufRead, text: &mut Vec<u8>) -> std::io::Result<usize> {
    use std::io::Read as _;
    lines.take(MAX_LINE_LEN as u64 + 1).read_until(b'\n', text)
}

fn parse(
    text: &[u8],
    number: u64,
    identifiers: &dyn Identifiers,
) -> Result<Option<DirectoryRecord>, ImportError> {
    let refused = |reason: String| ImportError::Line { line: number, reason };
    if text.len() > MAX_LINE_LEN {
        return Err(refused(format!("longer than {MAX_LINE_LEN} bytes")));
    }
    // A byte order mark is how some spreadsheets begin a file.
    let text = if number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
    let text = std::str::from_utf8(text).map_err(|_| refused("not UTF-8".to_owned()))?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    line::parse(text, identifiers).map(Some).map_err(refused)
}

fn refused(error: UpsertError, numbers: &[u64]) -> ImportError {
    match error {
        UpsertError::Refused { index, refusal } => match numbers.get(index) {
            Some(line) => ImportError::Line { line: *line, reason: refusal.to_string() },
            None => ImportError::Store(PortUnavailable::new(
                "directory",
                "refused a record that was not given to it",
            )),
        },
        UpsertError::Unavailable(unavailable) => ImportError::Store(unavailable),
    }
}

//! Loads the directory from an NDJSON file, one object per line: all of it, or nothing.

mod line;

use std::io::BufRead;

use domain::ports::{Directory, Identifiers, PortUnavailable, UpsertError};
use domain::{DirectoryRecord, NumberingPlan};

/// How many records the store receives together.
const BATCH: usize = 1000;
const MAX_LINE_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportReport {
    pub records: u64,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line is invalid. Lines are counted from 1.
    #[error("line {line}: {reason}; nothing was imported")]
    Line { line: u64, reason: String },
    #[error("the file cannot be read; nothing was imported")]
    Read(#[from] std::io::Error),
    #[error("{0}; nothing was imported")]
    Store(#[from] PortUnavailable),
}

/// Imports every line, or none. Phone numbers must be in `plan`. Calls `progress` with the number of bytes read so far.
pub async fn import_ndjson(
    mut lines: impl BufRead,
    directory: &dyn Directory,
    identifiers: &dyn Identifiers,
    plan: &NumberingPlan,
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
            if let Some(record) = parse(&text, number, identifiers, plan)? {
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

/// Reads one line, but at most one byte more than the limit.
fn read_line(lines: &mut impl BufRead, text: &mut Vec<u8>) -> std::io::Result<usize> {
    use std::io::Read as _;
    lines.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', text)
}

fn parse(
    text: &[u8],
    number: u64,
    identifiers: &dyn Identifiers,
    plan: &NumberingPlan,
) -> Result<Option<DirectoryRecord>, ImportError> {
    let refused = |reason: String| ImportError::Line { line: number, reason };
    if text.len() > MAX_LINE_BYTES {
        return Err(refused(format!("longer than {MAX_LINE_BYTES} bytes")));
    }
    // Some spreadsheets write a byte order mark at the start of a file.
    let text = if number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
    let text = std::str::from_utf8(text).map_err(|_| refused("not UTF-8".to_owned()))?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    line::parse(text, identifiers, plan).map(Some).map_err(refused)
}

fn refused(error: UpsertError, numbers: &[u64]) -> ImportError {
    match error {
        UpsertError::Refused { index, refusal } => match numbers.get(index) {
            Some(line) => ImportError::Line { line: *line, reason: refusal.to_string() },
            None => ImportError::Store(PortUnavailable::new(
                "directory",
                "refused a record that was not in the batch",
            )),
        },
        UpsertError::Unavailable(unavailable) => ImportError::Store(unavailable),
    }
}

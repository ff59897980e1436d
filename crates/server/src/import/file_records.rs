use std::collections::BTreeMap;
use std::fmt;

use domain::DirectoryRecord;

/// The longest line or row, in bytes.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024;

/// Why a line cannot be loaded: all of its faults. A reason names the field and never quotes its
/// value.
pub(super) type Reasons = Vec<String>;

/// Lines that cannot be loaded, counted from 1, and why. Displays as one line of text for each
/// reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults(pub(super) BTreeMap<u64, Reasons>);

impl Faults {
    /// How many lines there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, line: u64, reasons: Reasons) {
        let known = self.0.entry(line).or_default();
        for reason in reasons {
            // Each number of a list that is refused has the same reason.
            if !known.contains(&reason) {
                known.push(reason);
            }
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons =
            self.0.iter().flat_map(|(line, reasons)| reasons.iter().map(move |why| (line, why)));
        reasons.try_for_each(|(line, reason)| writeln!(f, "line {line}: {reason}"))
    }
}

/// The records of a file, in its order, and the lines that are no records.
#[derive(Debug, Default)]
pub(crate) struct FileRecords {
    pub(super) records: Vec<DirectoryRecord>,
    /// The line of each record.
    pub(super) lines: Vec<u64>,
    pub(super) faults: Faults,
    /// What else the operator should know of the file, a sentence each. No note quotes a value.
    pub(super) notes: Vec<String>,
    /// How many rows were merged into others.
    pub(super) merged: usize,
}

impl FileRecords {
    /// The number of records.
    pub(crate) fn count(&self) -> usize {
        self.records.len()
    }

    pub(super) fn add(&mut self, line: u64, record: DirectoryRecord) {
        self.lines.push(line);
        self.records.push(record);
    }
}

/// Why a file could not be checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the file cannot be read; nothing was imported")]
    Read(#[from] std::io::Error),
    /// It does not have the expected columns.
    #[error("{0}; nothing was imported")]
    Columns(String),
}

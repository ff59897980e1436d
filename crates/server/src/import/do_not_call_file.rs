//! A do-not-call list in a file of its own: one number on each line. The file may have millions of
//! lines, so that it is read twice and never held in memory: first it is checked, then stored.

use std::io::{BufRead, Read as _};
use std::sync::Arc;

use domain::ports::{Directory, PortUnavailable, UpsertError};
use domain::{
    CheckImport, DestinationRules, DirectoryRecord, DoNotCallCopy, DoNotCallNumber, HomeCountries,
    PhoneNumber,
};

use super::file_records::Faults;
use super::{BATCH, ImportError};

/// How many batches one transaction stores. Bookings of the embedded file wait for its end.
const BATCHES: usize = 5;
/// After so many faulty lines the check of a file ends: it is not a list of numbers.
const MAX_FAULTS: usize = 1000;
/// The longest line, in bytes. The rest of a longer one is not read.
const MAX_LINE: u64 = 4096;

/// How the numbers of a list are read.
pub(crate) struct NumbersFile<'a> {
    pub(crate) copy: DoNotCallCopy,
    pub(crate) destinations: &'a DestinationRules,
    /// Where numbers without `+` are at home.
    pub(crate) home: Option<HomeCountries>,
}

impl NumbersFile<'_> {
    /// Counts the numbers of a file, and finds the lines that are none. A first line without digits is
    /// a header.
    pub(crate) fn check(&self, file: impl BufRead) -> std::io::Result<(usize, Faults)> {
        let (mut numbers, mut faults) = (0, Faults::default());
        for line in Lines::new(file) {
            let (number, text) = line?;
            match self.number(number, &text) {
                Ok(Some(_)) => numbers += 1,
                Ok(None) => {}
                Err(reason) => faults.add(number, vec![reason]),
            }
            if faults.count() >= MAX_FAULTS {
                break;
            }
        }
        Ok((numbers, faults))
    }

    /// Why the copy would be refused, whatever its numbers are.
    pub(crate) async fn refusal(
        &self,
        directory: Arc<dyn Directory>,
    ) -> Result<Option<String>, PortUnavailable> {
        let record = DirectoryRecord::DoNotCallCopy(self.copy.clone());
        let refused = CheckImport::new(directory).check(&[record]).await?;
        Ok(refused.first().map(|(_, refusal)| refusal.to_string()))
    }

    /// Stores the numbers, without the lines that are none, and then the copy. Until then the numbers
    /// of the previous copy count too. Calls `progress` with the number of numbers stored so far.
    pub(crate) async fn store(
        &self,
        file: impl BufRead,
        directory: &dyn Directory,
        mut progress: impl FnMut(usize),
    ) -> anyhow::Result<usize> {
        let mut numbers = Lines::new(file).filter_map(|line| match line {
            Ok((number, text)) => self.number(number, &text).ok().flatten().map(Ok),
            Err(error) => Some(Err(error)),
        });
        let mut stored = 0;
        loop {
            let batch: Vec<DirectoryRecord> = numbers
                .by_ref()
                .take(BATCH * BATCHES)
                .map(|number| number.map(|number| self.record(number)))
                .collect::<std::io::Result<_>>()?;
            if batch.is_empty() {
                break;
            }
            let failed = |error| failure(error, stored);
            let mut import = directory.begin().await.map_err(|cause| ImportError::Store { cause, stored })?;
            for records in batch.chunks(BATCH) {
                import.upsert(records).await.map_err(failed)?;
            }
            import.commit().await.map_err(|cause| ImportError::Store { cause, stored })?;
            stored += batch.len();
            progress(stored);
        }
        let mut import = directory.begin().await.map_err(|cause| ImportError::Store { cause, stored })?;
        let copy = DirectoryRecord::DoNotCallCopy(self.copy.clone());
        import.upsert(&[copy]).await.map_err(|error| failure(error, stored))?;
        import.commit().await.map_err(|cause| ImportError::Store { cause, stored })?;
        Ok(stored)
    }

    fn record(&self, phone_number: PhoneNumber) -> DirectoryRecord {
        DirectoryRecord::DoNotCallNumber(DoNotCallNumber { copy: self.copy.clone(), phone_number })
    }

    /// The number in the first column of a line.
    fn number(&self, line: u64, text: &str) -> Result<Option<PhoneNumber>, String> {
        let cell = text.split([',', ';', '\t', '|']).next().unwrap_or_default();
        let cell = cell.trim().trim_matches('"').trim();
        let is_header = line == 1 && !cell.bytes().any(|byte| byte.is_ascii_digit());
        if cell.is_empty() || is_header {
            return Ok(None);
        }
        let read = match &self.home {
            Some(home) => self.destinations.read_stored_of(cell, home),
            None => self.destinations.read_stored(cell),
        };
        read.map(Some).map_err(|error| error.to_string())
    }
}

fn failure(error: UpsertError, stored: usize) -> ImportError {
    match error {
        UpsertError::Refused { refusal, .. } => {
            ImportError::Store { cause: PortUnavailable::new("directory", refusal.to_string()), stored }
        }
        UpsertError::Unavailable(cause) => ImportError::Store { cause, stored },
    }
}

/// The lines of a file with their numbers, from 1. What is not UTF-8 is replaced, and so is no number.
struct Lines<R> {
    file: R,
    number: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    const fn new(file: R) -> Self {
        Self { file, number: 0, bytes: Vec::new() }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = std::io::Result<(u64, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.bytes.clear();
        let read = self.file.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.bytes);
        let read = read.and_then(|read| {
            if self.bytes.len() as u64 == MAX_LINE && self.bytes.last() != Some(&b'\n') {
                self.file.skip_until(b'\n')?;
            }
            Ok(read)
        });
        self.number += 1;
        match read {
            Ok(0) => None,
            Ok(_) => {
                let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
                Some(Ok((self.number, String::from_utf8_lossy(bytes).into_owned())))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests;

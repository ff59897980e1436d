use std::io::{BufRead, Read as _};

use domain::{DirectoryRecord, DoNotCallCopy};

use super::file_records::{FileRecords, MAX_LINE_BYTES, ReadError, Reasons};
use super::line::{self, LineReader};

/// Reads every line of a file with one JSON object on each line.
pub(crate) fn read_ndjson(mut lines: impl BufRead, reader: LineReader<'_>) -> Result<FileRecords, ReadError> {
    let mut file = FileRecords::default();
    let mut text = Vec::new();
    let mut copies: Vec<(u64, DoNotCallCopy)> = Vec::new();
    for number in 1.. {
        text.clear();
        if read_line(&mut lines, &mut text)? == 0 {
            break;
        }
        match parse(&text, number, reader) {
            Ok(records) => {
                for record in records {
                    match record {
                        DirectoryRecord::DoNotCallCopy(copy) => {
                            copies.retain(|(_, earlier)| *earlier != copy);
                            copies.push((number, copy));
                        }
                        record => file.add(number, record),
                    }
                }
            }
            Err(reasons) => file.faults.add(number, reasons),
        }
    }
    // A copy replaces the previous one as soon as it is stored, so it comes after all of its numbers.
    for (line, copy) in copies {
        file.add(line, DirectoryRecord::DoNotCallCopy(copy));
    }
    Ok(file)
}

/// Reads one line and returns its length. Of a line beyond the limit, `text` gets only so much that
/// its length shows it.
fn read_line(lines: &mut impl BufRead, text: &mut Vec<u8>) -> std::io::Result<usize> {
    let read = lines.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', text)?;
    let is_cut = read > MAX_LINE_BYTES && text.last() != Some(&b'\n');
    Ok(if is_cut { read + lines.skip_until(b'\n')? } else { read })
}

fn parse(text: &[u8], number: u64, reader: LineReader<'_>) -> Result<Vec<DirectoryRecord>, Reasons> {
    if text.len() > MAX_LINE_BYTES {
        return Err(vec![format!("longer than {MAX_LINE_BYTES} bytes")]);
    }
    // Some spreadsheets write a byte order mark at the start of a file.
    let text = if number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
    let text = std::str::from_utf8(text).map_err(|_| vec!["not UTF-8: save the file as UTF-8".to_owned()])?;
    let text = text.trim();
    if text.is_empty() { Ok(Vec::new()) } else { line::parse(text, reader) }
}

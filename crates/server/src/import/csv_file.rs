use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};
use domain::{ContactRecord, DirectoryRecord, HomeCountries, OrganizationId, PhoneNumber};

use super::csv_columns::{Columns, ContactField, CsvLayout};
use super::file_records::{FileRecords, MAX_LINE_BYTES, ReadError, Reasons};
use super::line::{self, ContactLine, LineReader};

/// How many names of columns that are not imported are shown, and how many characters of each.
const SHOWN_COLUMNS: usize = 20;
const SHOWN_CHARACTERS: usize = 64;

/// Reads the contacts of a CSV file, whose first row names the columns. Rows with the same phone
/// number are merged.
pub(crate) fn read_csv(
    mut file: impl Read,
    layout: &CsvLayout,
    line_reader: LineReader<'_>,
) -> Result<FileRecords, ReadError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let not_utf8 = |what| ReadError::Columns(format!("{what} is {NOT_UTF8}"));
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(not_utf8("the file"));
    }
    // Some spreadsheets write a byte order mark at the start of a file.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    // `flexible`: a row with another number of cells is a fault of this row, and not the end of the file.
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(text)).from_reader(text);
    let mut row = ByteRecord::new();
    reader.read_byte_record(&mut row).map_err(read_error)?;
    let headers = utf8(&row).ok_or_else(|| not_utf8("the first row"))?;
    let columns = Columns::find(&headers, layout).map_err(ReadError::Columns)?;
    let width = headers.len();
    let mut contacts = Contacts::default();
    contacts.file.notes.extend(not_imported(columns.others(width).map(|index| headers[index])));

    let rows = Rows { columns, width, layout, reader: line_reader };
    let mut lines = Lines { text, byte: 0, line: 1 };
    let mut row = ByteRecord::new();
    while reader.read_byte_record(&mut row).map_err(read_error)? {
        let line = lines.of(&row);
        match rows.contact(&row) {
            Ok(Some(contact)) => contacts.add(line, contact),
            Ok(None) => {}
            Err(reasons) => contacts.file.faults.add(line, reasons),
        }
    }
    Ok(contacts.file)
}

const NOT_UTF8: &str = "not UTF-8: save the file as \"CSV UTF-8\"";

/// Of the delimiters that spreadsheets write, the one that the first line has most of.
fn delimiter(text: &[u8]) -> u8 {
    let first_line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let count = |delimiter: u8| first_line.iter().filter(|byte| **byte == delimiter).count();
    b"|\t;,".iter().copied().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// Counts the lines of a file up to each row. The reader's own count leaves out blank lines, and the
/// `\n` of a `\r\n`.
struct Lines<'a> {
    text: &'a [u8],
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line in which the row begins. Rows must come in the order of the file.
    fn of(&mut self, row: &ByteRecord) -> u64 {
        let start =
            row.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        while let Some(byte) = self.text.get(self.byte) {
            if self.byte >= start && !matches!(byte, b'\n' | b'\r') {
                break;
            }
            self.byte += 1;
            if *byte == b'\n' || (*byte == b'\r' && self.text.get(self.byte) != Some(&b'\n')) {
                self.line += 1;
            }
        }
        self.line
    }
}

fn read_error(error: csv::Error) -> ReadError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ReadError::Read(error),
        _ => ReadError::Columns("the file is no CSV file".to_owned()),
    }
}

/// The cells of a row, trimmed. `None` if one is not UTF-8.
fn utf8(row: &ByteRecord) -> Option<Vec<&str>> {
    row.iter().map(|cell| std::str::from_utf8(cell).ok().map(str::trim)).collect()
}

fn not_imported<'a>(headers: impl Iterator<Item = &'a str>) -> Option<String> {
    let shown = |header: &str| -> String {
        header.chars().filter(|c| !c.is_control()).take(SHOWN_CHARACTERS).collect()
    };
    let headers: Vec<_> = headers.map(shown).collect();
    let more = if headers.len() > SHOWN_COLUMNS { ", ..." } else { "" };
    let names = headers.iter().take(SHOWN_COLUMNS).map(String::as_str).collect::<Vec<_>>().join(", ");
    (!headers.is_empty()).then(|| format!("columns that are not imported: {names}{more}"))
}

/// How the rows of a file are read.
struct Rows<'a> {
    columns: Columns,
    width: usize,
    layout: &'a CsvLayout,
    reader: LineReader<'a>,
}

impl Rows<'_> {
    /// The contact of a row. `None` if all cells are empty.
    fn contact(&self, row: &ByteRecord) -> Result<Option<ContactRecord>, Reasons> {
        if row.as_slice().len() > MAX_LINE_BYTES {
            let reason =
                format!("longer than {MAX_LINE_BYTES} bytes: look for a quotation mark without its pair");
            return Err(vec![reason]);
        }
        if row.as_slice().trim_ascii().is_empty() {
            return Ok(None);
        }
        if row.len() != self.width {
            let (cells, width) = (row.len(), self.width);
            let remedy = "put quotation marks around a cell that has a delimiter or a line break";
            return Err(vec![format!("{cells} cells, and {width} in the first row: {remedy}")]);
        }
        let Some(cells) = utf8(row) else { return Err(vec![NOT_UTF8.to_owned()]) };
        let cell = |field| {
            let cell = cells[self.columns.of(field)?];
            (!cell.is_empty()).then(|| cell.to_owned())
        };
        let organization = self.layout.organization.as_ref().map(OrganizationId::as_str);
        let contact = ContactLine {
            id: cell(ContactField::Id),
            organization_id: organization
                .map(ToOwned::to_owned)
                .or_else(|| cell(ContactField::OrganizationId))
                .unwrap_or_default(),
            first_name: cell(ContactField::FirstName),
            last_name: cell(ContactField::LastName),
            phone_number: cell(ContactField::PhoneNumber),
            time_zone: cell(ContactField::TimeZone),
            region: cell(ContactField::Region),
            state: cell(ContactField::State),
            country: cell(ContactField::Country),
        };
        let country = cell(ContactField::CountryCode);
        let read_number = |text: &str| self.read_number(text, country.as_deref());
        line::contact(&contact, self.reader, read_number).map(Some)
    }

    /// The country of the row counts, then that of the file, then that of the settings.
    fn read_number(&self, text: &str, country: Option<&str>) -> Result<PhoneNumber, Reasons> {
        let country = country.map(HomeCountries::parse).transpose();
        let country = country.map_err(|error| vec![format!("countryCode: {error}")])?;
        let number = match country.as_ref().or(self.layout.default_country.as_ref()) {
            Some(home) => self.reader.destinations.read_stored_of(text, home),
            None => self.reader.destinations.read_stored(text),
        };
        number.map_err(|error| vec![format!("phoneNumber: {error}")])
    }
}

/// The contacts of a file. Those with one phone number are one record.
#[derive(Default)]
struct Contacts {
    file: FileRecords,
    /// The index of the record of each number.
    by_number: HashMap<(OrganizationId, PhoneNumber), usize>,
}

impl Contacts {
    fn add(&mut self, line: u64, contact: ContactRecord) {
        let number = contact.phone_number.clone();
        let seen = number.map(|number| self.by_number.entry((contact.organization_id.clone(), number)));
        if let Some(Entry::Occupied(seen)) = &seen
            && let DirectoryRecord::Contact(first) = &mut self.file.records[*seen.get()]
            && let Some(merged) = first.merged(&contact)
        {
            if merged.lacks_name_of(&contact) {
                let first = self.file.lines[*seen.get()];
                let note =
                    format!("line {line}: its name was not imported: line {first} has its phone number");
                self.file.notes.push(note);
            }
            *first = merged;
            self.file.merged += 1;
            return;
        }
        if let Some(Entry::Vacant(new)) = seen {
            new.insert(self.file.records.len());
        }
        self.file.add(line, DirectoryRecord::Contact(contact));
    }
}

#[cfg(test)]
mod tests;

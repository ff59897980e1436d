//! The table of number ranges, which `scripts/numbering-plan.py` generates.

use std::sync::LazyLock;

use super::{Country, LineType};

static TEXT: &str = include_str!("../../../data/numbering-plan.txt");

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = parse(TEXT).expect("the table of this build is readable, as a test checks");
    table.ranges.sort_unstable_by_key(|range| (range.digits, range.first));
    table
});

#[derive(Debug, Default)]
struct Table {
    countries: Vec<CountryEntry>,
    /// Sorted by `digits` and `first`; no two ranges overlap.
    ranges: Vec<NumberRange>,
}

/// How the numbers of a country are written.
#[derive(Debug)]
pub(super) struct CountryEntry {
    pub(super) country: Country,
    pub(super) calling_code: &'static str,
    /// What precedes a number that is written as at home. Empty if nothing does.
    pub(super) national_prefix: &'static str,
}

/// Neighbouring numbers of one length that belong to one country and one type of line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NumberRange {
    /// How many digits each number has, with the calling code.
    digits: usize,
    first: u64,
    last: u64,
    /// `None` for a range that belongs to no country.
    pub(super) country: Option<Country>,
    pub(super) line_type: LineType,
}

/// The range that contains the number with these digits.
pub(super) fn find(digits: &str) -> Option<&'static NumberRange> {
    let number: u64 = digits.parse().ok()?;
    let ranges = &TABLE.ranges;
    let after = ranges.partition_point(|range| (range.digits, range.first) <= (digits.len(), number));
    let range = ranges.get(after.checked_sub(1)?)?;
    (range.digits == digits.len() && number <= range.last).then_some(range)
}

/// The country with this ISO 3166 code.
pub(super) fn country(code: &str) -> Option<&'static CountryEntry> {
    TABLE.countries.iter().find(|entry| entry.country.as_str() == code)
}

/// The countries with this calling code.
pub(super) fn countries_of(calling_code: &str) -> impl Iterator<Item = Country> {
    let entries = TABLE.countries.iter().filter(move |entry| entry.calling_code == calling_code);
    entries.map(|entry| entry.country)
}

/// Reads the table. The file describes its own format.
fn parse(text: &'static str) -> Option<Table> {
    let mut table = Table::default();
    let mut section = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (left, right) = line.split_once(' ')?;
        if left.starts_with(|c: char| c.is_ascii_digit()) {
            let (country, line_type) = section?;
            let (first, last) = pair(left);
            let (fewest, most) = pair(right);
            for digits in fewest.parse().ok()?..=most.parse().ok()? {
                let [first, last] = [padded(first, '0', digits)?, padded(last, '9', digits)?];
                table.ranges.push(NumberRange { digits, first, last, country, line_type });
            }
        } else if let Some((calling_code, national_prefix)) = right.split_once(' ') {
            let national_prefix = if national_prefix == "-" { "" } else { national_prefix };
            table.countries.push(CountryEntry { country: Country(left), calling_code, national_prefix });
        } else {
            let country = (left != "global").then_some(Country(left));
            section = Some((country, line_type(right)?));
        }
    }
    Some(table)
}

/// Both ends of `a-b`, or twice the same.
fn pair(text: &str) -> (&str, &str) {
    text.split_once('-').unwrap_or((text, text))
}

fn padded(prefix: &str, with: char, digits: usize) -> Option<u64> {
    let missing = digits.checked_sub(prefix.len())?;
    let padding = std::iter::repeat_n(with, missing);
    prefix.chars().chain(padding).collect::<String>().parse().ok()
}

fn line_type(name: &str) -> Option<LineType> {
    Some(match name {
        "standard" => LineType::Standard,
        "voip" => LineType::Voip,
        "toll-free" => LineType::TollFree,
        "premium" => LineType::Premium,
        "shared-cost" => LineType::SharedCost,
        "personal" => LineType::Personal,
        "company" => LineType::Company,
        "pager" => LineType::Pager,
        "voicemail" => LineType::Voicemail,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

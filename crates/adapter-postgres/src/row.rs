//! Reading columns into the domain's values. Whatever does not parse is an inconsistency, named by its column alone.

use domain::ports::PortUnavailable;

use crate::failure::because;

/// The column's value, read by `parse`.
pub(crate) fn read<T, E>(
    column: &'static str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, PortUnavailable> {
    parse(text).map_err(|_| unreadable(column))
}

/// The value of a column that may be null, read by `parse`.
pub(crate) fn read_optional<T, E>(
    column: &'static str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, PortUnavailable> {
    text.map(|text| read(column, text, parse)).transpose()
}

/// The column holds something that is none of the domain's values.
pub(crate) fn unreadable(column: &'static str) -> PortUnavailable {
    because(format!("{column} holds what cannot be read"))
}

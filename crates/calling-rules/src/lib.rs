//! The calling rules of the world as data with dates, and the time zones of phone numbers.
//!
//! Implements [`domain::ports::CallingRules`] without I/O and without a clock. It is the only crate
//! that knows `jiff`, with the tz database that is compiled in: the answer does not depend on the
//! machine.
//!
//! These are facts for a product, not legal advice: `docs/calling-rules-data.md`.
//!
//! | Module | Contains |
//! |---|---|
//! | `rule_book`, `holidays` | `data/rules.toml` and `data/holidays.txt` |
//! | `numbers` | libphonenumber's tables: a number's zones, an area code's state |
//! | `countries` | the tz database's `zone.tab`: a country's zones |
//! | `clock` | instants and local time; everything that needs `jiff` |
//! | `places` | where the callee may be |
//! | `hours` | when hours are open, in all zones of a place |
//! | `rules` | the port |
//! | `table` | the table of the documentation |

mod clock;
mod countries;
mod holidays;
mod hours;
mod numbers;
mod places;
mod rule_book;
mod rules;
mod table;

pub use self::rules::Rules;
pub use self::table::markdown;

#[cfg(test)]
mod tests;

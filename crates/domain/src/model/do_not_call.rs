//! Do-not-call lists, as they are imported.

use crate::{InvalidValue, LocalDate, OrganizationId, PhoneNumber};

/// The name of a do-not-call list, for example `us-national`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListName(Box<str>);

impl ListName {
    /// Reads a name: 1 to 64 lower-case letters, digits and `-`, of which the first is a letter.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue =
            InvalidValue("a name of a list: 1 to 64 lower-case letters, digits and -, like us-national");
        let of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(of_name);
        if is_name { Ok(Self(text.into())) } else { Err(INVALID) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A copy of a do-not-call list. While its numbers are stored, those of the previous copy count too;
/// from the time at which the copy itself is stored, only its own do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DoNotCallCopy {
    /// The organization that follows the list.
    pub organization_id: OrganizationId,
    /// The list.
    pub name: ListName,
    /// The date of the copy.
    pub dated: LocalDate,
}

impl DoNotCallCopy {
    /// Whether two copies are of one list.
    #[must_use]
    pub fn is_of_list(&self, other: &Self) -> bool {
        (&self.organization_id, &self.name) == (&other.organization_id, &other.name)
    }
}

/// A number on a copy of a do-not-call list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoNotCallNumber {
    /// The copy.
    pub copy: DoNotCallCopy,
    /// The number.
    pub phone_number: PhoneNumber,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_list_is_a_word_that_begins_with_a_letter() {
        ListName::parse("us-national2").expect("a name");
        for other in ["", "US", "1us", "+14165550100", "us national", &"x".repeat(65)] {
            ListName::parse(other).expect_err(other);
        }
    }
}

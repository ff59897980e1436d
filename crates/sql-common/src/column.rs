use domain::Timestamp;

/// A column holds a value that the domain does not accept. The value itself may be personal data, so that
/// it is not part of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{table}.{column} holds a value that cannot be read")]
pub struct Unreadable {
    table: &'static str,
    column: &'static str,
}

/// The columns of a row that hold one value of the domain.
pub trait Columns {
    type Value;

    fn read(self) -> Result<Self::Value, Unreadable>;
}

/// A time as a store keeps it.
pub trait StoredTime {
    fn timestamp(self) -> Timestamp;
}

/// Milliseconds since the Unix epoch.
impl StoredTime for i64 {
    fn timestamp(self) -> Timestamp {
        Timestamp::from_unix_millis(self)
    }
}

/// The result of a parser of the domain, whichever of the two types it has.
pub trait Parsed {
    type Value;

    fn value(self) -> Option<Self::Value>;
}

impl<T> Parsed for Option<T> {
    type Value = T;

    fn value(self) -> Option<T> {
        self
    }
}

impl<T, E> Parsed for Result<T, E> {
    type Value = T;

    fn value(self) -> Option<T> {
        self.ok()
    }
}

/// The name of a table, for reading its columns.
#[derive(Debug, Clone, Copy)]
pub struct Table(pub &'static str);

impl Table {
    pub const fn unreadable(self, column: &'static str) -> Unreadable {
        Unreadable { table: self.0, column }
    }

    pub fn read<P: Parsed>(
        self,
        column: &'static str,
        stored: impl AsRef<str>,
        parse: impl FnOnce(&str) -> P,
    ) -> Result<P::Value, Unreadable> {
        parse(stored.as_ref()).value().ok_or_else(|| self.unreadable(column))
    }

    pub fn read_optional<P: Parsed>(
        self,
        column: &'static str,
        stored: Option<String>,
        parse: impl FnOnce(&str) -> P,
    ) -> Result<Option<P::Value>, Unreadable> {
        stored.map(|stored| self.read(column, stored, parse)).transpose()
    }

    /// Reads a number that the domain has as a smaller or unsigned one.
    pub fn read_number<T: TryFrom<i64>>(self, column: &'static str, stored: i64) -> Result<T, Unreadable> {
        T::try_from(stored).map_err(|_| self.unreadable(column))
    }
}

/// Reads the identity of a call from the columns of a row. The id of the call is read already, since
/// tables name its column differently.
#[macro_export]
macro_rules! read_call_identity {
    ($table:expr, $call_id:expr, $row:expr) => {{
        let table: $crate::Table = $table;
        ::domain::CallIdentity {
            call_id: $call_id,
            organization_id: table.read(
                "organization_id",
                $row.organization_id,
                ::domain::OrganizationId::parse,
            )?,
            user_id: table.read("user_id", $row.user_id, ::domain::UserId::parse)?,
            contact_id: table.read("contact_id", $row.contact_id, ::domain::ContactId::parse)?,
            agent_id: table.read("agent_id", $row.agent_id, ::domain::AgentId::parse)?,
            from: table.read("from_number", $row.from_number, ::domain::PhoneNumber::parse)?,
            to: table.read("to_number", $row.to_number, ::domain::PhoneNumber::parse)?,
        }
    }};
}

#[cfg(test)]
mod tests {
    use domain::PhoneNumber;

    use super::*;

    #[test]
    fn an_unreadable_column_is_named_and_its_value_is_not_quoted() {
        let error = Table("contacts").read("phone_number", "0049 private", PhoneNumber::parse);
        let error = error.expect_err("this is no phone number").to_string();
        assert_eq!(error, "contacts.phone_number holds a value that cannot be read");
    }
}

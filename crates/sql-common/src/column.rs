use domain::{
    AccessRole, AgentId, AudioFormat, CallEventKind, CallId, CallMetadata, CallPurpose, CallReason,
    CallStatus, CallSubject, Carrier, CarrierCallId, ConsentId, ContactId, ConversationId, DeliveryFailure,
    DeliveryState, EndReason, GivenUpReason, ListName, LocalDate, NotConnectedReason, OrganizationId,
    PersonName, PhoneNumber, PrivateNote, ProviderAgentId, ProviderCode, ProviderNumberId, RecordNote,
    RecordingReport, Region, RequestDigest, SuppressionId, SuppressionSource, Timestamp, TraceParent,
    TrunkId, UserId, WebhookEndpointId, WebhookUrl, ZoneName,
};
use serde::de::IgnoredAny;

/// A column holds a value that the domain does not accept. The value itself may be personal data,
/// so that it is not part of the error.
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

/// Reads the value of each row of a lease. One that cannot be read, as a later release may write it, stays
/// leased until its lease expires: it must not keep the others from being worked on.
pub fn read_leased<C: Columns>(rows: impl IntoIterator<Item = C>) -> Vec<C::Value> {
    let read = |row: C| {
        row.read().inspect_err(
            |error| tracing::warn!(%error, "could not read a leased row; it is leased again later"),
        )
    };
    rows.into_iter().filter_map(|row| read(row).ok()).collect()
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

/// A value of the domain that a text column holds.
pub trait FromText: Sized {
    fn from_text(text: &str) -> Option<Self>;
}

macro_rules! parsed {
    ($($value:ident),+ $(,)?) => {$(
        impl FromText for $value {
            fn from_text(text: &str) -> Option<Self> {
                Self::parse(text).ok()
            }
        }
    )+};
}

macro_rules! named {
    ($($value:ident),+ $(,)?) => {$(
        impl FromText for $value {
            fn from_text(text: &str) -> Option<Self> {
                Self::from_name(text)
            }
        }
    )+};
}

parsed!(
    AccessRole,
    AgentId,
    CallId,
    CallPurpose,
    CallReason,
    CallSubject,
    Carrier,
    CarrierCallId,
    ContactId,
    ConversationId,
    OrganizationId
);
parsed!(PersonName, PhoneNumber, PrivateNote, ProviderAgentId, ProviderNumberId, TrunkId, UserId);
parsed!(ConsentId, ListName, LocalDate, RecordNote, Region, RequestDigest, SuppressionId, SuppressionSource);
parsed!(TraceParent, WebhookEndpointId, WebhookUrl, ZoneName);
named!(AudioFormat, CallEventKind, CallStatus, DeliveryFailure, DeliveryState, GivenUpReason);
named!(EndReason, NotConnectedReason, RecordingReport);

impl FromText for ProviderCode {
    /// A text that is no code, from a release with other codes, is one that is not recognized.
    fn from_text(text: &str) -> Option<Self> {
        Some(Self::from_untrusted(text))
    }
}

impl FromText for CallMetadata {
    /// Only JSON: the value becomes part of JSON documents.
    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        Self::parse(text).ok()
    }
}

/// The name of a table, for reading its columns.
#[derive(Debug, Clone, Copy)]
pub struct Table(pub &'static str);

impl Table {
    pub const fn unreadable(self, column: &'static str) -> Unreadable {
        Unreadable { table: self.0, column }
    }

    pub fn read<V: FromText>(self, column: &'static str, stored: impl AsRef<str>) -> Result<V, Unreadable> {
        V::from_text(stored.as_ref()).ok_or_else(|| self.unreadable(column))
    }

    pub fn read_optional<V: FromText>(
        self,
        column: &'static str,
        stored: Option<String>,
    ) -> Result<Option<V>, Unreadable> {
        stored.map(|stored| self.read(column, stored)).transpose()
    }

    /// Reads a number that the domain has as a smaller or unsigned one.
    pub fn read_number<T: TryFrom<i64>>(self, column: &'static str, stored: i64) -> Result<T, Unreadable> {
        T::try_from(stored).map_err(|_| self.unreadable(column))
    }
}

/// Reads the identity of a call from the columns of a row. The id of the call is read already,
/// since tables name its column differently.
#[macro_export]
macro_rules! read_call_identity {
    ($table:expr, $call_id:expr, $row:expr) => {{
        let table: $crate::Table = $table;
        ::domain::CallIdentity {
            call_id: $call_id,
            organization_id: table.read("organization_id", $row.organization_id)?,
            user_id: table.read("user_id", $row.user_id)?,
            contact_id: table.read("contact_id", $row.contact_id)?,
            agent_id: table.read("agent_id", $row.agent_id)?,
            from: table.read("from_number", $row.from_number)?,
            to: table.read("to_number", $row.to_number)?,
        }
    }};
}

#[cfg(test)]
mod tests {
    use domain::PhoneNumber;

    use super::*;

    #[test]
    fn an_unreadable_column_is_named_and_its_value_is_not_quoted() {
        let error = Table("contacts").read::<PhoneNumber>("phone_number", "0049 private");
        let error = error.expect_err("this is no phone number").to_string();
        assert_eq!(error, "contacts.phone_number holds a value that cannot be read");
    }
}

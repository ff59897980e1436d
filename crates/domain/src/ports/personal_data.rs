use std::fmt;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallId, ContactId, ConversationId, OrganizationId, PhoneNumber, RecordingKey, Timestamp};

/// What the database has of one person: it is exported and erased.
///
/// A person is named by a number or by a contact of one organization. Belonging to the person is: the
/// contact, the calls to it, the numbers of these calls that no other contact has now, and what is stored
/// under these numbers.
///
/// - MUST export the contact, the calls with their transcripts, analyses and decisions, their events and
///   deliveries, the provider's events, suppressions, consents and attempts of the person
///   (`an_export_has_what_is_stored_of_a_person`), and nothing of another person or another organization
///   (`an_export_has_nothing_of_others`).
/// - MUST erase what it exports, apart from ids, times, statuses, codes, costs and the caller number
///   (`an_erasure_removes_what_an_export_has`), and nothing else
///   (`an_erasure_leaves_the_data_of_others`).
/// - MUST keep each call in the ledger, in the history and in its events, with
///   [`PhoneNumber::erased`] as the destination (`an_erased_call_stays_in_the_ledger`).
/// - MUST keep each suppression that has not ended in force for the number, without storing the number
///   (`an_erased_number_stays_suppressed`), until it is removed
///   (`the_suppression_of_an_erased_number_is_listed_and_removed`).
/// - MUST erase nothing while a call of the person has not ended or its reservation holds
///   (`a_call_that_has_not_ended_blocks_an_erasure`), or while a provider event with the number is open:
///   it may hold an opt-out (`an_open_event_blocks_an_erasure`).
/// - MUST drop what is reported of an erased call later: updates, recordings and the bodies of events
///   (`a_late_report_of_an_erased_call_is_dropped`).
/// - MUST grant no booking for the contact after its erasure
///   (`a_booking_for_an_erased_contact_is_not_granted`), also if both run at the same time
///   (`an_erasure_and_a_booking_do_not_interleave`). A contact that is stored again can be called
///   (`an_erased_contact_can_be_stored_again`).
/// - MUST name the recordings of erased calls until each is reported as removed, also after a crash
///   (`recordings_of_erased_calls_are_named_until_they_are_removed`).
/// - MUST keep the idempotency keys of the calls, so that no repeated request dials, without what the
///   requests said (`an_idempotency_key_of_an_erased_call_dials_no_more`).
/// - MUST write an audit record without personal data for an erasure that erased something, with the same
///   commit (`an_erasure_is_audited`), and change nothing if it is repeated
///   (`a_repeated_erasure_changes_nothing`) or only rehearsed (`a_rehearsal_changes_nothing`).
/// - MUST return `PortUnavailable`, without quoting data, when the store is lost
///   (`lost_personal_data_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PersonalData: Send + Sync {
    /// Everything that is stored of a person. Without any, all lists are empty.
    async fn export(&self, person: &Person) -> Result<PersonalRecords, PortUnavailable>;

    /// Erases a person, in one transaction.
    async fn erase(&self, erasure: &Erasure) -> Result<ErasureResult, PortUnavailable>;

    /// At most `limit` recordings that erasures have left in the recording store.
    async fn recordings_to_remove(&self, limit: u32) -> Result<Vec<RecordingKey>, PortUnavailable>;

    /// Notes that such a recording is no longer in the recording store.
    async fn note_removed_recording(&self, key: &RecordingKey) -> Result<(), PortUnavailable>;
}

/// A person, as an operator names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The organization. Without one: what belongs to no organization, such as an opt-out of a call that is
    /// not known.
    pub organization_id: Option<OrganizationId>,
    /// The number or the contact.
    pub key: PersonKey,
}

/// What names a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonKey {
    /// The number.
    Number(PhoneNumber),
    /// The contact.
    Contact(ContactId),
}

impl PersonKey {
    /// The number, if it names the person.
    #[must_use]
    pub const fn number(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Number(number) => Some(number),
            Self::Contact(_) => None,
        }
    }

    /// The contact, if it names the person.
    #[must_use]
    pub const fn contact_id(&self) -> Option<&ContactId> {
        match self {
            Self::Number(_) => None,
            Self::Contact(id) => Some(id),
        }
    }
}

/// An order to erase a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The person.
    pub person: Person,
    /// When it is ordered.
    pub at: Timestamp,
    /// Whether to count what an erasure would erase, and erase nothing.
    pub rehearse: bool,
}

/// What became of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasureResult {
    /// It is done.
    Erased(ErasedCounts),
    /// Nothing is erased.
    Blocked(ErasureBlock),
}

/// How many records were erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is named for its records")]
pub struct ErasedCounts {
    pub contacts: u64,
    pub calls: u64,
    pub recordings: u64,
    pub provider_events: u64,
    pub suppressions: u64,
    pub consents: u64,
    pub attempts: u64,
}

impl ErasedCounts {
    /// Whether nothing was erased.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            contacts: self.contacts + other.contacts,
            calls: self.calls + other.calls,
            recordings: self.recordings + other.recordings,
            provider_events: self.provider_events + other.provider_events,
            suppressions: self.suppressions + other.suppressions,
            consents: self.consents + other.consents,
            attempts: self.attempts + other.attempts,
        }
    }
}

/// Why nothing is erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErasureBlock {
    /// Calls that have not ended, or whose reservations hold, in the order of their ids.
    pub calls: Vec<CallId>,
    /// Provider events with the number that are not applied yet.
    pub open_events: u64,
}

/// What is stored of a person. `Debug` shows only numbers of rows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonalRecords {
    /// The rows, by table, in a fixed order. Tables without rows are absent.
    pub tables: Vec<TableRecords>,
    /// The conversations of the calls.
    pub conversations: Vec<ConversationId>,
    /// The recordings of the calls.
    pub recordings: Vec<RecordingKey>,
}

/// The rows of one table.
#[derive(Clone, PartialEq, Eq)]
pub struct TableRecords {
    /// The name of the table.
    pub table: &'static str,
    /// Each row as a JSON object: the columns by name, without those that are null.
    pub rows: Vec<String>,
}

impl PersonalRecords {
    /// Whether nothing is stored.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

impl fmt::Debug for PersonalRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.tables.iter().map(|table| (table.table, table.rows.len()))).finish()
    }
}

impl fmt::Debug for TableRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableRecords").field("table", &self.table).field("rows", &self.rows.len()).finish()
    }
}

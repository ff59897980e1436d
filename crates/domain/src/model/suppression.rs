//! Opt-outs, and how records about callees are listed.

use crate::{
    ContactId, ConversationId, InvalidValue, OrganizationId, PhoneNumber, RecordNote, SuppressionId,
};
use crate::{Timestamp, UserId};

/// An opt-out: a number or a contact, or both, that is not called any more.
///
/// Without an organization it counts for all of them: it came in a conversation that no call is known
/// of. Without a number and a contact it suppresses no one yet, and a person must look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Our id.
    pub id: SuppressionId,
    /// The organization.
    pub organization_id: Option<OrganizationId>,
    /// The number.
    pub phone_number: Option<PhoneNumber>,
    /// Whether it suppresses a number that was erased. The store then has a keyed hash of the number, and
    /// no port shows it.
    pub number_is_erased: bool,
    /// The contact.
    pub contact_id: Option<ContactId>,
    /// Why, in the words of the person who recorded it.
    pub reason: Option<RecordNote>,
    /// Where it came from.
    pub source: SuppressionSource,
    /// The provider's id of the conversation in which it was said.
    pub conversation_id: Option<ConversationId>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// Who recorded it; `None` for an import and for what is said in a call.
    pub created_by: Option<UserId>,
    /// When it ends by itself; `None` if it does not.
    pub expires_at: Option<Timestamp>,
}

impl Suppression {
    /// Whether this one and another are the same: of one organization, number, contact and
    /// conversation. One that names none of these is like no other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let names = |it: &Self| (it.phone_number.clone(), it.contact_id.clone(), it.conversation_id.clone());
        names(self) != (None, None, None)
            && names(self) == names(other)
            && self.organization_id == other.organization_id
    }

    /// The end of two that are the same: the later one.
    #[must_use]
    pub fn later_end(&self, other: &Self) -> Option<Timestamp> {
        self.expires_at.zip(other.expires_at).map(|(one, other)| one.max(other))
    }
}

/// Where a suppression came from: a word like `api` or `letter`. It is shown in the audit, so that it
/// must not be personal data: it has no digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionSource(Box<str>);

impl SuppressionSource {
    /// The longest word, in bytes.
    pub const MAX_LEN: usize = 32;

    /// Reads a word: 1 to 32 lower-case letters and `-`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue = InvalidValue("a source: 1 to 32 lower-case letters and -");
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        let is_word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        if fits && is_word { Ok(Self(text.into())) } else { Err(INVALID) }
    }

    /// A request of a user that names no source.
    #[must_use]
    pub fn api() -> Self {
        Self("api".into())
    }

    /// An import that names no source.
    #[must_use]
    pub fn import() -> Self {
        Self("import".into())
    }

    /// The agent, during the call.
    #[must_use]
    pub fn agent_tool() -> Self {
        Self("agent-tool".into())
    }

    /// What the provider concludes from a conversation.
    #[must_use]
    pub fn post_call() -> Self {
        Self("post-call".into())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page of an organization's records about callees, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalleeFilter<Id> {
    /// Only records that name this number.
    pub phone_number: Option<PhoneNumber>,
    /// Only records that name this contact.
    pub contact_id: Option<ContactId>,
    /// Only records before this one: the time and the id of the last record of the previous page.
    pub before: Option<(Timestamp, Id)>,
    /// The maximum number of records; at most [`MAX_RECORDS`].
    pub limit: u32,
}

/// The largest page of records about callees.
pub const MAX_RECORDS: u32 = 200;
/// Its size if the client does not set a limit.
pub const DEFAULT_RECORDS: u32 = 50;

/// The newest records, whichever callees they name.
impl<Id> Default for CalleeFilter<Id> {
    fn default() -> Self {
        Self { phone_number: None, contact_id: None, before: None, limit: DEFAULT_RECORDS }
    }
}

/// Who changes a record, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeOfRecord {
    /// The user; `None` for an operator.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests;

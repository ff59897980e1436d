//! Opt-outs and consents.

use domain::{
    CalleeFilter, Consent, ConsentKind, ConsentRecord, ContactId, PhoneNumber, Suppression, Timestamp,
};

use crate::{Columns, FromText, StoredTime, Table, Unreadable};

const SUPPRESSIONS: Table = Table("suppressions");
const CONSENTS: Table = Table("consents");

pub struct SuppressionColumns<T> {
    pub id: String,
    pub organization_id: Option<String>,
    pub phone_number: Option<String>,
    pub number_is_erased: bool,
    pub contact_id: Option<String>,
    pub reason: Option<String>,
    pub source: String,
    pub conversation_id: Option<String>,
    pub created_at: T,
    pub created_by: Option<String>,
    pub expires_at: Option<T>,
}

impl<T: StoredTime> Columns for SuppressionColumns<T> {
    type Value = Suppression;

    fn read(self) -> Result<Suppression, Unreadable> {
        Ok(Suppression {
            id: SUPPRESSIONS.read("id", self.id)?,
            organization_id: SUPPRESSIONS.read_optional("organization_id", self.organization_id)?,
            phone_number: SUPPRESSIONS.read_optional("phone_number", self.phone_number)?,
            number_is_erased: self.number_is_erased,
            contact_id: SUPPRESSIONS.read_optional("contact_id", self.contact_id)?,
            reason: SUPPRESSIONS.read_optional("reason", self.reason)?,
            source: SUPPRESSIONS.read("source", self.source)?,
            conversation_id: SUPPRESSIONS.read_optional("conversation_id", self.conversation_id)?,
            created_at: self.created_at.timestamp(),
            created_by: SUPPRESSIONS.read_optional("created_by", self.created_by)?,
            expires_at: self.expires_at.map(StoredTime::timestamp),
        })
    }
}

pub struct ConsentColumns<T> {
    pub id: String,
    pub organization_id: String,
    pub phone_number: Option<String>,
    pub contact_id: Option<String>,
    pub kind: String,
    pub given_at: T,
    pub method: Option<String>,
    pub evidence: Option<String>,
    pub expires_at: Option<T>,
    pub revoked_at: Option<T>,
    pub revoked_by: Option<String>,
    pub created_at: T,
    pub created_by: Option<String>,
}

impl<T: StoredTime> Columns for ConsentColumns<T> {
    type Value = ConsentRecord;

    fn read(self) -> Result<ConsentRecord, Unreadable> {
        Ok(ConsentRecord {
            id: CONSENTS.read("id", self.id)?,
            organization_id: CONSENTS.read("organization_id", self.organization_id)?,
            phone_number: CONSENTS.read_optional("phone_number", self.phone_number)?,
            contact_id: CONSENTS.read_optional("contact_id", self.contact_id)?,
            consent: Consent {
                kind: CONSENTS.read("kind", self.kind)?,
                given_at: self.given_at.timestamp(),
                expires_at: self.expires_at.map(StoredTime::timestamp),
                revoked_at: self.revoked_at.map(StoredTime::timestamp),
            },
            method: CONSENTS.read_optional("method", self.method)?,
            evidence: CONSENTS.read_optional("evidence", self.evidence)?,
            revoked_by: CONSENTS.read_optional("revoked_by", self.revoked_by)?,
            created_at: self.created_at.timestamp(),
            created_by: CONSENTS.read_optional("created_by", self.created_by)?,
        })
    }
}

impl FromText for ConsentKind {
    fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A filter of records about callees, as arguments of a statement.
pub struct CalleeFilterColumns<'a> {
    pub phone_number: Option<&'a str>,
    pub contact_id: Option<&'a str>,
    /// The last record of the previous page, or neither.
    pub before_time: Option<Timestamp>,
    pub before_id: Option<&'a str>,
    pub limit: i64,
}

impl<'a> CalleeFilterColumns<'a> {
    /// `text` shows an id.
    pub fn new<Id>(filter: &'a CalleeFilter<Id>, text: impl Fn(&'a Id) -> &'a str) -> Self {
        let (before_time, before_id) = filter.before.as_ref().map(|(time, id)| (*time, text(id))).unzip();
        Self {
            phone_number: filter.phone_number.as_ref().map(PhoneNumber::as_e164),
            contact_id: filter.contact_id.as_ref().map(ContactId::as_str),
            before_time,
            before_id,
            limit: filter.limit.into(),
        }
    }
}

//! What the erasure and the export of a person have in common in both databases.

use domain::ports::{ErasureBlock, Person};
use domain::{CallId, ContactId, OrganizationId, PhoneNumber};
use serde_json::{Map, Value};

use crate::{Table, Unreadable};

/// What belongs to a person, as arguments of statements.
pub struct PersonScope {
    pub organization_id: Option<String>,
    /// The number that names the person.
    pub number: Option<String>,
    /// The contact that names the person.
    pub contact_id: Option<String>,
    /// The contacts that are the person.
    pub contacts: Vec<String>,
    /// The numbers of the person: the one that is called now, then those of earlier calls.
    pub numbers: Vec<String>,
}

impl PersonScope {
    pub fn new(person: &Person) -> Self {
        let number = person.key.number().map(|number| number.as_e164().to_owned());
        Self {
            organization_id: person.organization_id.as_ref().map(|id| OrganizationId::as_str(id).to_owned()),
            numbers: number.iter().cloned().collect(),
            number,
            contact_id: person.key.contact_id().map(|id| ContactId::as_str(id).to_owned()),
            contacts: Vec::new(),
        }
    }

    /// Adds a contact that is the person.
    pub fn add_contact(&mut self, id: String, number: Option<String>) {
        self.contacts.push(id);
        number.into_iter().for_each(|number| self.add_number(number));
    }

    /// Adds a number of the person.
    pub fn add_number(&mut self, number: String) {
        if number != PhoneNumber::ERASED && !self.numbers.contains(&number) {
            self.numbers.push(number);
        }
    }

    /// By which provider events that name the person are found.
    pub fn search_texts(&self) -> Vec<String> {
        let texts = self.numbers.iter().filter_map(|number| PhoneNumber::parse(number).ok());
        texts.map(|number| number.search_text().to_owned()).collect()
    }
}

/// A call of a person that is not erased yet.
pub struct ErasedCall {
    pub id: String,
    pub status_rank: i64,
    pub is_given_up: bool,
    pub is_reserved: bool,
    pub conversation: Option<String>,
    pub recording_format: Option<String>,
}

impl ErasedCall {
    /// Why these calls keep a person from being erased.
    pub fn block(calls: &[Self], open_events: i64) -> Result<ErasureBlock, Unreadable> {
        let open =
            calls.iter().filter(|call| call.is_reserved || !is_ended(call.status_rank, call.is_given_up));
        let ids = open.map(|call| Table("calls").read("id", &call.id));
        let mut calls = ids.collect::<Result<Vec<CallId>, Unreadable>>()?;
        calls.sort();
        Ok(ErasureBlock { calls, open_events: u64::try_from(open_events).unwrap_or_default() })
    }
}

/// Whether a call has ended, or was given up.
#[must_use]
pub fn is_ended(status_rank: i64, is_given_up: bool) -> bool {
    is_given_up || status_rank >= i64::from(crate::LEAST_RANK_OF_AN_END)
}

/// A row of a provider event: its body as a text beside the other columns, which are a JSON object.
#[must_use]
pub fn event_row(columns: &str, body: &[u8]) -> String {
    let mut columns: Map<String, Value> = serde_json::from_str(columns).unwrap_or_default();
    columns.retain(|_, value| !value.is_null());
    columns.insert("body".to_owned(), String::from_utf8_lossy(body).into_owned().into());
    Value::Object(columns).to_string()
}

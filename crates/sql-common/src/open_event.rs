use domain::ports::OpenEvent;

use crate::{Columns, StoredTime, Table, Unreadable};

const EVENTS: Table = Table("provider_events");

/// An event that is open in the inbox.
pub struct OpenEventColumns<T> {
    pub key: String,
    pub body: Vec<u8>,
    pub received_at: T,
    pub organization_id: Option<String>,
}

impl<T: StoredTime> Columns for OpenEventColumns<T> {
    type Value = OpenEvent;

    fn read(self) -> Result<OpenEvent, Unreadable> {
        Ok(OpenEvent {
            key: self.key,
            body: self.body,
            received_at: self.received_at.timestamp(),
            organization_id: EVENTS.read_optional("organization_id", self.organization_id)?,
        })
    }
}

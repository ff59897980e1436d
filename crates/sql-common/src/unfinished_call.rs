use domain::ports::ProviderLookup;
use domain::{CallId, ConversationId};

use crate::{Columns, StoredTime, Table, Unreadable};

const CALLS: Table = Table("calls");

/// A call is leased for its age divided by this number, if that is longer than the shortest lease.
pub const LEASE_AGE_DIVISOR: i32 = 10;

/// A call whose end is overdue.
pub struct OverdueColumns<T> {
    pub id: String,
    pub conversation_id: Option<String>,
    pub provider_agent_id: Option<String>,
    pub booked_at: T,
}

impl<T: StoredTime> Columns for OverdueColumns<T> {
    type Value = ProviderLookup;

    fn read(self) -> Result<ProviderLookup, Unreadable> {
        Ok(ProviderLookup {
            call_id: CALLS.read("id", self.id)?,
            conversation_id: CALLS.read_optional("conversation_id", self.conversation_id)?,
            provider_agent_id: Table("agents").read_optional("provider_agent_id", self.provider_agent_id)?,
            booked_at: self.booked_at.timestamp(),
        })
    }
}

/// A call whose recording is overdue.
pub struct UnrecordedColumns {
    pub id: String,
    pub conversation_id: String,
}

impl Columns for UnrecordedColumns {
    type Value = (CallId, ConversationId);

    fn read(self) -> Result<(CallId, ConversationId), Unreadable> {
        let conversation_id = CALLS.read("conversation_id", self.conversation_id)?;
        Ok((CALLS.read("id", self.id)?, conversation_id))
    }
}

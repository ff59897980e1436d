use std::time::Duration;

use domain::ports::{ProviderLookup, UndecidedCall};
use domain::{CallId, ConversationId};

use crate::call_event::read_status;
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

/// A call whose dial may have reached the provider.
pub struct UndecidedColumns<T> {
    pub id: String,
    pub conversation_id: Option<String>,
    pub provider_agent_id: Option<String>,
    pub booked_at: T,
    pub carrier_call_id: Option<String>,
    pub status_rank: i16,
    pub expired_for_millis: i64,
}

impl<T: StoredTime> Columns for UndecidedColumns<T> {
    type Value = UndecidedCall;

    fn read(self) -> Result<UndecidedCall, Unreadable> {
        let Self { id, conversation_id, provider_agent_id, booked_at, .. } = self;
        Ok(UndecidedCall {
            lookup: OverdueColumns { id, conversation_id, provider_agent_id, booked_at }.read()?,
            carrier_call_id: CALLS.read_optional("carrier_call_id", self.carrier_call_id)?,
            status: read_status(CALLS, self.status_rank.into())?,
            expired_for: Duration::from_millis(self.expired_for_millis.try_into().unwrap_or_default()),
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

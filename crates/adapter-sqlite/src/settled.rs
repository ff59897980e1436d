//! A settled call as five columns: `call_locks` and `calls` write them alike.

use domain::ports::PortUnavailable;
use domain::{CallId, CallReference, CarrierCallId, ConversationId, NotConnectedReason, SettledCall};

use crate::failure::{failed, unreadable};

/// The name of a placed call's state.
pub(crate) const PLACED: &str = "placed";

/// The name of a not connected call's state.
pub(crate) const NOT_CONNECTED: &str = "not-connected";

/// The columns of a settled call, as they are read.
pub(crate) struct SettledColumns {
    pub(crate) state: String,
    pub(crate) call_id: String,
    pub(crate) conversation_id: Option<String>,
    pub(crate) carrier_call_id: Option<String>,
    pub(crate) outcome_detail: Option<String>,
}

impl SettledColumns {
    /// The call, or nothing if its state is no settled one.
    pub(crate) fn read(self) -> Result<Option<SettledCall>, PortUnavailable> {
        if self.state != PLACED && self.state != NOT_CONNECTED {
            return Ok(None);
        }
        let reference = CallReference {
            call_id: CallId::parse(&self.call_id).map_err(unreadable("call_id"))?,
            conversation_id: self
                .conversation_id
                .map(|id| ConversationId::parse(&id))
                .transpose()
                .map_err(unreadable("conversation_id"))?,
            carrier_call_id: self
                .carrier_call_id
                .map(|id| CarrierCallId::parse(&id))
                .transpose()
                .map_err(unreadable("carrier_call_id"))?,
        };
        if self.state == PLACED {
            return Ok(Some(SettledCall::Placed(reference)));
        }
        let reason = self.outcome_detail.as_deref().and_then(NotConnectedReason::from_name);
        let reason = reason.ok_or_else(|| failed("outcome_detail holds something that cannot be read"))?;
        Ok(Some(SettledCall::NotConnected { reference, reason }))
    }
}

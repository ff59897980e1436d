use std::time::Duration;

use domain::CallReference;
use domain::ports::{KeyedCall, KeyedDial};

use crate::call_event::read_status;
use crate::outcome::{DIALLING, NOT_CONNECTED, PLACED, UNKNOWN};
use crate::{Columns, Table, Unreadable};

/// The call of an idempotency key.
pub struct KeyedColumns {
    pub request_digest: String,
    pub call_id: String,
    pub conversation_id: Option<String>,
    pub carrier_call_id: Option<String>,
    pub state: String,
    pub status_rank: i16,
    /// Why a call was not connected, by its dial; the code or the cause of another outcome.
    pub outcome_detail: Option<String>,
    /// The same by a report.
    pub failure_reason: Option<String>,
    /// The rest of the reservation; `None` if the statement did not see it.
    pub remaining_millis: Option<i64>,
}

const CALLS: Table = Table("calls");

impl Columns for KeyedColumns {
    type Value = KeyedCall;

    fn read(self) -> Result<KeyedCall, Unreadable> {
        let remaining = self.remaining_millis.and_then(|millis| u64::try_from(millis).ok());
        let remaining = remaining.filter(|millis| *millis > 0).map(Duration::from_millis);
        let dial = match self.state.as_str() {
            DIALLING => KeyedDial::Dialling { reserved_for: remaining },
            UNKNOWN => KeyedDial::Unknown,
            PLACED => KeyedDial::Placed,
            NOT_CONNECTED => KeyedDial::NotConnected,
            // A call that was not dialled has no key.
            _ => return Err(CALLS.unreadable("state")),
        };
        let failure = match dial {
            KeyedDial::NotConnected => CALLS.read_optional("outcome_detail", self.outcome_detail)?,
            KeyedDial::Dialling { .. } | KeyedDial::Unknown | KeyedDial::Placed => {
                CALLS.read_optional("failure_reason", self.failure_reason)?
            }
        };
        Ok(KeyedCall {
            digest: Table("idempotency_keys").read("request_digest", self.request_digest)?,
            reference: CallReference {
                call_id: CALLS.read("call_id", self.call_id)?,
                conversation_id: CALLS.read_optional("conversation_id", self.conversation_id)?,
                carrier_call_id: CALLS.read_optional("carrier_call_id", self.carrier_call_id)?,
            },
            dial,
            status: read_status(CALLS, self.status_rank.into())?,
            failure,
        })
    }
}

//! What the batches run: the data of each kind of work, apart from its statements.

use std::time::Duration;

use domain::ports::{OutboundQuery, PortUnavailable, Recipient, Settlement};
use domain::{
    AgentId, Booking, CallId, CallStatus, CallSubject, Carrier, ContactId, DialOutcome, IntentKey,
    OwnerToken, PhoneNumber, UserId,
};
use sql_common::OutcomeColumns;

use crate::timestamp::PgTime;

/// A query. Its result is what the directory has.
pub(crate) struct ResolvingWork {
    pub(crate) user_id: UserId,
    pub(crate) contact_id: Option<ContactId>,
    pub(crate) number: Option<PhoneNumber>,
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) requested_number: Option<PhoneNumber>,
    pub(crate) carriers: Vec<Carrier>,
    pub(crate) list_numbers: bool,
    pub(crate) subject: Option<CallSubject>,
    pub(crate) may_need_calls: bool,
    pub(crate) now: PgTime,
    /// Since when calls count, and how many at most.
    pub(crate) count_calls: Option<(PgTime, i64)>,
}

impl From<&OutboundQuery<'_>> for ResolvingWork {
    fn from(query: &OutboundQuery<'_>) -> Self {
        let (contact_id, number) = match query.recipient {
            Recipient::Contact(id) => (Some(id.clone()), None),
            Recipient::Number(number) => (None, Some(number.clone())),
        };
        Self {
            user_id: query.user_id.clone(),
            contact_id,
            number,
            agent_id: query.agent_id.cloned(),
            requested_number: query.requested_number.cloned(),
            carriers: query.carriers.to_vec(),
            list_numbers: query.list_numbers,
            subject: query.subject.cloned(),
            may_need_calls: query.may_need_latest_calls(),
            now: PgTime::bound(query.now),
            count_calls: query.count_calls.map(|count| (PgTime::bound(count.since), count.at_most.into())),
        }
    }
}

/// A booking. Its result is what became of it.
pub(crate) struct BookingWork {
    pub(crate) booking: Booking,
    pub(crate) booked_at: PgTime,
}

impl BookingWork {
    pub(crate) fn new(booking: &Booking) -> Result<Self, PortUnavailable> {
        Ok(Self { booking: booking.clone(), booked_at: PgTime::stored(booking.booked_at)? })
    }
}

/// A settlement.
pub(crate) struct SettlingWork {
    pub(crate) call_id: CallId,
    pub(crate) key: IntentKey,
    pub(crate) token: OwnerToken,
    pub(crate) outcome: DialOutcome,
    pub(crate) status: CallStatus,
    pub(crate) hold_for: Duration,
    pub(crate) settled_at: PgTime,
}

impl SettlingWork {
    pub(crate) fn new(settlement: &Settlement<'_>) -> Result<Self, PortUnavailable> {
        Ok(Self {
            call_id: settlement.call_id.clone(),
            key: settlement.key.clone(),
            token: settlement.token.clone(),
            outcome: settlement.outcome.clone(),
            status: settlement.status,
            hold_for: settlement.hold_for,
            settled_at: PgTime::stored(settlement.settled_at)?,
        })
    }

    pub(crate) fn columns(&self) -> OutcomeColumns<'_> {
        OutcomeColumns::from(&self.outcome)
    }

    /// What has to be the same in one statement.
    pub(crate) fn kind(&self) -> impl PartialEq {
        let outcome = self.columns();
        (outcome.releases, outcome.holds, outcome.replaces, outcome.end_reason, self.status, self.hold_for)
    }
}

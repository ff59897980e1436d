//! What the pace of a call depends on.

use domain::ports::{OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable};
use domain::{CallStatus, Timestamp, TrunkFacts};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    /// The facts as the flaw finds them.
    pub(super) async fn flawed_pacing(
        &self,
        query: &OutboundQuery<'_>,
        parties: &mut OutboundParties,
    ) -> Result<(), PortUnavailable> {
        let organization_id = parties.user.organization.id.clone();
        let copy = self.copy_with(|tables| match self.flaw {
            Flaw::CountsEndedCalls => {
                for call in &mut tables.calls {
                    call.progress.status = Some(CallStatus::InProgress);
                }
            }
            Flaw::CountsTheCallsOfTheTenantAlone => {
                tables.calls.retain(|call| call.booking.identity.organization_id == organization_id);
            }
            _ => {}
        });
        let count_calls_since = match self.flaw {
            Flaw::AlwaysCountsCalls => Some(query.now),
            Flaw::CountsOldCalls => query.count_calls_since.map(|_| Timestamp::from_unix_millis(0)),
            _ => query.count_calls_since,
        };
        if let Some(found) = copy.resolve(&OutboundQuery { count_calls_since, ..*query }).await? {
            parties.pacing = found.pacing;
        }
        if self.has(Flaw::FindsEveryTrunk) {
            let trunks = self.memory.tables().trunks.clone();
            parties.pacing.trunks = trunks
                .into_iter()
                .map(|trunk| TrunkFacts {
                    carrier: trunk.carrier,
                    id: trunk.id,
                    calls_per_second: trunk.calls_per_second,
                    calls: None,
                })
                .collect();
        }
        Ok(())
    }
}

//! What the pace of a call depends on.

use domain::ports::{CallCount, OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable};
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
        let count_calls = match (self.flaw, query.count_calls) {
            (Flaw::AlwaysCountsCalls, _) => Some(CallCount { since: query.now, at_most: 9 }),
            (Flaw::CountsOldCalls, Some(count)) => {
                Some(CallCount { since: Timestamp::from_unix_millis(0), ..count })
            }
            (Flaw::CountsEveryCall, Some(count)) => Some(CallCount { at_most: u32::MAX, ..count }),
            (_, count) => count,
        };
        if let Some(found) = copy.resolve(&OutboundQuery { count_calls, ..*query }).await? {
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

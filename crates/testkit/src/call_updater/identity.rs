use super::LONG;
use crate::call_ledger::booking::{book, tenant};
use crate::fixtures::call_id;
use crate::harness::CallsHarness;

/// A booked call has the identity with which it was booked, whatever became of it, and an id that is
/// not in the ledger has none.
pub async fn a_booked_call_has_an_identity(harness: &impl CallsHarness) {
    let tenants = [tenant(harness).await, tenant(harness).await];
    for booking in tenants.map(|tenant| tenant.booking(LONG)) {
        book(harness, &booking).await;
        let found = harness.updater().identity(&booking.identity.call_id).await;
        assert_eq!(found, Ok(Some(booking.identity)));
    }
    assert_eq!(harness.updater().identity(&call_id()).await, Ok(None));
}

//! Rows that this release cannot read, as a later one may write them: they fail their own request, and no
//! other one that is served by the same statement.

use domain::ports::{OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable, Recipient};
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;

async fn parties_of(
    harness: &PostgresHarness,
    tenant: &Tenant,
) -> Result<Option<OutboundParties>, PortUnavailable> {
    let contact_id = tenant.contact_id();
    let query = OutboundQuery {
        user_id: &tenant.user.id,
        recipient: Recipient::Contact(&contact_id),
        agent_id: None,
        requested_number: None,
        carriers: fixtures::SERVED_CARRIERS,
        list_numbers: false,
        subject: None,
        purpose: None,
        now: fixtures::moment(),
    };
    harness.adapter().resolve(&query).await
}

/// The queries arrive together, so that one statement answers them.
#[tokio::test]
async fn parties_that_cannot_be_read_fail_their_own_query_alone() {
    let (harness, tenants) = (PostgresHarness::new().await, [Tenant::new(), Tenant::new(), Tenant::new()]);
    for tenant in &tenants {
        harness.store(&tenant.records()).await;
    }
    let [first, spoilt, last] = &tenants;
    let consent = format!(
        "insert into consents (id, organization_id, contact_id, kind, given_at, created_at)
         select 'c1', organization_id, id, 'of-a-later-release', now(), now() from contacts where id = '{}'",
        spoilt.contact_id().as_str().replace('\'', "''")
    );
    harness.database().execute(&consent).await;
    let (before, failed, after) =
        tokio::join!(parties_of(&harness, first), parties_of(&harness, spoilt), parties_of(&harness, last));
    assert!(failed.is_err(), "{failed:?}");
    for (found, tenant) in [(before, first), (after, last)] {
        assert_eq!(found.map(|found| found.map(|found| found.user.id)), Ok(Some(tenant.user.id.clone())));
    }
}

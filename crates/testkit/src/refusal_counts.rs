//! The suite of [`RefusalCounts`](domain::ports::RefusalCounts).

use std::time::Duration;

use domain::ports::{RefusalCount, RefusalQuery};
use domain::{OrganizationId, RefusalCode, Timestamp};

use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{moment, organization_id};
use crate::harness::RefusalCountsHarness;

suite! {
    $ refusal_counts_suite of refusal_counts:
    refusals_add_up,
    the_refusals_of_a_span_are_listed,
    lost_refusal_counts_are_unavailable,
}

const HOUR: Duration = Duration::from_hours(1);

/// What is added for the same organization, code and hour adds up, also if fifty writers add at the
/// same time.
pub async fn refusals_add_up(harness: &impl RefusalCountsHarness) {
    let (organization, hour) = (organization_id(), moment());
    let counts = [
        of(&organization, hour, RefusalCode::CalleeOptedOut, 3),
        of(&organization, hour, RefusalCode::ClosedDay, 1),
        of(&organization, hour.after(HOUR), RefusalCode::CalleeOptedOut, 5),
    ];
    let writers = (0..CROWD).map(|_| {
        let (refusals, counts) = (harness.refusals(), counts.clone());
        async move { refusals.add(&counts).await.expect("store is up") }
    });
    all_at_once(writers).await;
    harness.refusals().add(&[]).await.expect("store is up");
    harness.refusals().add(&counts[..1]).await.expect("store is up");
    let crowd = u64::try_from(CROWD).expect("a small number");
    let expected = [
        RefusalCount { refusals: 3 * crowd + 3, ..counts[0].clone() },
        RefusalCount { refusals: crowd, ..counts[1].clone() },
        RefusalCount { refusals: 5 * crowd, ..counts[2].clone() },
    ];
    assert_eq!(list(harness, &organization, hour, hour.after(HOUR * 2)).await, expected);
}

/// The list has the hours from the first instant on and before the last one, by hour, then by the
/// name of the code, with every code, and nothing of another organization.
pub async fn the_refusals_of_a_span_are_listed(harness: &impl RefusalCountsHarness) {
    let (organization, other, hour) = (organization_id(), organization_id(), moment());
    let mut codes = RefusalCode::ALL;
    codes.sort_by_key(|code| code.as_str());
    let mut expected: Vec<RefusalCount> = Vec::new();
    for hours in 0..2 {
        expected.extend(codes.map(|code| of(&organization, hour.after(HOUR * hours), code, 7)));
    }
    let reversed: Vec<RefusalCount> = expected.iter().rev().cloned().collect();
    harness.refusals().add(&reversed).await.expect("store is up");
    let outside = [
        of(&organization, hour.before(HOUR), RefusalCode::CoolDown, 1),
        of(&organization, hour.after(HOUR * 2), RefusalCode::CoolDown, 1),
        of(&other, hour, RefusalCode::CoolDown, 1),
    ];
    harness.refusals().add(&outside).await.expect("store is up");
    assert_eq!(list(harness, &organization, hour, hour.after(HOUR * 2)).await, expected);
    assert_eq!(list(harness, &organization, hour, hour).await, []);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting the
/// organization.
pub async fn lost_refusal_counts_are_unavailable(harness: &impl RefusalCountsHarness) {
    let (refusals, organization, hour) = (harness.refusals(), organization_id(), moment());
    let count = of(&organization, hour, RefusalCode::CoolDown, 1);
    refusals.add(std::slice::from_ref(&count)).await.expect("store is up");
    harness.lose().await;
    let private = [organization.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, refusals.add(&[count]), &private).await;
    let query = RefusalQuery { organization_id: organization.clone(), from: hour, until: hour.after(HOUR) };
    unavailable_within(LOST_DATABASE_BOUND, refusals.list(&query), &private).await;
}

fn of(organization: &OrganizationId, hour: Timestamp, code: RefusalCode, refusals: u64) -> RefusalCount {
    RefusalCount { organization_id: organization.clone(), hour, code, refusals }
}

async fn list(
    harness: &impl RefusalCountsHarness,
    organization: &OrganizationId,
    from: Timestamp,
    until: Timestamp,
) -> Vec<RefusalCount> {
    let query = RefusalQuery { organization_id: organization.clone(), from, until };
    harness.refusals().list(&query).await.expect("store is up")
}

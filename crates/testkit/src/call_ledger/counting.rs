//! Counting the calls of a user and of an organization.

use domain::ports::CountQuery;
use domain::{Booking, CallIdentity, DialOutcome, NotDialledReason, UnknownCause};

use super::booking::{book, duplicate, results, settle, tenant};
use super::{A_SECOND, LONG};
use crate::fixtures::{self, key};
use crate::harness::CallLedgerHarness;

/// Calls count from the given time on, in whatever state: dialling, placed, not connected or
/// unknown. Those that were not dialled do not count, and neither do those of other users or
/// organizations.
pub async fn calls_since_a_time_are_counted(harness: &impl CallLedgerHarness) {
    let (tenant, other) = (tenant(harness).await, tenant(harness).await);
    let colleague = fixtures::user(&tenant.organization.id);
    harness.store(&[domain::DirectoryRecord::User(colleague.clone())]).await;
    let since = fixtures::moment();
    let booking = Booking { booked_at: since, ..tenant.booking(LONG) };
    let next = || Booking { key: key(), ..duplicate(&booking) };
    let count = async |user_id| {
        let query = CountQuery { organization_id: &tenant.organization.id, user_id, since };
        harness.ledger().count_since(&query).await.expect("store is up")
    };
    assert_eq!((count(None).await, count(Some(&tenant.user.id)).await), (0, 0));

    book(harness, &next()).await;
    for outcome in results().iter().take(5).chain([&DialOutcome::Unknown(UnknownCause::TimedOut)]) {
        let booking = next();
        book(harness, &booking).await;
        settle(harness, &booking, outcome, LONG).await;
    }
    let not_dialled = next();
    book(harness, &not_dialled).await;
    settle(harness, &not_dialled, &DialOutcome::NotDialled(NotDialledReason::Unavailable), LONG).await;
    let earlier = next();
    book(harness, &Booking { booked_at: since.before(A_SECOND), ..earlier }).await;
    let later = next();
    book(harness, &Booking { booked_at: since.after(A_SECOND), ..later }).await;
    book(harness, &Booking { booked_at: since, ..other.booking(LONG) }).await;
    assert_eq!((count(None).await, count(Some(&tenant.user.id)).await), (8, 8));

    let theirs = next();
    let identity = CallIdentity { user_id: colleague.id.clone(), ..theirs.identity };
    book(harness, &Booking { identity, ..theirs }).await;
    assert_eq!((count(None).await, count(Some(&tenant.user.id)).await), (9, 8));
    assert_eq!((count(Some(&colleague.id)).await, count(Some(&other.user.id)).await), (1, 0));
}

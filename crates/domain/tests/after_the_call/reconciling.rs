use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    MockCallUpdater, MockClock, MockProviderRecords, MockUnfinishedCalls, PortUnavailable, ProviderLookup,
};
use domain::{
    CallFailure, CallId, CallUpdate, NotConnectedReason, Reconcile, ReconcileReport, ReconcileTimes,
    Timestamp, UpdateContent,
};

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

const TIMES: ReconcileTimes = ReconcileTimes {
    decided_within: Duration::from_secs(120),
    reported_within: Duration::from_mins(15),
    pause: Duration::from_secs(60),
    given_up_after: Duration::from_hours(48),
};

fn away() -> PortUnavailable {
    PortUnavailable::new("provider", "away")
}

fn update() -> CallUpdate {
    let failure = CallFailure { reason: NotConnectedReason::NoAnswer, at: NOW };
    CallUpdate { conversation_id: None, carrier_call_id: None, content: UpdateContent::Failure(failure) }
}

/// One overdue call, and what the provider says of it.
async fn reconciled(
    answer: Result<Option<CallUpdate>, PortUnavailable>,
    expected: CallUpdate,
) -> Result<ReconcileReport, PortUnavailable> {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(NOW);
    let mut unfinished = MockUnfinishedCalls::new();
    unfinished
        .expect_lease_overdue()
        .withf(|lease| {
            lease.now == NOW
                && lease.undecided_before == NOW.before(TIMES.decided_within)
                && lease.unended_before == NOW.before(TIMES.reported_within)
                && lease.given_up_before == NOW.before(TIMES.given_up_after)
                && lease.lease_for == TIMES.pause
        })
        .returning(|_| {
            let call_id = CallId::mint(1, [1; 8]);
            Ok(vec![ProviderLookup {
                call_id,
                conversation_id: None,
                provider_agent_id: None,
                booked_at: NOW,
            }])
        });
    let mut updater = MockCallUpdater::new();
    updater.expect_merge().withf(move |_, update| *update == expected).times(1).returning(|_, _| Ok(()));
    let mut records = MockProviderRecords::new();
    records.expect_find().withf(|lookup| lookup.call_id == CallId::mint(1, [1; 8])).return_const(answer);
    Reconcile::new(Arc::new(unfinished), Arc::new(updater), Arc::new(records), Arc::new(clock), TIMES)
        .run_once()
        .await
}

#[tokio::test]
async fn what_the_provider_tells_comes_into_the_books() {
    assert_eq!(reconciled(Ok(Some(update())), update()).await, Ok(ReconcileReport { asked: 1, found: 1 }));
}

#[tokio::test]
async fn a_call_that_nobody_knows_anything_of_is_reported_unknown() {
    let report = Ok(ReconcileReport { asked: 1, found: 0 });
    assert_eq!(reconciled(Ok(None), CallUpdate::unresolved()).await, report);
    assert_eq!(reconciled(Err(away()), CallUpdate::unresolved()).await, report);
}

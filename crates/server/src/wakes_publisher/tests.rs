use std::time::Duration;

use domain::ports::{MockCallLedger, MockCallUpdater};
use domain::{AudioFormat, CallStatus, DialOutcome, NotDialledReason};
use futures_util::FutureExt as _;
use testkit::fixtures::{self, Tenant};

use super::*;

/// Whether the publisher was woken since the last look.
fn is_woken(written: &Notify) -> bool {
    written.notified().now_or_never().is_some()
}

fn unavailable() -> PortUnavailable {
    PortUnavailable::new("ledger", "down")
}

#[tokio::test]
async fn each_write_of_events_wakes_the_publisher() {
    let booking = Tenant::new().booking(Duration::from_secs(60));
    let call_id = &booking.identity.call_id;
    let outcome = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    let settlement = Settlement {
        call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &outcome,
        status: CallStatus::Failed,
        hold_for: Duration::ZERO,
        settled_at: booking.booked_at,
    };
    let recording = fixtures::recording(call_id, AudioFormat::Mp3);
    let in_flight = HoldResult::InFlight { remaining: Duration::from_secs(1) };
    for (booked, is_written) in
        [(Ok(HoldResult::Granted), true), (Ok(in_flight), false), (Err(unavailable()), false)]
    {
        let done = if booked.is_ok() { Ok(()) } else { Err(unavailable()) };
        let (mut ledger, mut updater) = (MockCallLedger::new(), MockCallUpdater::new());
        ledger.expect_book().return_const(booked.clone());
        ledger.expect_undecided().return_const(Ok(None));
        ledger.expect_settle().return_const(done.clone());
        ledger.expect_remove_expired().return_const(Ok(3));
        updater.expect_locate().return_const(Ok(None));
        updater.expect_merge().return_const(done.clone());
        updater.expect_attach_recording().return_const(done.clone());
        let written = Arc::new(Notify::new());
        let ledger = WakesPublisher::<dyn CallLedger>::new(Arc::new(ledger), written.clone());
        let updater = WakesPublisher::<dyn CallUpdater>::new(Arc::new(updater), written.clone());

        assert_eq!(ledger.book(&booking).await, booked);
        assert_eq!(is_woken(&written), is_written, "booking: {booked:?}");
        assert_eq!(ledger.settle(&settlement).await, done);
        assert_eq!(is_woken(&written), done.is_ok(), "settlement");
        assert_eq!(updater.merge(call_id, &CallUpdate::unresolved()).await, done);
        assert_eq!(is_woken(&written), done.is_ok(), "merge");
        assert_eq!(updater.attach_recording(call_id, &recording).await, done);
        assert_eq!(is_woken(&written), done.is_ok(), "recording");
        assert_eq!(ledger.undecided(&booking.key).await, Ok(None));
        assert_eq!(ledger.remove_expired(Duration::ZERO, 5).await, Ok(3));
        assert_eq!(updater.locate(&CallLookup::default()).await, Ok(None));
        assert!(!is_woken(&written), "nothing was written");
    }
}

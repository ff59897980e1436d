use std::time::Duration;

use domain::ports::{
    AcceptResult, AttemptConclusion, ClosedBody, HoldResult, IncomingEvent, OldRows, RefusalCount,
    RefusalQuery, RetentionBatch,
};
use domain::{
    AttemptCount, Booking, CallEventKind, CallId, Cap, DeliveryFailure, DirectoryRecord, DoNotCallCopy,
    DoNotCallNumber, ListName, LocalDate, RefusalCode,
};

use super::{DAY, LONG, MINUTE, booking, ended, moment, now, placed, remove};
use crate::call_events::{endpoint, publish, read};
use crate::call_ledger::booking::{book, tenant};
use crate::call_ledger::conditions::counted;
use crate::delivery_queue::{conclude, lease};
use crate::fixtures::{Tenant, keyed_request, organization_id, phone_number};
use crate::harness::RetentionHarness;

/// A closed event is removed once it is old enough, and an open one stays.
pub async fn old_provider_events_are_removed(harness: &impl RetentionHarness) {
    for key in ["closed", "open"] {
        assert_eq!(accept(harness, key).await, AcceptResult::Accepted);
    }
    harness.inbox().close("closed", None, ClosedBody::Kept).await.expect("store is up");
    assert_eq!(remove(harness, OldRows::ProviderEvents, now().before(MINUTE)).await, 0);
    assert_eq!(remove(harness, OldRows::ProviderEvents, now().after(MINUTE)).await, 1);
    assert_eq!(accept(harness, "open").await, AcceptResult::Known);
    assert_eq!(accept(harness, "closed").await, AcceptResult::Accepted, "the closed one is removed");
}

/// Delivered and dead deliveries are removed, and pending ones stay.
pub async fn old_deliveries_are_removed(harness: &impl RetentionHarness) {
    let tenant = tenant(harness).await;
    endpoint(harness, &tenant, &CallEventKind::ALL).await;
    for _ in 0..3 {
        book(harness, &tenant.booking(LONG)).await;
    }
    publish(harness).await;
    let leased = lease(harness, 2, LONG).await;
    conclude(harness, &leased[0], AttemptConclusion::Delivered).await;
    let failure = DeliveryFailure::TimedOut;
    conclude(harness, &leased[1], AttemptConclusion::GivenUp { failure }).await;
    assert_eq!(remove(harness, OldRows::Deliveries, now().before(MINUTE)).await, 0);
    assert_eq!(remove(harness, OldRows::Deliveries, now().after(MINUTE)).await, 2);
    let left = harness.meter().measure(100).await.expect("store is up");
    assert_eq!((left.deliveries.pending, left.dead), (1, 0));
}

/// Published events without deliveries are removed. Those of a running call, of a call with an idempotency
/// key, with a delivery or without a sequence stay.
pub async fn old_call_events_are_removed(harness: &impl RetentionHarness) {
    let (tenant, with_endpoint) = (tenant(harness).await, tenant(harness).await);
    endpoint(harness, &with_endpoint, &[CallEventKind::Initiated]).await;
    let [old, running, keyed, delivered, unpublished] = [
        booking(&tenant, 1),
        booking(&tenant, 1),
        Booking { keyed: Some(keyed_request()), ..booking(&tenant, 1) },
        booking(&with_endpoint, 1),
        booking(&tenant, 1),
    ];
    for booking in [&old, &keyed, &delivered] {
        ended(harness, booking).await;
    }
    placed(harness, &running).await;
    publish(harness).await;
    ended(harness, &unpublished).await;
    assert_eq!(remove(harness, OldRows::CallEvents, now().before(MINUTE)).await, 0);
    // Three steps of the old call, and two of the one whose first step has a delivery.
    assert_eq!(remove(harness, OldRows::CallEvents, now().after(MINUTE)).await, 5);
    publish(harness).await;
    let of = async |tenant: &Tenant, booking: &Booking| {
        let events = read(harness, tenant).await;
        let is_of = |id: &CallId| *id == booking.identity.call_id;
        events.iter().filter(|event| is_of(&event.identity.call_id)).count()
    };
    assert_eq!(of(&tenant, &old).await, 0);
    assert_eq!(of(&tenant, &running).await, 2);
    assert_eq!(of(&tenant, &keyed).await, 3);
    assert_eq!(of(&tenant, &unpublished).await, 3);
    assert_eq!(of(&with_endpoint, &delivered).await, 1);
}

/// The counts of the hours before are removed.
pub async fn old_refusal_counts_are_removed(harness: &impl RetentionHarness) {
    let (organization_id, hour) = (organization_id(), moment());
    let of = |hour, refusals| RefusalCount {
        organization_id: organization_id.clone(),
        hour,
        code: RefusalCode::ClosedDay,
        refusals,
    };
    let counts = [of(hour.before(DAY), 3), of(hour, 4)];
    harness.refusals().add(&counts).await.expect("store is up");
    assert_eq!(remove(harness, OldRows::RefusalCounts, hour).await, 1);
    let (from, until) = (hour.before(DAY * 2), hour.after(DAY));
    let query = RefusalQuery { organization_id: organization_id.clone(), from, until };
    let left = harness.refusals().list(&query).await.expect("store is up");
    assert_eq!(left, counts[1..]);
}

/// Attempts are removed once they are older than the time and than each cap counts. A later attempt keeps the
/// earlier ones of its callee.
pub async fn attempts_that_no_cap_counts_are_removed(harness: &impl RetentionHarness) {
    let tenant = tenant(harness).await;
    let attempt = |callee: &_, age: Duration, remember_for| {
        let counting = AttemptCount { caps: Vec::new(), remember_for };
        Booking { booked_at: now().before(age), ..counted(&tenant, callee, None, counting) }
    };
    let [old, remembered, renewed] = [phone_number(), phone_number(), phone_number()];
    for booking in [
        attempt(&old, DAY * 5, DAY),
        attempt(&remembered, DAY * 5, DAY * 30),
        attempt(&renewed, DAY * 5, DAY),
        attempt(&renewed, DAY / 2, DAY),
    ] {
        assert_eq!(book(harness, &booking).await, HoldResult::Granted);
    }
    assert_eq!(remove(harness, OldRows::Attempts, now().before(DAY * 9)).await, 0, "not old enough");
    assert_eq!(remove(harness, OldRows::Attempts, now().after(MINUTE)).await, 1);
    for (callee, is_counted) in [(&old, false), (&remembered, true), (&renewed, true)] {
        let cap = Cap { attempts: 1, within: DAY * 30, unless_consent: false };
        let counting = AttemptCount { caps: vec![cap], remember_for: DAY * 30 };
        let next = Booking { booked_at: now(), ..counted(&tenant, callee, None, counting) };
        let is_refused = book(harness, &next).await != HoldResult::Granted;
        assert_eq!(is_refused, is_counted);
    }
}

/// A number that the latest copy of its list lacks is removed if the last copy that had it is old. One that
/// is still on the list stays, however old the copy is.
pub async fn numbers_that_left_a_list_are_removed(harness: &impl RetentionHarness) {
    let tenant = tenant(harness).await;
    let copy = |day| DoNotCallCopy {
        organization_id: tenant.organization.id.clone(),
        name: ListName::parse("national").expect("a name"),
        dated: LocalDate::new(2020, 3, day).expect("a date"),
    };
    let number = |copy: &DoNotCallCopy| {
        let phone_number = phone_number();
        DirectoryRecord::DoNotCallNumber(DoNotCallNumber { copy: copy.clone(), phone_number })
    };
    let copies = [copy(1), copy(5), copy(9)];
    for copy in &copies {
        harness.store(&[number(copy), number(copy), DirectoryRecord::DoNotCallCopy(copy.clone())]).await;
    }
    let the_fourth = domain::Timestamp::from_unix_millis(1_583_280_000_000);
    assert_eq!(remove(harness, OldRows::ListedNumbers, the_fourth).await, 2);
    assert_eq!(remove(harness, OldRows::ListedNumbers, the_fourth).await, 0);
    assert_eq!(remove(harness, OldRows::ListedNumbers, now()).await, 2, "the last copy stays");
}

/// Batches end, and begin where the one before ended, also if some rows in between stay.
pub async fn batches_remove_everything_in_the_end(harness: &impl RetentionHarness) {
    let tenant = tenant(harness).await;
    for n in 0..7_u32 {
        let key = n.to_string();
        accept(harness, &key).await;
        harness.inbox().close(&key, None, ClosedBody::Kept).await.expect("store is up");
        let remember_for = if n % 3 == 0 { DAY * 30 } else { DAY };
        let counting = AttemptCount { caps: Vec::new(), remember_for };
        let attempt = counted(&tenant, &phone_number(), None, counting);
        book(harness, &Booking { booked_at: now().before(DAY * 5), ..attempt }).await;
    }
    let before = now().after(MINUTE);
    let batch = RetentionBatch { rows: OldRows::ProviderEvents, before, limit: 3, after: None };
    let first = harness.retention().remove(&batch).await.expect("store is up");
    assert_eq!((first.rows, first.next.is_some()), (3, true));
    assert_eq!(remove(harness, OldRows::ProviderEvents, before).await, 4);
    assert_eq!(remove(harness, OldRows::Attempts, before).await, 4);
    for n in 0..7_u32 {
        assert_eq!(accept(harness, &n.to_string()).await, AcceptResult::Accepted);
    }
}

async fn accept(harness: &impl RetentionHarness, key: &str) -> AcceptResult {
    let event =
        IncomingEvent { key, kind: "a-kind", body: b"{}", received_at: moment(), organization_id: None };
    harness.inbox().accept(&event).await.expect("store is up")
}

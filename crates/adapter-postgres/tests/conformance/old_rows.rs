//! Removing old rows reads the old ones through an index, and not a whole table.

use std::sync::Arc;

use domain::ports::{CallLedger as _, HoldResult, Retention, Settlement};
use domain::{AnswerTime, CallStatus, DialOutcome};
use std::time::Duration;
use testkit::fixtures::{Tenant, moment, provider_reference};
use testkit::harness::{RetentionHarness, StoresRecords as _};

use crate::harness::PostgresHarness;

impl RetentionHarness for PostgresHarness {
    fn retention(&self) -> Arc<dyn Retention> {
        Arc::new(self.adapter())
    }
}

const REMOVE_CALLS: &str = include_str!("../../src/retention/remove_calls.sql");
const REMOVE_CALL_EVENTS: &str = include_str!("../../src/retention/remove_call_events.sql");

#[tokio::test]
async fn old_calls_and_events_are_found_by_indexes() {
    let harness = PostgresHarness::new().await;
    harness
        .database()
        .execute(
            "insert into organizations (id, name) values ('o', 'o'), ('p', 'p'); \
             insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, \
                                status_rank, booked_at, settled_at) \
             select 'c' || i, 'o', 'u', 'k', 'a', '+1', '+1', 'placed', 7, now() - make_interval(hours => i), now() \
               from generate_series(1, 20000) as i; \
             insert into call_events (call_id, kind, status_rank, organization_id, happened_at, position) \
             select 'c' || i, 'call_ended', 7, 'o', now() - make_interval(hours => i), 30000 - i \
               from generate_series(1, 20000) as i; \
             analyze",
        )
        .await;
    for (statement, indexes) in [
        (REMOVE_CALLS, &["calls_organization_id_booked_at_idx", "call_events_pkey"][..]),
        (REMOVE_CALL_EVENTS, &["call_events_happened_at_idx"]),
    ] {
        let statement = statement.replace("$1", "now() - interval '19000 hours'").replace("$2", "250");
        let settings =
            ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"].map(|it| format!("set {it} = off; "));
        let explain = format!("{} explain {statement}", settings.concat());
        let rows = harness.database().query(&explain).await;
        let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, 0)).collect();
        let plan = plan.join("\n");
        assert!(!plan.contains("Seq Scan on call"), "{plan}");
        for index in indexes {
            assert!(plan.contains(index), "{index}: {plan}");
        }
    }
}

/// The indexes by age are not on the way to the dial: neither a booking nor a settlement writes to them.
#[tokio::test]
async fn a_call_in_progress_is_in_no_index_of_old_rows() {
    let harness = PostgresHarness::new().await;
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (store, booking) = (harness.adapter(), tenant.booking(Duration::from_secs(60)));
    assert!(booking.conditions.decision.is_some());
    assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
    let outcome = DialOutcome::Placed(provider_reference());
    let settlement = Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &outcome,
        status: CallStatus::after(&outcome, AnswerTime::AfterRinging),
        hold_for: Duration::from_secs(30),
        settled_at: moment(),
    };
    store.settle(&settlement).await.expect("the server responds");
    // The first entry adds a page to an index.
    let written = "select relname::text as name from pg_class \
         where relname in ('calls_decided_idx', 'calls_transcribed_idx', 'calls_recorded_idx', 'call_events_happened_at_idx') \
           and pg_relation_size(oid) > 8192";
    let written = harness.database().query(written).await;
    let names: Vec<String> = written.iter().map(|row| sqlx::Row::get(row, "name")).collect();
    assert_eq!(names, Vec::<String>::new());
}

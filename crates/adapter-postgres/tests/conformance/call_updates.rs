//! Updates and leases of calls, beyond what the ports show.

use std::time::Duration;

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::ports::{
    CallLedger, CallLookup, CallReader, CallUpdater, OverdueLease, PartiesLookup, Settlement, UnfinishedCalls,
};
use domain::{
    Booking, CallRecord, CallStatus, CallUpdate, ConversationRecord, DialOutcome, GivenUp, GivenUpReason,
    NotConnectedReason, NotDialledReason, ProviderReference, UnknownCause, UpdateContent,
};
use sqlx::{Connection, PgConnection, Row};
use testkit::fault_proxy::Fault;
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::{PostgresHarness, TestDatabase};
use crate::proxy::fault_proxy_before;

const MINUTE: Duration = Duration::from_secs(60);

async fn booked() -> (PostgresHarness, Tenant, Booking) {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let booking = tenant.booking(MINUTE);
    harness.adapter().book(&booking).await.expect("the server responds");
    (harness, tenant, booking)
}

async fn settle(store: &PostgresStore, booking: &Booking, outcome: &DialOutcome) {
    let settlement = Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome,
        status: domain::CallStatus::after(outcome, domain::AnswerTime::AfterRinging),
        hold_for: MINUTE,
        settled_at: booking.booked_at.after(MINUTE),
    };
    store.settle(&settlement).await.expect("the server responds");
}

async fn read(harness: &PostgresHarness, booking: &Booking) -> CallRecord {
    let found =
        CallReader::find(&harness.adapter(), &booking.identity.organization_id, &booking.identity.call_id)
            .await;
    found.expect("the server responds").expect("the call is booked")
}

fn completed() -> CallUpdate {
    let content = ConversationRecord {
        duration_secs: Some(7),
        has_recording: true,
        ..ConversationRecord::new(CallStatus::Completed)
    };
    CallUpdate { conversation_id: None, carrier_call_id: None, content: UpdateContent::Conversation(content) }
}

/// A settlement that the ledger ignores, because the phone may have rung, does not raise the status
/// either.
#[tokio::test]
async fn an_ignored_settlement_does_not_raise_the_status() {
    let (harness, tenant, unknown) = booked().await;
    let (store, placed) = (harness.adapter(), tenant.booking(MINUTE));
    store.book(&placed).await.expect("the server responds");
    settle(&store, &unknown, &DialOutcome::Unknown(UnknownCause::TimedOut)).await;
    settle(&store, &placed, &DialOutcome::Placed(fixtures::provider_reference())).await;
    for (booking, status) in [(&unknown, CallStatus::Unknown), (&placed, CallStatus::InProgress)] {
        settle(&store, booking, &DialOutcome::NotDialled(NotDialledReason::Unavailable)).await;
        assert_eq!(read(&harness, booking).await.progress.status, Some(status));
    }
}

/// Two organizations may have the same numbers and the same agent at the provider.
#[tokio::test]
async fn a_call_of_one_of_two_tenants_is_not_guessed() {
    let (harness, ours, our_call) = booked().await;
    let mut theirs = Tenant::new();
    theirs.number.number.phone_number = our_call.identity.from.clone();
    theirs.contact.phone_number = Some(our_call.identity.to.clone());
    theirs.agent.provider_agent_id = ours.agent.provider_agent_id.clone();
    harness.store(&theirs.records()).await;
    let (store, their_call) = (harness.adapter(), theirs.booking(MINUTE));
    store.book(&their_call).await.expect("the server responds");
    let parties = PartiesLookup {
        one: our_call.identity.from.clone(),
        other: our_call.identity.to.clone(),
        provider_agent_id: ours.agent.provider_agent_id.clone().expect("the fixture's agent is synced"),
        booked_since: our_call.booked_at,
        booked_until: our_call.booked_at,
    };
    let lookup = CallLookup { parties: Some(parties), ..CallLookup::default() };
    assert_eq!(store.locate(&lookup).await, Ok(None), "both match");
    let reference = fixtures::provider_reference();
    let ended = DialOutcome::NotConnected {
        reference: ProviderReference { conversation_id: None, ..reference },
        reason: NotConnectedReason::Busy,
        code: None,
    };
    settle(&store, &our_call, &ended).await;
    assert_eq!(
        store.locate(&lookup).await,
        Ok(None),
        "ours has ended, and the report may be a late one about it"
    );
}

/// A process that is paused between reading a call and writing it holds the lock on the call's row.
/// The server ends its session before a settlement times out.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_stops_half_way_loses_its_lock() {
    let (harness, _, booking) = booked().await;
    let (proxy, url) = fault_proxy_before(&harness.database().url()).await;
    let paused = PostgresStore::connect(&PostgresSettings::new(url)).await.expect("the server responds");
    let mut other = PgConnection::connect(&harness.database().url()).await.expect("the server responds");
    let mut holding = other.begin().await.expect("the server responds");
    sqlx::query("select from calls for update").execute(&mut *holding).await.expect("the server responds");
    let merging = tokio::spawn({
        let call_id = booking.identity.call_id.clone();
        async move { paused.merge(&call_id, &completed()).await }
    });
    let is_waiting = "select from pg_stat_activity \
                       where datname = current_database() and wait_event_type = 'Lock'";
    while harness.database().query(is_waiting).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    proxy.set(Fault::Hold);
    // Now the merge has the row, and its process does not get the response.
    holding.rollback().await.expect("the server responds");
    settle(&harness.adapter(), &booking, &DialOutcome::Placed(fixtures::provider_reference())).await;
    assert_eq!(read(&harness, &booking).await.progress.status, Some(CallStatus::InProgress));
    assert!(merging.await.expect("a merge does not panic").is_err(), "the merge was not done");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_merged_after_a_broken_connection() {
    let (harness, _, booking) = booked().await;
    harness.database().end_sessions().await;
    assert_eq!(harness.adapter().merge(&booking.identity.call_id, &completed()).await, Ok(()));
    assert_eq!(read(&harness, &booking).await.progress.status, Some(CallStatus::Completed));
}

/// A lease does not wait for a call whose row is locked.
#[tokio::test]
async fn a_lease_passes_over_a_call_that_is_being_settled() {
    let (harness, tenant, settling) = booked().await;
    let free = tenant.booking(MINUTE);
    harness.adapter().book(&free).await.expect("the server responds");
    let mut other = PgConnection::connect(&harness.database().url()).await.expect("the server responds");
    let mut holding = other.begin().await.expect("the server responds");
    sqlx::query("select from calls where id = $1 for no key update")
        .bind(settling.identity.call_id.as_str())
        .execute(&mut *holding)
        .await
        .expect("the server responds");
    let due = free.booked_at.after(MINUTE);
    let lease = OverdueLease {
        now: due,
        undecided_before: due,
        unended_before: due,
        given_up_before: free.booked_at,
        limit: 10,
        lease_for: MINUTE,
    };
    let leased = harness.adapter().lease_overdue(&lease).await.expect("it does not wait");
    let leased: Vec<_> = leased.into_iter().map(|call| call.call_id).collect();
    assert_eq!(leased, [free.identity.call_id]);
}

/// A call that is given up keeps its status, and is not in the index that every lease reads.
#[tokio::test]
async fn a_given_up_call_leaves_the_index_of_unended_calls() {
    let (harness, _, booking) = booked().await;
    let store = harness.adapter();
    settle(&store, &booking, &DialOutcome::Placed(fixtures::provider_reference())).await;
    let mut connection = PgConnection::connect(&harness.database().url()).await.expect("the server responds");
    sqlx::raw_sql("set enable_seqscan = off").execute(&mut connection).await.expect("the server responds");
    let in_index = "select id from calls where status_rank < 4 and given_up_at is null";
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain {in_index}")))
        .fetch_all(&mut connection)
        .await
        .expect("the server responds");
    assert!(plan.concat().contains("calls_to_reconcile_idx"), "{plan:?}");
    for (update, expected) in [
        (CallUpdate::unresolved(), 1),
        (CallUpdate::given_up(GivenUp { at: booking.booked_at, reason: GivenUpReason::NoEnd }), 0),
    ] {
        store.merge(&booking.identity.call_id, &update).await.expect("the server responds");
        assert_eq!(harness.database().query(in_index).await.len(), expected);
        assert_eq!(read(&harness, &booking).await.progress.status, Some(CallStatus::InProgress));
    }
}

/// A call from before the status column gets the status of its outcome.
#[tokio::test]
async fn the_migration_gives_earlier_calls_their_status() {
    let database = TestDatabase::create().await;
    database.execute(include_str!("../../migrations/0001_directory_and_books.sql")).await;
    database
        .execute(
            "insert into organizations values ('o', 'O'); insert into users values ('u', 'o', 'U'); \
             insert into agents (id, organization_id, name, voice_enabled) values ('a', 'o', 'A', true); \
             insert into contacts values ('c', 'o')",
        )
        .await;
    let placed = DialOutcome::Placed(fixtures::provider_reference());
    let unknown = DialOutcome::Unknown(UnknownCause::TimedOut);
    let not_dialled = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    let not_connected = NotConnectedReason::ALL.map(|reason| DialOutcome::NotConnected {
        reference: fixtures::provider_reference(),
        reason,
        code: None,
    });
    let mut calls = vec![("dialling", None, CallStatus::Initiated)];
    for outcome in [&placed, &unknown, &not_dialled].into_iter().chain(&not_connected) {
        let detail = match outcome {
            DialOutcome::NotConnected { reason, .. } => Some(reason.as_str()),
            _ => None,
        };
        calls.push((outcome.as_str(), detail, CallStatus::after(outcome, domain::AnswerTime::AfterRinging)));
    }
    for (index, (state, detail, _)) in calls.iter().enumerate() {
        let detail = detail.map_or("null".to_owned(), |detail| format!("'{detail}'"));
        let settled_at = if *state == "dialling" { "null" } else { "now()" };
        let sql = format!(
            "insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, \
                                outcome_detail, booked_at, settled_at) \
             values ('{index}', 'o', 'u', 'c', 'a', '+1', '+2', '{state}', {detail}, now(), {settled_at})"
        );
        database.execute(&sql).await;
    }
    database.execute(include_str!("../../migrations/0002_books_after_the_dial.sql")).await;
    let rows = database.query("select id, status_rank::text as rank from calls").await;
    assert_eq!(rows.len(), calls.len());
    for row in rows {
        let index: usize = row.get::<String, _>("id").parse().expect("an index");
        let (state, detail, status) = calls[index];
        assert_eq!(row.get::<String, _>("rank"), status.rank().to_string(), "{state} {detail:?}");
    }
}

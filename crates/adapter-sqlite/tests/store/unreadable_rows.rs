//! Rows that this release cannot read, as a later one may write them.

use std::collections::BTreeMap;

use domain::ports::{
    CallLedger, ContactRepo, DeliveryLease, DeliveryQueue, EventFeed, OverdueLease, RegistrationResult,
    UnfinishedCalls, UnrecordedLease, WebhookEndpoints,
};
use sqlx::AssertSqlSafe;
use testkit::fixtures::{Tenant, moment, webhook_endpoint};

use crate::{LONG, connect, import, migrated};

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_not_quoted() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let statement = "update contacts set phone_number = '0049 private'";
    sqlx::query(statement).execute(&mut connect(&path).await).await.expect("the table is there");
    let found = ContactRepo::find(&store, &tenant.organization.id, &tenant.contact_id()).await;
    let error = found.expect_err("this is not a phone number").to_string();
    assert!(error.contains("contacts.phone_number"), "{error}");
    assert!(!error.contains("private"), "{error}");
}

/// A lease reads rows of several calls. The others are worked on, and the spoilt row stays leased.
#[tokio::test]
async fn a_leased_row_that_cannot_be_read_keeps_no_other_one_from_being_leased() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let registered = store.register(&webhook_endpoint(&tenant.organization.id), 10).await;
    assert_eq!(registered, Ok(RegistrationResult::Registered));
    let [spoilt, sound] = [tenant.booking(LONG), tenant.booking(LONG)];
    for booking in [&spoilt, &sound] {
        store.book(booking).await.expect("the store is available");
    }
    assert_eq!(store.publish(10).await, Ok(2));
    let (id, sound_id) = (&spoilt.identity.call_id, &sound.identity.call_id);
    let spoil = async |sql: String| {
        let spoilt = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connect(&path).await).await;
        spoilt.expect("the tables are there");
    };
    spoil(format!("update calls set from_number = 'new', conversation_id = '' where id = '{id}'")).await;

    let lease = DeliveryLease {
        limit: 10,
        per_endpoint: 10,
        per_organization: 10,
        running: BTreeMap::new(),
        lease_for: LONG,
    };
    let due = store.lease(&lease).await.expect("one of them can be read");
    assert_eq!(due.iter().map(|due| &due.event.identity.call_id).collect::<Vec<_>>(), [sound_id]);
    assert_eq!(store.lease(&lease).await, Ok(Vec::new()), "both are leased");

    let later = sound.booked_at.after(LONG);
    let lease = OverdueLease {
        now: later,
        undecided_before: later,
        unended_before: later,
        given_up_before: moment(),
        limit: 10,
        lease_for: LONG,
    };
    let overdue = store.lease_overdue(&lease).await.expect("one of them can be read");
    assert_eq!(overdue.iter().map(|call| &call.call_id).collect::<Vec<_>>(), [sound_id]);

    spoil(format!(
        "update calls set status_rank = 7, conversation_id = iif(id = '{id}', '', 'conversation'),
                          conversation = '{{\"has_recording\": true}}', claimed_until = null"
    ))
    .await;
    let lease = UnrecordedLease {
        now: later,
        booked_before: later,
        given_up_before: sound.booked_at.before(LONG),
        limit: 10,
        lease_for: LONG,
    };
    let unrecorded = store.lease_unrecorded(&lease).await.expect("one of them can be read");
    assert_eq!(unrecorded.iter().map(|(id, _)| id).collect::<Vec<_>>(), [sound_id]);
}

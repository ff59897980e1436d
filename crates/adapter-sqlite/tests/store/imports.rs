//! Imports, and what other stores on the file do during them.

use domain::ports::{CallLedger, Directory, HoldResult, IdempotencyLock, LockRequest, UserRepo};
use domain::{ContactIdentity::Known, ContactRecord, DirectoryRecord};
use testkit::fixtures::{Tenant, contact, contact_id};

use crate::{LONG, connect, count, import, migrated, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_contacts_are_imported_while_others_read() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let mut connection = connect(&path).await;
    let template = contact(&tenant.organization.id);
    let mut running = store.begin().await.expect("the store is available");
    for batch in 0..200 {
        let records: Vec<_> = (0..500)
            .map(|index| match index % 10 {
                // Parsing a number takes longer than storing it, so that only one in ten has a
                // number.
                0 => contact(&tenant.organization.id),
                _ => ContactRecord { identity: Known(contact_id()), phone_number: None, ..template.clone() },
            })
            .map(DirectoryRecord::Contact)
            .collect();
        running.upsert(&records).await.expect("no number is there twice");
        if batch % 50 == 0 {
            let user = UserRepo::find(&store, &tenant.user.id).await.expect("the store is available");
            assert!(user.is_some());
            assert_eq!(count(&mut connection, "contacts").await, 1, "nothing is visible before the commit");
        }
    }
    running.commit().await.expect("the store is available");
    assert_eq!(count(&mut connection, "contacts").await, 100_001);
}

/// SQLite counts the commits of other connections that wrote something.
#[tokio::test]
async fn an_import_of_what_is_stored_already_writes_nothing() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let mut connection = connect(&path).await;
    let mut commits = async || {
        let version = sqlx::query_scalar::<_, i64>("pragma data_version").fetch_one(&mut connection);
        version.await.expect("the file is there")
    };
    let before = commits().await;
    import(&store, &tenant.records()).await;
    assert_eq!(commits().await, before);
    let mut renamed = tenant.clone();
    renamed.number.position += 1;
    import(&store, &renamed.records()).await;
    assert_ne!(commits().await, before);
}

/// The stores are in one process here, but they share no queue: SQLite alone decides who writes.
#[tokio::test(flavor = "multi_thread")]
async fn another_store_writes_between_the_imports_of_a_large_file() {
    let (theirs, path, _folder) = migrated().await;
    let ours = open(&path).await;
    let tenant = Tenant::new();
    import(&theirs, &tenant.records()).await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let (started, start) = tokio::sync::oneshot::channel::<()>();
    // Prepared before, so that no time passes between two imports.
    let contacts: Vec<_> =
        (0..1000).map(|_| ContactRecord { phone_number: None, ..contact(&tenant.organization.id) }).collect();
    let others = contacts.iter().map(|contact| ContactRecord { last_name: None, ..contact.clone() });
    let versions = [contacts.clone(), others.collect()]
        .map(|contacts| contacts.into_iter().map(DirectoryRecord::Contact).collect::<Vec<_>>());
    let imports = tokio::spawn(async move {
        let mut started = Some(started);
        for records in versions.iter().cycle() {
            if stopped.try_recv().is_ok() {
                break;
            }
            import(&theirs, records).await;
            started.take().map(|started| started.send(()));
        }
    });
    start.await.expect("the first import is stored");
    for _ in 0..20 {
        let booking = tenant.booking(LONG);
        assert_eq!(
            ours.acquire(&LockRequest::new(&booking.key, &booking.token, LONG)).await,
            Ok(HoldResult::Granted)
        );
        assert_eq!(ours.book(&booking).await, Ok(HoldResult::Granted));
    }
    stop.send(()).expect("the imports go on");
    imports.await.expect("every import succeeds");
}

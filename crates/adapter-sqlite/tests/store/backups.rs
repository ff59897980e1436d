use std::os::unix::fs::PermissionsExt;

use adapter_sqlite::back_up;
use testkit::eventually;

use super::*;

/// A copy has what was committed before it began, also what is only in the log of the file, and
/// nothing that came later. Bookings go on meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_one_state_of_a_file_in_use() {
    let (store, path, folder) = migrated().await;
    let copy = folder.path().join("copy.db");
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let book = async |store: &SqliteStore| {
        let booking = tenant.booking(LONG);
        assert_eq!(store.book(&booking).await.expect("the store is up"), HoldResult::Granted);
        booking.identity.call_id
    };
    let mut before = Vec::new();
    for _ in 0..20 {
        before.push(book(&store).await);
    }
    let copying = tokio::spawn({
        let (path, copy) = (path.clone(), copy.clone());
        async move { back_up(&path, &copy).await }
    });
    let mut later = Vec::new();
    eventually("the file is copied", async || {
        later.push(book(&store).await);
        copying.is_finished()
    })
    .await;
    copying.await.expect("no panic").expect("the copy is made");
    later.push(book(&store).await);
    store.close().await;

    let mode = std::fs::metadata(&copy).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(!folder.path().join("copy.db.partial").exists());
    let copied = calls_in(&copy).await;
    assert_eq!(copied[..20], before.iter().map(ToString::to_string).collect::<Vec<_>>());
    let while_copying = &copied[20..];
    assert!(while_copying.len() < later.len(), "the last call was booked after the copy");
    assert!(while_copying.iter().eq(later[..while_copying.len()].iter().map(|id| id.as_str())));

    // The copy is used like the file.
    let restored = open(&copy).await;
    restored.migrate().await.expect("it has the schema");
    book(&restored).await;
    restored.close().await;
}

/// A copy replaces no file, and leaves none behind if it fails. What an interrupted copy left does not
/// prevent the next one.
#[tokio::test]
async fn a_copy_replaces_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let path = folder.path().join("outdial.db");
    let files = || std::fs::read_dir(folder.path()).expect("a folder").count();
    let copy = folder.path().join("copy.db");
    let refused = back_up(&path, &copy).await.expect_err("there is no file").to_string();
    assert!(refused.contains("cannot be opened"), "{refused}");
    assert_eq!(files(), 0, "neither file was created");

    let store = open(&path).await;
    store.migrate().await.expect("the schema is new");
    std::fs::write(folder.path().join("copy.db.partial"), "interrupted").expect("the folder is writable");
    back_up(&path, &copy).await.expect("the copy is made");
    let first = std::fs::read(&copy).expect("it exists");
    let refused = back_up(&path, &copy).await.expect_err("the copy exists").to_string();
    assert!(refused.contains("exists already"), "{refused}");
    assert_eq!(std::fs::read(&copy).expect("it exists"), first);

    let text = folder.path().join("text.db");
    std::fs::write(&text, "x".repeat(8192)).expect("the folder is writable");
    let before = files();
    back_up(&text, &folder.path().join("other.db")).await.expect_err("a text is no database");
    assert_eq!(files(), before, "nothing is left");
    store.close().await;
}

async fn calls_in(path: &Path) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await.expect("it can be opened");
    let ids = sqlx::query_scalar("select id from calls order by rowid").fetch_all(&mut connection).await;
    ids.expect("it has calls")
}

use std::sync::atomic::{AtomicU32, Ordering};

use adapter_postgres::{PostgresSettings, PostgresStore};
use adapter_redis::RedisSettings;

use super::*;

fn unreachable() -> anyhow::Error {
    PortUnavailable::new("postgres", "connection: connection refused").into()
}

/// Opens a store whose first `failures` attempts fail with `error`; the result, the number of
/// attempts and how long it took.
async fn wait(
    failures: u32,
    time_limit: Duration,
    error: fn() -> anyhow::Error,
) -> (Result<(), NotOpen>, u32, Duration) {
    let (attempts, started) = (AtomicU32::new(0), Instant::now());
    let attempt = || async {
        let failed = attempts.fetch_add(1, Ordering::Relaxed) < failures;
        if failed { Err(error()) } else { Ok(()) }
    };
    let opened = wait_for("store", started + time_limit, attempt).await;
    (opened, attempts.into_inner(), started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_becomes_reachable_is_opened() {
    let (opened, attempts, took) = wait(4, Duration::from_secs(60), unreachable).await;
    assert!(opened.is_ok());
    assert_eq!((attempts, took.as_millis()), (5, 250 + 500 + 1000 + 2000));
}

#[tokio::test(start_paused = true)]
async fn a_store_is_waited_for_no_longer_than_the_time_limit() {
    for (secs, expected) in [(0, 1), (1, 3), (60, 19)] {
        let (opened, attempts, took) = wait(u32::MAX, Duration::from_secs(secs), unreachable).await;
        assert!(matches!(opened, Err(NotOpen::TimedOut(_))));
        assert!(took <= Duration::from_secs(secs), "{took:?}");
        assert_eq!(attempts, expected, "within {secs} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_waiting_cannot_cure_ends_the_wait() {
    let pending = || anyhow::anyhow!("the database is 1 migration(s) behind");
    let (opened, attempts, _) = wait(u32::MAX, Duration::from_secs(60), pending).await;
    assert!(matches!(opened, Err(NotOpen::Failed(_))));
    assert_eq!(attempts, 1);
}

#[test]
fn an_issuer_that_does_not_respond_is_waited_for_and_a_missing_file_is_not() {
    for (reason, expected) in [
        ("no connection was made", true),
        ("the response has HTTP status 503", true),
        ("the file cannot be read: entity not found", false),
        ("the document is larger than 256 KiB", false),
    ] {
        assert_eq!(may_pass(&PortUnavailable::new("key set", reason)), expected, "{reason}");
    }
}

#[test]
fn a_sqlstate_decides_whether_to_wait() {
    for (code, expected) in [
        ("57P03", true),
        ("53300", true),
        ("08006", true),
        ("25006", true),
        ("28P01", false),
        ("28000", false),
        ("3D000", false),
        ("42501", false),
    ] {
        for text in ["", ": check the URL of the pooler"] {
            let error = PortUnavailable::new("postgres", format!("SQLSTATE {code}{text}"));
            assert_eq!(may_pass(&error), expected, "{code}");
        }
    }
}

/// The reasons are the adapters' own: this test fails if they are changed.
#[tokio::test]
async fn the_adapters_reasons_decide_whether_to_wait() {
    let postgres = async |url: &str| {
        let settings =
            PostgresSettings { acquire_timeout: Duration::from_millis(300), ..PostgresSettings::new(url) };
        PostgresStore::connect(&settings).await.expect_err("there is no server")
    };
    assert!(may_pass(&postgres("postgres://127.0.0.1:1/outdial").await));
    let pooler = "a pooler in transaction mode loses prepared statements";
    assert!(!may_pass(&PortUnavailable::new("postgres", pooler)));
    assert!(may_pass(&postgres("postgres://postgres.invalid/outdial").await));
    assert!(!may_pass(&postgres("postgres://127.0.0.1:port/outdial").await));
    assert!(!may_pass(&postgres("postgres://127.0.0.1/outdial?sslmode=sometimes").await));
    let redis = async |url: &str| match RedisStore::connect(&RedisSettings::new(url)) {
        Ok(redis) => redis.ping().await.expect_err("there is no server"),
        Err(error) => error,
    };
    assert!(may_pass(&redis("redis://127.0.0.1:1").await));
    assert!(may_pass(&redis("redis://redis.invalid").await));
    assert!(!may_pass(&redis("redis://127.0.0.1:port").await));
}

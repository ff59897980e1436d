//! Opens the stores of `serve`, and waits for those that are not reachable yet: after a power
//! failure or in a new deployment, all services start at the same time.

use std::future::Future;
use std::time::Duration;

use adapter_redis::RedisStore;
use domain::ports::PortUnavailable;
use tokio::time::{Instant, sleep_until};

use crate::config::Storage;
use crate::wiring::Stores;

/// The pause after the first attempt. Each later pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Why a store is not open.
enum NotOpen {
    /// Waiting cannot cure this.
    Failed(anyhow::Error),
    /// It was not reachable in time.
    TimedOut(anyhow::Error),
}

/// Opens and checks the stores. A store that is not reachable is tried again for `time_limit`, at
/// least once; an error that waiting cannot cure is returned immediately.
///
/// Without Postgres this fails. Without Redis it succeeds: readiness then reports the lock as
/// missing and calls are refused, but events are still accepted and calls can be read.
pub(crate) async fn open_stores(storage: &Storage, time_limit: Duration) -> anyhow::Result<Stores> {
    let deadline = Instant::now() + time_limit;
    let stores = wait_for("the database", deadline, || open_database(storage)).await;
    let stores = stores.map_err(|error| match error {
        NotOpen::Failed(error) => error,
        NotOpen::TimedOut(error) => {
            error.context("the database was not reachable within OUTDIAL_START_TIMEOUT_SECS")
        }
    })?;
    if let Stores::Services { redis, .. } = &stores {
        match wait_for("Redis", deadline, || ping(redis)).await {
            Ok(()) => {}
            Err(NotOpen::Failed(error)) => return Err(error.context("cannot use OUTDIAL_REDIS_URL")),
            Err(NotOpen::TimedOut(error)) => tracing::error!(
                %error,
                "Redis was not reachable within OUTDIAL_START_TIMEOUT_SECS; starting without it: calls are refused until it is reachable"
            ),
        }
    }
    stores.warn_of_eviction().await;
    Ok(stores)
}

async fn open_database(storage: &Storage) -> anyhow::Result<Stores> {
    let stores = Stores::open(storage).await?;
    if let Err(error) = stores.check_schema().await {
        stores.close().await;
        return Err(error);
    }
    Ok(stores)
}

async fn ping(redis: &RedisStore) -> anyhow::Result<()> {
    Ok(redis.ping().await?)
}

async fn wait_for<T, A>(store: &'static str, deadline: Instant, attempt: impl Fn() -> A) -> Result<T, NotOpen>
where
    A: Future<Output = anyhow::Result<T>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match attempt().await {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        let Some(cause) = error.downcast_ref::<PortUnavailable>().filter(|cause| may_pass(cause)) else {
            return Err(NotOpen::Failed(error));
        };
        let again_at = Instant::now() + pause;
        if again_at >= deadline {
            return Err(NotOpen::TimedOut(error));
        }
        let pause_ms = pause.as_millis();
        tracing::warn!(error = %cause, store, pause_ms, "a store is not reachable at start; trying again");
        sleep_until(again_at).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether waiting may cure this error: a server that cannot be reached, that starts, or that has
/// too many connections. Wrong credentials, a missing database and an unusable URL stay wrong.
///
/// The adapters reduce an error to a reason without data. A SQLSTATE decides where there is one.
fn may_pass(error: &PortUnavailable) -> bool {
    let reason = error.to_string();
    if let Some((_, code)) = reason.split_once("SQLSTATE ") {
        // Connection exceptions, insufficient resources, operator intervention, and a server that
        // is still read-only (https://www.postgresql.org/docs/current/errcodes-appendix.html).
        return ["08", "53", "57P", "25006"].iter().any(|class| code.starts_with(class));
    }
    match error.service() {
        "postgres" => !["URL", "TLS", "migration"].iter().any(|lasting| reason.contains(lasting)),
        "redis" => !["URL", "credentials", "NOPERM", "cluster", "too few replicas", "another type"]
            .iter()
            .any(|lasting| reason.contains(lasting)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
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
            let error = PortUnavailable::new("postgres", format!("SQLSTATE {code}"));
            assert_eq!(may_pass(&error), expected, "{code}");
        }
    }

    /// The reasons are the adapters' own: this test fails if they are changed.
    #[tokio::test]
    async fn the_adapters_reasons_decide_whether_to_wait() {
        let postgres = async |url: &str| {
            let settings = PostgresSettings {
                acquire_timeout: Duration::from_millis(300),
                ..PostgresSettings::new(url)
            };
            PostgresStore::connect(&settings).await.expect_err("there is no server")
        };
        assert!(may_pass(&postgres("postgres://127.0.0.1:1/outdial").await));
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
}

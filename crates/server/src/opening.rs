//! Opens the stores of `serve`, and waits for those that are not reachable yet: after a power
//! failure or in a new deployment, all services start at the same time.

use std::future::Future;
use std::time::Duration;

use adapter_http::KeySetSource;
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

/// Reads the key set of the tokens.
pub(crate) async fn read_key_set(source: &dyn KeySetSource, time_limit: Duration) -> anyhow::Result<Vec<u8>> {
    let deadline = Instant::now() + time_limit;
    let document = wait_for("the key set", deadline, async || Ok(source.read().await?)).await;
    document.map_err(|error| match error {
        NotOpen::Failed(error) => error,
        NotOpen::TimedOut(error) => {
            error.context("the key set could not be read within OUTDIAL_START_TIMEOUT_SECS")
        }
    })
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
        "postgres" => !["URL", "TLS", "migration", "pooler"].iter().any(|lasting| reason.contains(lasting)),
        "redis" => !["URL", "credentials", "NOPERM", "cluster", "too few replicas", "another type"]
            .iter()
            .any(|lasting| reason.contains(lasting)),
        "key set" => !["the file", "larger"].iter().any(|lasting| reason.contains(lasting)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

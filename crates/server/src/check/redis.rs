use adapter_redis::{EvictionPolicy, Inspection, Persistence, RedisSettings, RedisStore};

use super::{Finding, clocks, within};

const REDIS: &str = "redis";
const EVICTION: &str = "redis-eviction";
const PERSISTENCE: &str = "redis-persistence";

pub(super) async fn check(settings: &RedisSettings) -> Vec<Finding> {
    let inspected = within(async { RedisStore::connect(settings)?.inspect().await }).await;
    let inspection = match inspected {
        Ok(inspection) => inspection,
        Err(error) => {
            let remedy = "start it, and let OUTDIAL_REDIS_URL name it with a user who may use the keys";
            return vec![
                Finding::failed(REDIS, error, remedy),
                Finding::behind(EVICTION, REDIS),
                Finding::behind(PERSISTENCE, REDIS),
                Finding::behind(clocks::CLOCKS, REDIS).about(REDIS),
            ];
        }
    };
    vec![
        Finding::ok(REDIS, "Redis answers and accepts locks"),
        of_eviction(&inspection),
        of_persistence(&inspection),
        clocks::of(REDIS, &inspection.clock),
    ]
}

fn of_eviction(inspection: &Inspection) -> Finding {
    let remedy = "set maxmemory-policy to noeviction";
    match &inspection.eviction {
        EvictionPolicy::NoEviction => Finding::ok(EVICTION, "maxmemory-policy is noeviction"),
        EvictionPolicy::Evicting(policy) => {
            let found = format!("maxmemory-policy is {policy}: a full server evicts locks");
            Finding::failed(EVICTION, found, remedy)
        }
        EvictionPolicy::Unknown => {
            let found = "the server does not say its maxmemory-policy";
            Finding::warning(EVICTION, found, "make sure that it is noeviction")
        }
    }
}

/// Warnings only: without its keys, the reservations of the ledger still block a second call.
fn of_persistence(inspection: &Inspection) -> Finding {
    let remedy = "set appendonly to yes and appendfsync to everysec";
    let unknown = if inspection.shows_config {
        "the server does not say whether it writes a log"
    } else {
        "the server forbids CONFIG"
    };
    match inspection.persistence {
        Persistence::Log => Finding::ok(PERSISTENCE, "a log that is synced at least every second"),
        Persistence::UnsyncedLog => {
            let found = "the log is not synced: a crash of the host loses the newest locks";
            Finding::warning(PERSISTENCE, found, remedy)
        }
        Persistence::NoLog => {
            let found = "no log: a restart loses locks, results and counts of the day";
            Finding::warning(PERSISTENCE, found, remedy)
        }
        Persistence::LogOfUnknownSync | Persistence::Unknown => Finding::warning(
            PERSISTENCE,
            unknown,
            "make sure that appendonly is yes and appendfsync is everysec, or allow CONFIG GET",
        ),
    }
}

use adapter_redis::{EvictionPolicy, Inspection, Persistence, RedisSettings, RedisStore};

use url::Url;

use super::{Finding, clocks, servers, within};

const REDIS: &str = "redis";
const EVICTION: &str = "redis-eviction";
const PERSISTENCE: &str = "redis-persistence";
const NODE: &str = "redis-node";

const REMEDY: &str = "start it, and let OUTDIAL_REDIS_URL name it with a user who may use the keys";

pub(super) async fn check(settings: &RedisSettings) -> Vec<Finding> {
    let Some(nodes) = settings.nodes_of_cluster() else { return check_server(settings).await };
    let mut findings = vec![match within(async { RedisStore::connect(settings)?.ping().await }).await {
        Ok(()) => Finding::ok(REDIS, "the cluster answers and accepts locks"),
        Err(error) => Finding::failed(REDIS, error, REMEDY),
    }];
    for node in nodes {
        findings.extend(check_node(&node).await);
    }
    findings
}

/// A node that the URL names.
async fn check_node(settings: &RedisSettings) -> Vec<Finding> {
    let node = Url::parse(&settings.url).ok();
    let node = node.and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port()?))).unwrap_or_default();
    let found = match within(async { RedisStore::connect(settings)?.inspect_node().await }).await {
        Ok(Some(inspection)) => vec![
            Finding::ok(NODE, "the node answers, and sees a node for each hash slot"),
            of_eviction(&inspection),
            of_persistence(&inspection),
            clocks::of(REDIS, &inspection.clock),
        ],
        Ok(None) => {
            let found = "the node does not see a node for each hash slot";
            vec![Finding::failed(NODE, found, "start the masters of the cluster, or their replicas")]
        }
        Err(error) => {
            vec![Finding::failed(NODE, error, "start it, or remove it from OUTDIAL_REDIS_URL")]
        }
    };
    found.into_iter().map(|finding| finding.about(&node)).collect()
}

async fn check_server(settings: &RedisSettings) -> Vec<Finding> {
    let (mut findings, sentinels) = tokio::join!(check_master(settings), servers::of_redis(settings));
    findings.extend(sentinels);
    findings
}

async fn check_master(settings: &RedisSettings) -> Vec<Finding> {
    let inspected = within(async { RedisStore::connect(settings)?.inspect().await }).await;
    let inspection = match inspected {
        Ok(inspection) => inspection,
        Err(error) => {
            return vec![
                Finding::failed(REDIS, error, REMEDY),
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

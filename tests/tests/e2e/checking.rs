//! `outdial check`, in a process of its own: on real stores, and against the simulator of both
//! vendors. Each fault is found by its check, with a remedy, and hides no other.

mod accounts;
mod stores;

use rstest::rstest;
use serde_json::Value;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{RedisServer, SINCH_SECRET, World};

const OWNERS: &str = r#"{"kind":"organization","id":"o1","name":"Analytical Engines"}
{"kind":"user","id":"u1","organizationId":"o1","fullName":"Charles Babbage"}
{"kind":"callingPolicy","organizationId":"o1","policy":{"modes":{"countries":"enforce","suppressions":"enforce","quietHours":"enforce","callingHours":"enforce","caps":"enforce","consent":"enforce","zone":"enforce"}}}
"#;

/// Settings with which a Redis keeps its locks, whatever happens.
const DURABLE_REDIS: &[&str] = &["--appendonly", "yes", "--appendfsync", "everysec"];

/// A deployment without a fault, and its Redis.
struct Deployment {
    world: World,
    redis: Option<RedisServer>,
}

impl Deployment {
    async fn healthy(backing: Backing) -> Self {
        let world = World::unmigrated(backing).await.with_both_vendors();
        let world = world.without("OUTDIAL_DELIVERY_ALLOW_PRIVATE");
        let (world, redis) = match backing {
            Sqlite => (world, None),
            PostgresAndRedis => {
                let redis = RedisServer::start_with(DURABLE_REDIS).await;
                (world.with("OUTDIAL_REDIS_URL", redis.url()), Some(redis))
            }
        };
        world.outdial(&["migrate"]).await;
        assert_eq!(world.import(OWNERS).await, (true, String::new()));
        let file = world.folder().join("webhook-secret");
        let file = file.to_str().expect("the path is ASCII").to_owned();
        let webhook = ["--webhook", "https://gateway.example.com", "--secret-file", &file];
        let owners = ["sync", "--organization", "o1", "--user", "u1"];
        world.outdial(&[&owners[..], &webhook[..]].concat()).await;
        Self { world: world.with("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS_FILE", file), redis }
    }

    /// The same with another setting.
    fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        Self { world: self.world.with(name, value), redis: self.redis }
    }
}

/// The output of the command.
struct Checked {
    status: Option<i32>,
    findings: Vec<Value>,
}

impl Checked {
    async fn of(world: &World) -> Self {
        let output = world.try_outdial(&["check", "--json"]).await;
        let findings: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
        let findings = findings.as_array().expect("a list").clone();
        let shown =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        for secret in
            ["simulated-api-key", SINCH_SECRET, "a secret for tests", "wsec_", "redis://", "postgres://"]
        {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        for finding in &findings {
            let is_bad = ["failed", "warning"].contains(&state(finding));
            assert!(!is_bad || finding["remedy"].is_string(), "it needs a remedy: {finding}");
        }
        Self { status: output.status.code(), findings }
    }

    /// What a check found, about this subject if it is not empty.
    fn find(&self, id: &str, subject: &str) -> &Value {
        let is_it = |finding: &&Value| {
            finding["id"] == id
                && (subject.is_empty() || finding["subject"].as_str().is_some_and(|it| it.contains(subject)))
        };
        self.findings.iter().find(is_it).unwrap_or_else(|| panic!("no {id} {subject}: {:#?}", self.findings))
    }

    /// Asserts what a check found, and its remedy if there is one.
    fn assert(&self, id: &str, subject: &str, expected: &str, remedy: &str) {
        let finding = self.find(id, subject);
        assert_eq!(state(finding), expected, "{finding}");
        assert!(finding["remedy"].as_str().unwrap_or_default().contains(remedy), "{remedy}: {finding}");
    }

    /// The ids of the checks that are neither ok nor skipped. The exit status must fit to them.
    fn faults(&self) -> Vec<&str> {
        let has_failed = self.findings.iter().any(|it| state(it) == "failed");
        assert_eq!(self.status, Some(i32::from(has_failed)), "{:#?}", self.findings);
        let is_bad = |it: &&Value| ["failed", "warning"].contains(&state(it));
        let bad = self.findings.iter().filter(is_bad).map(|it| it["id"].as_str().expect("an id"));
        // The Postgres of the tests does not wait for its disk.
        bad.filter(|id| *id != "database-durable").collect()
    }
}

fn state(finding: &Value) -> &str {
    finding["state"].as_str().expect("a state")
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_without_a_fault_passes_and_stays_as_it_is(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let deployment = Deployment::healthy(backing).await;
    let world = &deployment.world;
    let rows = "select (select count(*) from organizations) + (select count(*) from users) + (select count(*) from agents)
         + (select count(*) from caller_numbers) + (select count(*) from job_leases)";
    let before = world.count(rows).await;
    let checked = Checked::of(world).await;
    assert!(checked.faults().is_empty(), "{:#?}", checked.findings);
    assert_eq!(world.count(rows).await, before, "nothing was stored");
    assert!(!world.folder().join("recordings").exists(), "no folder was created");
    let mut expected = vec![
        "settings",
        "secret-files",
        "tls",
        "tokens",
        "database",
        "database-writable",
        "schema",
        "recordings",
        "disk-space",
        "provider-key",
        "trunk",
        "directory",
        "agents",
        "numbers",
        "users",
        "webhook",
        "webhook-secret",
        "rules",
        "zones",
    ];
    expected.extend(match backing {
        Sqlite => &["database-file"][..],
        PostgresAndRedis => &["database-primary", "redis", "redis-eviction", "redis-persistence", "clocks"],
    });
    for id in expected {
        checked.assert(id, "", "ok", "");
    }
    if backing == PostgresAndRedis {
        checked.assert("clocks", "postgres", "ok", "");
        checked.assert("clocks", "redis", "ok", "");
    }
    let text = String::from_utf8(world.try_outdial(&["check"]).await.stdout).expect("the output is UTF-8");
    assert_eq!(text.lines().count(), checked.findings.len(), "one line for each check: {text}");
}

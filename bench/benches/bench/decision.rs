//! The CPU of one decision: a dry run with all rules, without the same dry run without rules. The call
//! is refused, so that the rules are asked for the next open time too, a month ahead.

use anyhow::{Result, ensure};
use serde::Serialize;

use super::candidate::Candidate;
use super::http::{self, Connection};
use super::proc;
use super::service::CALLS;
use super::stores::Stores;

const WARM_UP: u32 = 200;
/// An area code in two time zones. A sales call by an artificial voice needs a consent there.
const BODY: &str = r#"{"phoneNumber":"+18075550142","purpose":"telemarketing"}"#;
const GROUPS: [&str; 7] =
    ["countries", "suppressions", "quietHours", "callingHours", "caps", "consent", "zone"];

#[derive(Debug, Serialize)]
pub(crate) struct Decision {
    pub(crate) candidate: String,
    pub(crate) dry_run_ms: f64,
    pub(crate) dry_run_without_rules_ms: f64,
}

pub(crate) async fn run(gateway: &Candidate, stores: &Stores, dry_runs: u32) -> Result<Decision> {
    let without_rules = cpu_ms(gateway, stores, "off", dry_runs).await?;
    let with_rules = cpu_ms(gateway, stores, "enforce", dry_runs).await?;
    Ok(Decision {
        candidate: gateway.kind.to_string(),
        dry_run_ms: with_rules,
        dry_run_without_rules_ms: without_rules,
    })
}

async fn cpu_ms(gateway: &Candidate, stores: &Stores, mode: &str, dry_runs: u32) -> Result<f64> {
    let modes = GROUPS.map(|group| format!(r#""{group}":"{mode}""#)).join(",");
    let policy = format!(r#"{{"modes":{{{modes}}}}}"#);
    let statement = format!(
        "insert into calling_policies (organization_id, policy, revision, changed_at) \
         select id, '{policy}', 1, now() from organizations \
         on conflict (organization_id) do update set policy = excluded.policy, revision = calling_policies.revision + 1"
    );
    stores.execute(&gateway.database(), &statement).await?;
    let request = http::post(&format!("{CALLS}/decision"), &gateway.authorization(), BODY);
    let mut connection = Connection::open(gateway.address).await?;
    let mut before = 0.0;
    let is_refused = mode == "enforce";
    for dry_run in 0..WARM_UP + dry_runs {
        if dry_run == WARM_UP {
            before = proc::cpu_secs(gateway.process())?;
        }
        let response = connection.exchange(&request).await?;
        let body = String::from_utf8_lossy(response.body);
        ensure!(response.is_ok() && body.contains("CONSENT_MISSING") == is_refused, "{body}");
    }
    Ok((proc::cpu_secs(gateway.process())? - before) * 1000.0 / f64::from(dry_runs))
}

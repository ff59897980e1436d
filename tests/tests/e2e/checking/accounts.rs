//! Faults of the vendors' accounts, and of what organizations have and decide.

use std::time::{SystemTime, UNIX_EPOCH};

use rstest::rstest;
use serde_json::json;
use simulator::{Account, AccountFault, DEMO_AGENT_ID, Simulator, WebhookCondition};

use super::{Checked, Deployment};
use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_is_named_and_what_needs_it_is_skipped() {
    let Deployment { world, .. } = Deployment::healthy(Sqlite).await;
    world.simulator.fail_accounts(Some(AccountFault::KeyRefused));
    let checked = Checked::of(&world).await;
    checked.assert("provider-key", "", "failed", "OUTDIAL_ELEVENLABS_API_KEY");
    checked.assert("trunk", "", "failed", "OUTDIAL_SINCH_KEY_ID");
    checked.assert("directory", "", "skipped", "correct `provider-key`");
    checked.assert("webhook-secret", "", "skipped", "correct `webhook`");
    checked.assert("agents", "", "ok", "");
    checked.assert("database", "", "ok", "");
    assert_eq!(checked.status, Some(1));
}

/// The other vendor, whose key is checked by listing one call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_vapi_is_checked() {
    let settings =
        simulator::Settings { api_key: Some("right-key".to_owned()), ..simulator::Settings::default() };
    let vapi = Simulator::start(settings).await.expect("the simulator starts");
    let world = World::new(Sqlite)
        .await
        .with("OUTDIAL_VOICE_PROVIDER", "vapi")
        .with("OUTDIAL_VAPI_BASE_URL", vapi.base_url())
        .without("OUTDIAL_DELIVERY_ALLOW_PRIVATE")
        .with("OUTDIAL_VAPI_API_KEY", "right-key");
    let checked = Checked::of(&world).await;
    checked.assert("provider-key", "", "ok", "");
    checked.assert("trunk", "", "skipped", "");
    checked.assert("webhook", "", "skipped", "");
    // Of `directory.ndjson`: this vendor serves also the number with another carrier.
    checked.assert("numbers", "o1", "failed", "onTrunk");
    let world = world.with("OUTDIAL_VAPI_API_KEY", "another-key");
    Checked::of(&world).await.assert("provider-key", "", "failed", "OUTDIAL_VAPI_API_KEY");
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_accounts_lack_is_named(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let Deployment { world, redis: _redis } = Deployment::healthy(backing).await;
    let account = Account::default();
    world.simulator.set_account(Account {
        carrier_numbers: vec![("+14165550100".to_owned(), false)],
        calls_per_second: 5,
        agents: account.agents.iter().filter(|(id, _)| id != DEMO_AGENT_ID).cloned().collect(),
        ..account.clone()
    });
    let checked = Checked::of(&world).await;
    checked.assert("numbers", "+14165550100", "failed", "assign it to the trunk");
    checked.assert("agents", DEMO_AGENT_ID, "failed", "providerAgentId");
    checked.assert("trunk", "", "warning", "run `outdial sync`");
    checked.assert("directory", "", "failed", "run `outdial sync`");
    // Until the sync, calls are dialled from the number, and the carrier refuses them.
    checked.assert("users", "", "ok", "");
    world.outdial(&["sync", "--allow-outage"]).await;
    let checked = Checked::of(&world).await;
    checked.assert("trunk", "", "ok", "");
    checked.assert("directory", "", "ok", "");
    checked.assert("users", "o1", "failed", "on the trunk");

    world.simulator.set_account(account);
    world.outdial(&["sync"]).await;
    let checked = Checked::of(&world).await;
    assert!(checked.faults().is_empty(), "{:#?}", checked.findings);
    let world = world.with("OUTDIAL_SINCH_TRUNK_ID", "another-trunk");
    let checked = Checked::of(&world).await;
    checked.assert("trunk", "", "failed", "OUTDIAL_SINCH_TRUNK_ID");
    assert_eq!(checked.faults(), vec!["trunk"], "the rest is compared without it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_brings_no_events_is_named() {
    let Deployment { world, .. } = Deployment::healthy(Sqlite).await;
    let healthy = WebhookCondition::default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let now = i64::try_from(now).expect("a time");
    let week_ago = now - 8 * 86_400;
    for (condition, id, state, remedy) in [
        (WebhookCondition { is_disabled: true, ..healthy }, "webhook", "failed", "enable it"),
        (WebhookCondition { auth_type: "oauth2", ..healthy }, "webhook", "failed", "delete it"),
        (
            WebhookCondition { last_failure: Some((Some(401), now)), ..healthy },
            "webhook-secret",
            "failed",
            "OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS",
        ),
        (
            WebhookCondition { last_failure: Some((Some(502), now)), ..healthy },
            "webhook-secret",
            "warning",
            "reachable",
        ),
        (
            WebhookCondition { last_failure: Some((Some(401), week_ago)), ..healthy },
            "webhook-secret",
            "ok",
            "",
        ),
        (healthy, "webhook", "ok", ""),
    ] {
        world.simulator.set_webhook_condition(condition);
        let checked = Checked::of(&world).await;
        checked.assert(id, "", state, remedy);
        let faults = if state == "ok" { vec![] } else { vec![id] };
        assert_eq!(checked.faults(), faults, "{condition:?}");
    }
    let world = world.without("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS_FILE");
    let checked = Checked::of(&world).await;
    checked.assert("webhook-secret", "", "failed", "restart the gateway");
}

#[rstest]
#[case(None, "warning", "outdial sync --webhook")]
#[case(Some("https://gateway.example.com/another/path"), "failed", "post-call webhooks")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_of_another_system_is_not_ours(
    #[case] url: Option<&str>,
    #[case] state: &str,
    #[case] remedy: &str,
) {
    let world = World::new(Sqlite).await.with_both_vendors();
    let file = world.folder().join("secret");
    if let Some(url) = url {
        let file = file.to_str().expect("the path is ASCII");
        world.outdial(&["sync", "--allow-outage", "--webhook", url, "--secret-file", file]).await;
    }
    Checked::of(&world).await.assert("webhook", "", state, remedy);
}

/// The remedy names the groups as the document of the policy has them.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_are_not_enforced_are_named(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let Deployment { world, redis: _redis } = Deployment::healthy(backing).await;
    let modes = json!({ "countries": "enforce", "suppressions": "off", "quietHours": "enforce",
        "callingHours": "warn", "caps": "enforce", "consent": "enforce", "zone": "enforce" });
    let policy = json!({ "kind": "callingPolicy", "organizationId": "o1", "policy": { "modes": modes } });
    let other = json!({ "kind": "organization", "id": "o2", "name": "Difference Engines" });
    let (succeeded, errors) = world.import(&format!("{policy}\n{other}\n")).await;
    assert!(succeeded, "{errors}");
    let checked = Checked::of(&world).await;
    let remedy = "set suppressions, callingHours to enforce in the calling policy";
    checked.assert("rules", "o1", "warning", remedy);
    let found = checked.find("rules", "o1")["found"].as_str().expect("a text").to_owned();
    assert!(found.contains("suppressions (off), callingHours (warn)"), "{found}");
    let remedy = "set quietHours, callingHours, caps, consent, zone to enforce in the calling policy";
    checked.assert("rules", "o2", "warning", remedy);
    assert_eq!(checked.faults(), vec!["rules", "rules"]);
}

/// `directory.ndjson` has users without a fitting number and organizations without an agent.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn organizations_that_cannot_call_are_named(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let checked = Checked::of(&world).await;
    checked.assert("users", "o1", "warning", "on the trunk");
    let found = checked.find("users", "o1")["found"].as_str().expect("a text").to_owned();
    assert!(found.contains("u1-numberless, u1-off-trunk"), "{found}");
    checked.assert("agents", "o3", "failed", "voiceEnabled");
    checked.assert("agents", "o4", "failed", "voiceEnabled");
    assert_eq!(checked.status, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_with_an_unknown_zone_and_an_empty_directory_are_named() {
    let Deployment { world, .. } = Deployment::healthy(Sqlite).await;
    let policy = r#"{"kind":"callingPolicy","organizationId":"o1","policy":{"timeZone":"Europe/Paris"}}"#;
    assert_eq!(world.import(policy).await, (true, String::new()));
    Checked::of(&world).await.assert("zones", "", "ok", "");
    let statement = "update calling_policies set policy = replace(policy, 'Europe/Paris', 'Moon/Tycho')";
    world.execute(statement, statement).await;
    Checked::of(&world).await.assert("zones", "", "failed", "another time zone");
    let empty = World::unmigrated(Sqlite).await;
    empty.outdial(&["migrate"]).await;
    let checked = Checked::of(&empty).await;
    checked.assert("directory", "", "failed", "outdial import");
    checked.assert("rules", "", "skipped", "correct `directory`");
}

//! The suite of [`VoiceWorkspace`](domain::ports::VoiceWorkspace).

use std::time::Duration;

use domain::ports::{
    Activation, VendorFailure, WebhookFailure, WorkspaceAgent, WorkspaceNumber, WorkspaceWebhook,
};
use domain::{PersonName, Timestamp};

use crate::fixtures::{call_id, phone_number, provider_agent_id, provider_number_id};
use crate::harness::{VendorBehaviour, VoiceWorkspaceHarness};
use crate::secrets::{Search, api_key};
use crate::trunk_directory::{ALL, UNAVAILABLE, refusals};

suite! {
    $ voice_workspace_suite of voice_workspace:
    agents_and_numbers_are_listed,
    every_page_of_agents_is_read,
    a_part_of_the_workspace_is_a_failure,
    a_providers_refusal_says_what_to_change,
    an_unreachable_workspace_is_unavailable,
    a_created_webhook_is_found,
    an_activated_webhook_receives_events,
    the_active_webhook_is_described,
    another_active_webhook_is_not_replaced,
    a_workspaces_error_and_the_log_show_no_key,
}

/// The time within which reading must end.
const LIMIT: Duration = Duration::from_secs(45);
/// More agents than any provider lists on one page.
const MANY: usize = 130;

type Listed = (Vec<WorkspaceAgent>, Vec<WorkspaceNumber>);

/// Every agent and number is listed with every field; numbers with and without a trunk.
pub async fn agents_and_numbers_are_listed(harness: &impl VoiceWorkspaceHarness) {
    let outbound = number();
    let inbound = WorkspaceNumber { can_call_out: false, trunk_host: None, ..number() };
    for (agents, numbers) in [(vec![], vec![]), (agents(2), vec![outbound, inbound])] {
        harness.set_workspace(&agents, &numbers).await;
        let (mut listed, mut listed_numbers) = list(harness).await.expect("the provider responds");
        listed.sort_by(|one, other| one.id.cmp(&other.id));
        listed_numbers.sort_by(|one, other| one.id.cmp(&other.id));
        let mut numbers = numbers;
        numbers.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(listed, agents);
        assert_eq!(listed_numbers, numbers);
    }
}

/// More agents than a page has are listed, each once.
pub async fn every_page_of_agents_is_read(harness: &impl VoiceWorkspaceHarness) {
    let agents = agents(MANY);
    harness.set_workspace(&agents, &[]).await;
    let (mut listed, _) = list(harness).await.expect("the provider responds");
    listed.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(listed, agents);
}

/// A list that cannot be read to its end is a failure, and not a shorter list.
pub async fn a_part_of_the_workspace_is_a_failure(harness: &impl VoiceWorkspaceHarness) {
    harness.set_workspace(&agents(MANY), &[]).await;
    for behaviour in [VendorBehaviour::FailsOnSecondPage, VendorBehaviour::RepeatsFirstPage] {
        harness.behave(behaviour).await;
        let listed = harness.workspace("any").agents().await;
        assert!(matches!(listed, Err(VendorFailure::Unavailable(_))), "{behaviour:?}");
    }
}

/// Each refusal has a remedy of its own.
pub async fn a_providers_refusal_says_what_to_change(harness: &impl VoiceWorkspaceHarness) {
    for (behaviour, expected) in refusals() {
        harness.behave(behaviour).await;
        let workspace = harness.workspace("any");
        assert_eq!(workspace.agents().await.expect_err("it refuses"), expected, "{behaviour:?}");
        assert_eq!(workspace.numbers().await.expect_err("it refuses"), expected, "{behaviour:?}");
    }
    harness.behave(VendorBehaviour::Responds).await;
    list(harness).await.expect("the provider responds again");
}

/// Without a usable response there is no list, not even an empty one.
pub async fn an_unreachable_workspace_is_unavailable(harness: &impl VoiceWorkspaceHarness) {
    for behaviour in UNAVAILABLE {
        harness.behave(behaviour).await;
        let workspace = harness.workspace("any");
        let agents = tokio::time::timeout(LIMIT, workspace.agents()).await.expect("reading ends");
        assert!(matches!(agents, Err(VendorFailure::Unavailable(_))), "{behaviour:?}");
        let numbers = tokio::time::timeout(LIMIT, workspace.numbers()).await.expect("reading ends");
        assert!(matches!(numbers, Err(VendorFailure::Unavailable(_))), "{behaviour:?}");
    }
}

/// A webhook is found by exactly its URL. Its secret comes with its creation.
pub async fn a_created_webhook_is_found(harness: &impl VoiceWorkspaceHarness) {
    let workspace = harness.workspace("any");
    let (url, other) = (url(), url());
    assert_eq!(workspace.find_webhook(&url).await, Ok(None));
    let created = workspace.create_webhook(&url).await.expect("the provider responds");
    assert!(created.secret.is_some_and(|secret| secret.expose().len() >= 16), "a secret");
    assert_eq!(workspace.find_webhook(&url).await, Ok(Some(created.id)));
    assert_eq!(workspace.find_webhook(&other).await, Ok(None));
    assert_eq!(workspace.find_webhook(&format!("{url}/more")).await, Ok(None));
    assert_eq!(harness.active_webhook().await, None, "no event is sent to it yet");
}

/// An activated webhook is the one that receives events, also if it is activated again.
pub async fn an_activated_webhook_receives_events(harness: &impl VoiceWorkspaceHarness) {
    let workspace = harness.workspace("any");
    let created = workspace.create_webhook(&url()).await.expect("the provider responds");
    for _ in 0..2 {
        assert_eq!(workspace.activate_webhook(&created.id).await, Ok(Activation::Active));
        assert_eq!(harness.active_webhook().await.as_ref(), Some(&created.id));
    }
}

/// The webhook that receives events is described with what is wrong about it; one that receives none
/// is not.
pub async fn the_active_webhook_is_described(harness: &impl VoiceWorkspaceHarness) {
    let workspace = harness.workspace("any");
    assert_eq!(workspace.active_webhook().await, Ok(None));
    let (of_other, url) = (url(), url());
    workspace.create_webhook(&of_other).await.expect("the provider responds");
    let created = workspace.create_webhook(&url).await.expect("the provider responds");
    assert_eq!(workspace.active_webhook().await, Ok(None), "it only exists");
    assert_eq!(workspace.activate_webhook(&created.id).await, Ok(Activation::Active));
    let described = async || workspace.active_webhook().await.expect("it responds").expect("one is active");
    let healthy = described().await;
    assert_ne!(healthy.is_repeated, Some(false), "deliveries are repeated as far as possible");
    assert_eq!(
        healthy,
        WorkspaceWebhook {
            id: created.id,
            url,
            is_disabled: false,
            is_signed: true,
            is_repeated: healthy.is_repeated,
            last_failure: None,
        }
    );
    let failure = |status| WebhookFailure { status, at: Timestamp::from_unix_millis(1_760_000_000_000) };
    for (is_disabled, is_signed, last_failure) in
        [(true, true, None), (false, false, Some(failure(Some(401)))), (false, true, Some(failure(None)))]
    {
        harness.set_webhook_condition(is_disabled, is_signed, last_failure).await;
        let expected = WorkspaceWebhook { is_disabled, is_signed, last_failure, ..healthy.clone() };
        assert_eq!(described().await, expected);
    }
}

/// A second webhook does not cut off the first.
pub async fn another_active_webhook_is_not_replaced(harness: &impl VoiceWorkspaceHarness) {
    let workspace = harness.workspace("any");
    let first = workspace.create_webhook(&url()).await.expect("the provider responds");
    let second = workspace.create_webhook(&url()).await.expect("the provider responds");
    assert_eq!(workspace.activate_webhook(&first.id).await, Ok(Activation::Active));
    assert_eq!(workspace.activate_webhook(&second.id).await, Ok(Activation::OtherIsActive));
    assert_eq!(harness.active_webhook().await, Some(first.id));
}

/// Whatever the provider responds, no error and no line of the log has the key.
pub async fn a_workspaces_error_and_the_log_show_no_key(harness: &impl VoiceWorkspaceHarness) {
    let key = api_key();
    let search = Search::start(&key, &[]);
    for behaviour in ALL {
        harness.behave(behaviour).await;
        let workspace = harness.workspace(&key);
        let errors = [
            workspace.agents().await.err(),
            workspace.numbers().await.err(),
            workspace.find_webhook(&url()).await.err(),
            workspace.active_webhook().await.err(),
            workspace.create_webhook(&url()).await.err(),
        ];
        for error in errors.into_iter().flatten() {
            search.error(&format!("the error of a provider that {behaviour:?}"), &error);
        }
    }
    search.log();
}

async fn list(harness: &impl VoiceWorkspaceHarness) -> Result<Listed, VendorFailure> {
    let workspace = harness.workspace("any");
    Ok((workspace.agents().await?, workspace.numbers().await?))
}

/// Agents in the order of their ids.
fn agents(count: usize) -> Vec<WorkspaceAgent> {
    let agent = |index| WorkspaceAgent {
        id: provider_agent_id(),
        name: Some(PersonName::parse(&format!("Agent № {index}")).expect("a valid name")),
    };
    let mut agents: Vec<_> = (0..count).map(agent).collect();
    agents.sort_by(|one, other| one.id.cmp(&other.id));
    agents
}

fn number() -> WorkspaceNumber {
    WorkspaceNumber {
        id: provider_number_id(),
        phone_number: phone_number(),
        can_call_out: true,
        trunk_host: Some("trunk.example.com".to_owned()),
    }
}

fn url() -> String {
    format!("https://gateway.example.com/{}", call_id())
}

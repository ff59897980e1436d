//! The suite of [`VoiceWorkspace`](domain::ports::VoiceWorkspace).

use std::time::Duration;

use domain::ports::{
    Activation, ImportNumber, NumberImport, VendorFailure, WebhookFailure, WorkspaceAgent, WorkspaceNumber,
    WorkspaceWebhook,
};
use domain::{PersonName, PhoneNumber, ProviderAgentId, Timestamp};

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
    an_imported_number_calls_out_and_has_its_agent,
    a_number_is_imported_once,
    a_linked_number_has_its_agent,
    a_removed_number_is_not_listed,
    a_change_of_a_number_that_fails_is_reported,
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
    let agents = agents(2);
    let answered = WorkspaceNumber { agent: Some(agents[1].id.clone()), ..number() };
    for (agents, numbers) in [(vec![], vec![]), (agents, vec![outbound, inbound, answered])] {
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

/// An imported number is listed with its trunk and its agent, beside the others.
pub async fn an_imported_number_calls_out_and_has_its_agent(harness: &impl VoiceWorkspaceHarness) {
    let (agents, other) = (agents(2), number());
    harness.set_workspace(&agents, std::slice::from_ref(&other)).await;
    let import = import(phone_number(), &agents[1].id);
    let imported = harness.workspace("any").import_number(&import).await.expect("the provider responds");
    let NumberImport::Imported(id) = imported else { panic!("the number is new") };
    let expected = WorkspaceNumber {
        id,
        phone_number: import.phone_number,
        can_call_out: true,
        trunk_host: Some(import.trunk_host),
        agent: Some(import.agent),
    };
    assert_eq!(numbers(harness).await, sorted(vec![other, expected]));
}

/// A number that the provider has is not imported again, whatever its agent.
pub async fn a_number_is_imported_once(harness: &impl VoiceWorkspaceHarness) {
    let (agents, first) = (agents(2), number());
    harness.set_workspace(&agents, std::slice::from_ref(&first)).await;
    for agent in &agents {
        let import = import(first.phone_number.clone(), &agent.id);
        assert_eq!(harness.workspace("any").import_number(&import).await, Ok(NumberImport::Taken));
    }
    assert_eq!(numbers(harness).await, [first]);
}

/// A number gets another agent, also the one that it has. A number that is not there gets none.
pub async fn a_linked_number_has_its_agent(harness: &impl VoiceWorkspaceHarness) {
    let (agents, mut first, other) = (agents(2), number(), number());
    harness.set_workspace(&agents, &[first.clone(), other.clone()]).await;
    let workspace = harness.workspace("any");
    for agent in [&agents[0], &agents[1], &agents[1]] {
        assert_eq!(workspace.link_number(&first.id, &agent.id).await, Ok(()));
        first.agent = Some(agent.id.clone());
        assert_eq!(numbers(harness).await, sorted(vec![first.clone(), other.clone()]));
    }
    let absent = provider_number_id();
    assert_eq!(workspace.link_number(&absent, &agents[0].id).await, Err(VendorFailure::NotFound));
}

/// A number is removed, once or twice, and the others stay.
pub async fn a_removed_number_is_not_listed(harness: &impl VoiceWorkspaceHarness) {
    let (first, other) = (number(), number());
    harness.set_workspace(&[], &[first.clone(), other.clone()]).await;
    for _ in 0..2 {
        assert_eq!(harness.workspace("any").remove_number(&first.id).await, Ok(()));
        assert_eq!(numbers(harness).await, std::slice::from_ref(&other));
    }
}

/// Neither a refusal nor an unclear response is a change.
pub async fn a_change_of_a_number_that_fails_is_reported(harness: &impl VoiceWorkspaceHarness) {
    let (agents, first) = (agents(1), number());
    harness.set_workspace(&agents, std::slice::from_ref(&first)).await;
    let import = import(phone_number(), &agents[0].id);
    for behaviour in refusals().into_iter().map(|(behaviour, _)| behaviour).chain(UNAVAILABLE) {
        harness.behave(behaviour).await;
        let workspace = harness.workspace("any");
        let errors = [
            workspace.import_number(&import).await.err(),
            workspace.link_number(&first.id, &agents[0].id).await.err(),
            workspace.remove_number(&first.id).await.err(),
        ];
        let expected = refusals().into_iter().find(|(it, _)| *it == behaviour).map(|(_, expected)| expected);
        for error in errors {
            match (&error, &expected) {
                (Some(VendorFailure::Unavailable(_)), None) => {}
                (error, expected) => assert_eq!(error, expected, "{behaviour:?}"),
            }
        }
    }
    harness.behave(VendorBehaviour::Responds).await;
    assert_eq!(numbers(harness).await, [first]);
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
            workspace.import_number(&import(phone_number(), &provider_agent_id())).await.err(),
            workspace.link_number(&provider_number_id(), &provider_agent_id()).await.err(),
            workspace.remove_number(&provider_number_id()).await.err(),
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
        agent: None,
    }
}

fn import(phone_number: PhoneNumber, agent: &ProviderAgentId) -> ImportNumber {
    ImportNumber { phone_number, trunk_host: "trunk.example.com".to_owned(), agent: agent.clone() }
}

/// The numbers of the workspace, in the order of their ids.
async fn numbers(harness: &impl VoiceWorkspaceHarness) -> Vec<WorkspaceNumber> {
    sorted(harness.workspace("any").numbers().await.expect("the provider responds"))
}

fn sorted(mut numbers: Vec<WorkspaceNumber>) -> Vec<WorkspaceNumber> {
    numbers.sort_by(|one, other| one.id.cmp(&other.id));
    numbers
}

fn url() -> String {
    format!("https://gateway.example.com/{}", call_id())
}

//! What a sync changes, for each state of the directory, the workspace and the trunk.

mod sides;

use std::sync::Arc;

use domain::ports::{
    MockTrunkDirectory, MockVoiceWorkspace, PortUnavailable, VendorFailure, WorkspaceAgent, WorkspaceNumber,
};
use domain::{
    Agent, AgentId, Carrier, PersonName, ProviderAgentId, ProviderNumberId, SealedSecret, SecretKind,
    StoredCredentials, SyncError, SyncPlan, SyncProblem, SyncSubject, SyncVendors, SyncVendorsPorts,
    VendorCredentials,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{self, SERVED_CARRIERS};
use testkit::memory::Memory;

use crate::sides::{Sides, add_number, problems};

#[test]
fn sides_that_agree_change_nothing() {
    let plan = Sides::new().plan();
    assert_eq!(plan, SyncPlan::default());
    assert!(plan.is_empty());
}

#[test]
fn a_number_learns_its_id_and_its_trunk() {
    let mut sides = Sides::new();
    let id = sides.number().provider_number_id.take();
    sides.number().on_trunk = false;
    let plan = sides.plan();
    let [change] = &*plan.number_changes else { panic!("one number changes: {plan:?}") };
    assert_eq!((change.on_trunk, &change.provider_number_id), (true, &id));
    assert!(plan.findings.is_empty() && !plan.stops_all_calls);
}

#[test]
fn a_number_that_left_the_trunk_or_the_workspace_is_named() {
    let mut sides = Sides::new();
    let second = add_number(&mut sides);
    sides.trunk().numbers.remove(&second);
    let plan = sides.plan();
    assert_eq!(problems(&plan), [SyncProblem::NotOnTrunk]);
    assert!(!plan.number_changes[0].on_trunk && !plan.stops_all_calls);

    let mut sides = Sides::new();
    add_number(&mut sides);
    sides.workspace_numbers.pop();
    let plan = sides.plan();
    assert_eq!(problems(&plan), [SyncProblem::NumberNotInWorkspace]);
    assert_eq!(plan.number_changes[0].provider_number_id, None);
}

/// A number that is not enabled for AI calls needs no remedy; what the vendors know is stored anyway.
#[test]
fn a_disabled_number_is_not_named() {
    let mut sides = Sides::new();
    sides.number().ai_enabled = false;
    sides.trunk().numbers.clear();
    let plan = sides.plan();
    assert_eq!(problems(&plan), []);
    assert_eq!(plan.number_changes.len(), 1);
    assert!(!plan.stops_all_calls, "it served no AI calls before");
}

#[test]
fn a_plan_that_leaves_no_number_says_so() {
    let mut sides = Sides::new();
    sides.trunk().numbers.clear();
    assert!(sides.plan().stops_all_calls);
    let mut sides = Sides::new();
    sides.workspace_numbers.clear();
    assert!(sides.plan().stops_all_calls);
}

#[test]
fn a_number_of_another_carrier_is_left_alone() {
    for carrier in [Carrier::named("twilio"), SERVED_CARRIERS[1].clone()] {
        let mut sides = Sides::new();
        let is_served = SERVED_CARRIERS.contains(&carrier);
        sides.number().carrier = carrier;
        sides.trunk().numbers.clear();
        if !is_served {
            sides.workspace_numbers.clear();
        }
        assert_eq!(sides.plan(), SyncPlan::default(), "the trunk of another carrier says nothing about it");
    }
}

#[test]
fn without_a_trunk_what_is_on_it_stays() {
    let mut sides = Sides::new();
    sides.trunk = None;
    assert_eq!(sides.plan(), SyncPlan::default());
}

#[test]
fn the_workspaces_own_trunk_is_checked() {
    let mut sides = Sides::new();
    sides.workspace_numbers[0].trunk_host = Some("other.example.com".to_owned());
    assert_eq!(problems(&sides.plan()), [SyncProblem::OtherTrunk]);
    sides.workspace_numbers[0].can_call_out = false;
    assert_eq!(problems(&sides.plan()), [SyncProblem::CannotCallOut]);
    // A host that is not known is not a contradiction.
    sides.workspace_numbers[0] =
        WorkspaceNumber { can_call_out: true, trunk_host: None, ..sides.workspace_numbers[0].clone() };
    assert_eq!(problems(&sides.plan()), []);
}

#[test]
fn of_two_entries_the_stored_or_the_only_outbound_one_is_used() {
    let other = ProviderNumberId::parse("phnum-other").expect("an id");
    let mut sides = Sides::new();
    sides
        .workspace_numbers
        .insert(0, WorkspaceNumber { id: other.clone(), ..sides.workspace_numbers[0].clone() });
    assert_eq!(sides.plan(), SyncPlan::default(), "the stored one is kept");
    sides.number().provider_number_id = None;
    let plan = sides.plan();
    assert_eq!(problems(&plan), [SyncProblem::TwiceInWorkspace]);
    assert!(plan.number_changes.is_empty());
    sides.workspace_numbers[1].can_call_out = false;
    assert_eq!(sides.plan().number_changes[0].provider_number_id, Some(other));
}

#[test]
fn an_unknown_number_is_named_or_imported_after_the_others() {
    let mut sides = Sides::new();
    sides.numbers[0].position = 3;
    let missing = add_number(&mut sides);
    sides.numbers.pop();
    let plan = sides.plan();
    assert_eq!(problems(&plan), [SyncProblem::UnknownNumber]);
    assert!(plan.is_empty());
    sides.adopt();
    let plan = sides.plan();
    let [record] = &*plan.imported_numbers else { panic!("one number: {plan:?}") };
    assert_eq!((&record.number.phone_number, record.position), (&missing, 4));
    assert_eq!(record.number.carrier, SERVED_CARRIERS[0]);
    assert!(record.number.for_ai_call(SERVED_CARRIERS).is_ok(), "calls can be placed from it");
    // Not from one that the trunk lacks, or that has no trunk in the workspace.
    sides.trunk().numbers.remove(&missing);
    assert_eq!(problems(&sides.plan()), [SyncProblem::UnknownNumber]);
    sides.trunk().numbers.insert(missing);
    sides.workspace_numbers[1].can_call_out = false;
    let plan = sides.plan();
    assert_eq!((problems(&plan), plan.imported_numbers.len()), (vec![SyncProblem::CannotCallOut], 0));
}

#[test]
fn an_unknown_agent_is_named_or_imported_under_the_providers_id() {
    let mut sides = Sides::new();
    let id = fixtures::provider_agent_id();
    sides.workspace_agents.push(WorkspaceAgent { id: id.clone(), name: None });
    assert_eq!(problems(&sides.plan()), [SyncProblem::UnknownAgent]);
    sides.adopt();
    let plan = sides.plan();
    let [agent] = &*plan.imported_agents else { panic!("one agent: {plan:?}") };
    assert_eq!((agent.id.as_str(), agent.name.as_str()), (id.as_str(), id.as_str()));
    assert!(agent.voice_enabled && agent.provider_agent_id.as_ref() == Some(&id));
    // An agent that has the id for something else is not overwritten.
    let taken = AgentId::parse(id.as_str()).expect("an id");
    sides.agents.push(Agent { id: taken, ..fixtures::agent(&sides.tenant.organization.id) });
    assert!(problems(&sides.plan()).contains(&SyncProblem::UnknownAgent));
    assert!(sides.plan().imported_agents.is_empty());
}

/// Only the organization that the operator names links agents by name: elsewhere the same name can be
/// a coincidence.
#[test]
fn an_agent_is_linked_by_id_or_by_a_unique_name_in_the_named_organization() {
    let unsynced = |sides: &Sides| Agent {
        provider_agent_id: None,
        name: PersonName::parse("Nora").expect("a name"),
        ..fixtures::agent(&sides.tenant.organization.id)
    };
    let nora = |id: ProviderAgentId| WorkspaceAgent { id, name: PersonName::parse("Nora").ok() };
    let mut sides = Sides::new();
    sides.agents.push(unsynced(&sides));
    sides.workspace_agents.push(nora(fixtures::provider_agent_id()));
    assert_eq!(problems(&sides.plan()), [SyncProblem::AgentNotSynced, SyncProblem::UnknownAgent]);
    sides.adopt();
    let plan = sides.plan();
    assert_eq!(plan.agent_changes[0].provider_agent_id, sides.workspace_agents[1].id);
    assert!(plan.findings.is_empty() && plan.imported_agents.is_empty());
    // Neither of two agents with the name.
    sides.agents.push(unsynced(&sides));
    assert!(sides.plan().agent_changes.is_empty());
    sides.agents.pop();
    sides.workspace_agents.push(nora(fixtures::provider_agent_id()));
    assert!(sides.plan().agent_changes.is_empty());
    // The same id is enough without an organization.
    sides.adoption = None;
    sides.agents[1].id = AgentId::parse(sides.workspace_agents[2].id.as_str()).expect("an id");
    assert_eq!(sides.plan().agent_changes[0].provider_agent_id, sides.workspace_agents[2].id);
}

/// A key of another workspace must not unlink every agent.
#[test]
fn an_agent_that_is_not_in_the_workspace_keeps_its_id() {
    let mut sides = Sides::new();
    sides.workspace_agents.clear();
    let plan = sides.plan();
    assert!(plan.agent_changes.is_empty());
    assert!(matches!(&plan.findings[..], [finding] if finding.problem == SyncProblem::AgentNotInWorkspace
        && matches!(&finding.subject, SyncSubject::Agent { id, .. } if *id == sides.tenant.agent.id)));
}

#[test]
fn the_limit_of_the_trunk_is_stored_if_it_differs() {
    let mut sides = Sides::new();
    for (stored, read, changes) in [(None, 1, true), (Some(1), 1, false), (Some(1), 5, true)] {
        sides.stored_limit = stored;
        sides.trunk().trunk.calls_per_second = read;
        let change = sides.plan().trunk_change;
        assert_eq!(
            change.map(|change| (change.before, change.calls_per_second)),
            changes.then_some((stored, read))
        );
    }
}

/// The use case on a store, with these vendors.
fn sync_of(sides: &Sides, memory: &Memory) -> SyncVendors {
    let (mut workspace, mut trunk) = (MockVoiceWorkspace::new(), MockTrunkDirectory::new());
    let (agents, numbers) = (sides.workspace_agents.clone(), sides.workspace_numbers.clone());
    workspace.expect_agents().returning(move || Ok(agents.clone()));
    workspace.expect_numbers().returning(move || Ok(numbers.clone()));
    let listing = sides.trunk.clone().expect("there is a trunk");
    trunk.expect_carrier().returning(|| SERVED_CARRIERS[0].clone());
    trunk.expect_read().returning(move || Ok(listing.clone()));
    let memory = Arc::new(memory.clone());
    let ports = SyncVendorsPorts {
        workspace: Arc::new(workspace),
        trunk: Some(Arc::new(trunk)),
        provisioning: memory.clone(),
        directory: memory.clone(),
        credentials: memory,
    };
    SyncVendors::new(ports, SERVED_CARRIERS)
}

fn memory_with(sides: &Sides) -> Memory {
    let memory = Memory::new(Arc::new(ManualClock::new()));
    memory.import(&sides.tenant.records());
    memory
}

/// Its agents and numbers are in another workspace: they must not be taken out of service because this
/// one does not have them.
#[tokio::test]
async fn an_organization_with_an_account_of_its_own_is_left_alone() {
    let sides = Sides { workspace_agents: Vec::new(), workspace_numbers: Vec::new(), ..Sides::new() };
    let memory = memory_with(&sides);
    let plan = sync_of(&sides, &memory).plan(None, |_| {}).await.expect("all sides respond");
    assert!(!plan.number_changes.is_empty(), "without an account of its own, its number changes");
    let secrets = [(SecretKind::VoiceApiKey, SealedSecret::new("sealed"))].into();
    let stored = StoredCredentials {
        organization_id: sides.tenant.organization.id.clone(),
        credentials: Some(VendorCredentials { secrets, ..VendorCredentials::default() }),
        revision: 1,
    };
    for stored in [stored.clone(), StoredCredentials { credentials: None, ..stored }] {
        memory.tables().credentials.insert(stored.organization_id.clone(), stored);
        let plan = sync_of(&sides, &memory).plan(None, |_| {}).await.expect("all sides respond");
        assert!(plan.number_changes.is_empty() && plan.agent_changes.is_empty());
        assert!(!plan.stops_all_calls);
    }
}

#[tokio::test]
async fn an_applied_plan_leaves_nothing_to_change() {
    let mut sides = Sides::new();
    add_number(&mut sides);
    let new_agent = WorkspaceAgent { id: fixtures::provider_agent_id(), name: None };
    sides.workspace_agents.push(new_agent);
    sides.adopt();
    let memory = memory_with(&sides);
    memory.tables().directory.numbers[0].number.provider_number_id = None;
    let sync = sync_of(&sides, &memory);
    let plan = sync.plan(sides.adoption.as_ref(), |_| {}).await.expect("all respond");
    assert_eq!(
        (plan.number_changes.len(), plan.imported_agents.len(), plan.imported_numbers.len()),
        (1, 1, 1)
    );
    sync.apply(&plan, false).await.expect("the store responds");
    let again = sync.plan(sides.adoption.as_ref(), |_| {}).await.expect("all respond");
    assert_eq!(again, SyncPlan::default());
}

#[tokio::test]
async fn a_plan_that_leaves_no_number_is_refused_unless_it_is_confirmed() {
    let mut sides = Sides::new();
    sides.trunk().numbers.clear();
    let memory = memory_with(&sides);
    let sync = sync_of(&sides, &memory);
    let plan = sync.plan(None, |_| {}).await.expect("all respond");
    assert!(matches!(sync.apply(&plan, false).await, Err(SyncError::StopsAllCalls)));
    assert!(memory.tables().directory.numbers[0].number.on_trunk, "nothing was changed");
    sync.apply(&plan, true).await.expect("the store responds");
    assert!(!memory.tables().directory.numbers[0].number.on_trunk);
}

/// Each port that fails ends the plan, with the vendor that failed.
#[tokio::test]
async fn a_failure_names_the_vendor_and_changes_nothing() {
    let memory = memory_with(&Sides::new());
    let before = format!("{:?}", memory.tables().directory);
    let failing = |workspace_fails: bool| {
        let (mut workspace, mut trunk) = (MockVoiceWorkspace::new(), MockTrunkDirectory::new());
        workspace
            .expect_agents()
            .returning(move || if workspace_fails { Err(VendorFailure::KeyRefused) } else { Ok(Vec::new()) });
        workspace.expect_numbers().returning(|| Ok(Vec::new()));
        trunk.expect_carrier().returning(|| SERVED_CARRIERS[0].clone());
        trunk.expect_read().returning(|| Err(PortUnavailable::new("carrier", "no response").into()));
        let memory = Arc::new(memory.clone());
        SyncVendors::new(
            SyncVendorsPorts {
                workspace: Arc::new(workspace),
                trunk: Some(Arc::new(trunk)),
                provisioning: memory.clone(),
                directory: memory.clone(),
                credentials: memory,
            },
            SERVED_CARRIERS,
        )
    };
    let failed = failing(true).plan(None, |_| {}).await;
    assert!(matches!(failed, Err(SyncError::Workspace(VendorFailure::KeyRefused))));
    let failed = failing(false).plan(None, |_| {}).await;
    assert!(matches!(failed, Err(SyncError::Trunk(VendorFailure::Unavailable(_)))));
    memory.lose();
    let lost = sync_of(&Sides::new(), &memory).plan(None, |_| {}).await;
    assert!(matches!(lost, Err(SyncError::Unavailable(_))));
    memory.restore();
    assert_eq!(format!("{:?}", memory.tables().directory), before);
}

//! Enabling and disabling AI calls from a number.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    AiNumbers, HoldNumber, ImportNumber, MockAiNumbers, MockTrunkDirectory, MockVoiceWorkspace, NumberImport,
    NumberOfUser, StoreToggleResult, Trunk, TrunkListing, VendorFailure, WorkspaceNumber,
};
use domain::{
    AccessRole, Agent, AgentId, CallerNumber, Carrier, DirectoryRecord, NumberRecord, OffTrunk,
    ProviderNumberId, SealedSecret, SecretKind, StoredCredentials, ToggleNumber, ToggleNumberError,
    ToggleNumberPorts, ToggleNumberRequest, ToggledNumber, TrunkId, UserRecord, VendorCredentials,
};
use testkit::fixtures::{SERVED_CARRIERS, Tenant, agent, phone_number, provider_number_id};

use crate::world::{World, stranger, unavailable};

const HOST: &str = "acme.example.com";

/// A world whose user is a superadmin, and whose number is not known to the voice provider.
fn world() -> World {
    let world = World::new();
    let access_role = AccessRole::parse("SUPERADMIN").ok();
    let number =
        CallerNumber { ai_enabled: false, on_trunk: false, provider_number_id: None, ..number(&world) };
    world.memory.import(&[
        DirectoryRecord::User(UserRecord { access_role, ..world.tenant.user.clone() }),
        record(&number),
    ]);
    world
}

fn record(number: &CallerNumber) -> DirectoryRecord {
    DirectoryRecord::Number(NumberRecord { number: number.clone(), position: 0 })
}

/// The number of the world's tenant, as it was made.
fn number(world: &World) -> CallerNumber {
    world.tenant.number.number.clone()
}

/// The number as it is stored.
fn stored(world: &World) -> CallerNumber {
    let numbers = world.memory.tables().directory.numbers.clone();
    let mut numbers = numbers.into_iter().map(|record| record.number);
    numbers.find(|it| it.phone_number == number(world).phone_number).expect("it is stored")
}

fn request(world: &World, ai_enabled: bool) -> ToggleNumberRequest {
    let number = number(world);
    ToggleNumberRequest {
        user_id: number.user_id,
        phone_number: number.phone_number,
        ai_enabled,
        agent_id: None,
    }
}

fn listed(world: &World, id: &ProviderNumberId) -> WorkspaceNumber {
    WorkspaceNumber {
        id: id.clone(),
        phone_number: number(world).phone_number,
        can_call_out: true,
        trunk_host: Some(HOST.to_owned()),
        agent: None,
    }
}

/// The carrier's trunk, with the number if it is on it.
fn trunk(world: &World, is_on_it: bool) -> MockTrunkDirectory {
    let numbers: BTreeSet<_> =
        [phone_number()].into_iter().chain(is_on_it.then(|| number(world).phone_number)).collect();
    let id = TrunkId::parse("trunk-1").expect("an id");
    let trunk = Trunk { id, domain: Some(HOST.to_owned()), calls_per_second: 7 };
    let mut port = MockTrunkDirectory::new();
    port.expect_carrier().return_const(SERVED_CARRIERS[0].clone());
    port.expect_read().returning(move || Ok(TrunkListing { trunk: trunk.clone(), numbers: numbers.clone() }));
    port
}

/// A workspace with these numbers. It expects no change.
fn workspace(numbers: &[WorkspaceNumber]) -> MockVoiceWorkspace {
    let numbers = numbers.to_vec();
    let mut port = MockVoiceWorkspace::new();
    port.expect_numbers().returning(move || Ok(numbers.clone()));
    port
}

fn ports(
    world: &World,
    workspace: MockVoiceWorkspace,
    trunk: Option<MockTrunkDirectory>,
) -> ToggleNumberPorts {
    let memory = Arc::new(world.memory.clone());
    ToggleNumberPorts {
        users: memory.clone(),
        agents: memory.clone(),
        numbers: memory.clone(),
        provisioning: memory,
        workspace: Some(Arc::new(workspace)),
        trunk: trunk.map(|trunk| Arc::new(trunk) as _),
        clock: world.clock.clone(),
    }
}

async fn run(
    world: &World,
    ports: ToggleNumberPorts,
    request: &ToggleNumberRequest,
) -> Result<ToggledNumber, ToggleNumberError> {
    ToggleNumber::new(ports, SERVED_CARRIERS).execute(world.user_id(), request).await
}

/// Checks that a request fails with this error, stores nothing, and leaves the number free.
async fn refused(
    world: &World,
    ports: ToggleNumberPorts,
    request: &ToggleNumberRequest,
    expected: ToggleNumberError,
) {
    let before = stored(world);
    assert_eq!(run(world, ports, request).await, Err(expected.clone()));
    assert_eq!(stored(world), before, "{expected}");
    let tables = world.memory.tables();
    assert!(tables.audit_records.is_empty() && tables.trunks.is_empty(), "{expected}");
    assert!(tables.number_agents.is_empty() && tables.number_holds.is_empty(), "{expected}");
}

#[tokio::test]
async fn a_number_is_imported_with_its_agent_and_then_stored() {
    let world = world();
    let id = provider_number_id();
    let mut account = workspace(&[]);
    let (expected, imported, memory) = (
        ImportNumber {
            phone_number: number(&world).phone_number,
            trunk_host: HOST.to_owned(),
            agent: world.tenant.agent.provider_agent_id.clone().expect("it is synced"),
        },
        id.clone(),
        world.memory.clone(),
    );
    account.expect_import_number().once().returning(move |number| {
        assert_eq!(*number, expected);
        assert!(memory.tables().audit_records.is_empty(), "the store is the last");
        Ok(NumberImport::Imported(imported.clone()))
    });
    let ports = ports(&world, account, Some(trunk(&world, true)));
    let toggled = run(&world, ports, &request(&world, true)).await;
    assert_eq!(toggled, Ok(ToggledNumber { ai_enabled: true, trunk_was_read: true }));
    let expected =
        CallerNumber { ai_enabled: true, on_trunk: true, provider_number_id: Some(id), ..number(&world) };
    assert_eq!(stored(&world), expected);
    let tables = world.memory.tables();
    assert_eq!(tables.trunks[0].calls_per_second, 7, "a number serves no calls without the limit");
    assert_eq!(tables.audit_records[0].user_id.as_ref(), Some(world.user_id()));
    let agents: Vec<_> = tables.number_agents.values().collect();
    assert_eq!(agents, [&world.tenant.agent.id]);
}

#[tokio::test]
async fn a_number_in_the_workspace_is_linked_and_not_imported() {
    let world = world();
    let (id, other) = (provider_number_id(), agent(&world.tenant.organization.id));
    world.memory.import(&[DirectoryRecord::Agent(other.clone())]);
    let elsewhere =
        WorkspaceNumber { id: provider_number_id(), phone_number: phone_number(), ..listed(&world, &id) };
    // Without an agent in the request, the number gets the default one, then keeps the one that it has.
    let first = world.tenant.agent.id.clone();
    for (requested, expected) in [
        (None, &world.tenant.agent),
        (Some(&other.id), &other),
        (None, &other),
        (Some(&first), &world.tenant.agent),
    ] {
        let mut account = workspace(&[elsewhere.clone(), listed(&world, &id)]);
        let (linked, provider_agent) = (id.clone(), expected.provider_agent_id.clone());
        account.expect_link_number().once().returning(move |number, agent| {
            assert_eq!((number, Some(agent)), (&linked, provider_agent.as_ref()));
            Ok(())
        });
        let request = ToggleNumberRequest { agent_id: requested.cloned(), ..request(&world, true) };
        let ports = ports(&world, account, Some(trunk(&world, true)));
        assert!(run(&world, ports, &request).await.is_ok());
        assert_eq!(stored(&world).provider_number_id.as_ref(), Some(&id));
        let agents: Vec<_> = world.memory.tables().number_agents.values().cloned().collect();
        assert_eq!(agents, std::slice::from_ref(&expected.id));
    }
}

#[tokio::test]
async fn an_agent_that_cannot_speak_enables_nothing() {
    let world = world();
    let organization_id = &world.tenant.organization.id;
    let mute = Agent { voice_enabled: false, ..agent(organization_id) };
    let unsynced = Agent { provider_agent_id: None, ..agent(organization_id) };
    let foreign = Tenant::new();
    world.memory.import(&foreign.records());
    world.memory.import(&[mute.clone(), unsynced.clone()].map(DirectoryRecord::Agent));
    for (id, expected) in [
        (mute.id, ToggleNumberError::NoVoiceAgent),
        (unsynced.id, ToggleNumberError::AgentNotSynced),
        (foreign.agent.id, ToggleNumberError::AgentNotFound),
        (AgentId::parse("absent").expect("an id"), ToggleNumberError::AgentNotFound),
    ] {
        let request = ToggleNumberRequest { agent_id: Some(id), ..request(&world, true) };
        // Neither vendor expects a request.
        let ports = ports(&world, MockVoiceWorkspace::new(), Some(MockTrunkDirectory::new()));
        refused(&world, ports, &request, expected).await;
    }
    world.memory.tables().directory.agents.clear();
    let ports = ports(&world, MockVoiceWorkspace::new(), Some(MockTrunkDirectory::new()));
    refused(&world, ports, &request(&world, true), ToggleNumberError::NoVoiceAgent).await;
}

#[tokio::test]
async fn a_number_that_cannot_be_used_over_the_trunk_is_not_enabled() {
    let world = world();
    let id = provider_number_id();
    let entry = listed(&world, &id);
    let inbound = WorkspaceNumber { can_call_out: false, trunk_host: None, ..entry.clone() };
    let other_host = WorkspaceNumber { trunk_host: Some("other.example.com".to_owned()), ..entry.clone() };
    let twice = [entry.clone(), WorkspaceNumber { id: provider_number_id(), ..entry }];
    for (numbers, is_on_trunk, expected) in [
        (&[][..], false, OffTrunk::NotAssigned),
        (&[inbound], true, OffTrunk::OtherTrunk),
        (&[other_host], true, OffTrunk::OtherTrunk),
        (&twice, true, OffTrunk::Ambiguous),
    ] {
        let ports = ports(&world, workspace(numbers), Some(trunk(&world, is_on_trunk)));
        refused(&world, ports, &request(&world, true), expected.into()).await;
    }
    let unserved = CallerNumber { carrier: Carrier::named("pigeon"), ..stored(&world) };
    world.memory.import(&[record(&unserved)]);
    let ports = ports(&world, MockVoiceWorkspace::new(), Some(MockTrunkDirectory::new()));
    refused(&world, ports, &request(&world, true), OffTrunk::CarrierNotServed.into()).await;
}

#[tokio::test]
async fn without_the_carriers_account_the_directory_says_what_is_on_the_trunk() {
    let world = world();
    let id = provider_number_id();
    let off = ports(&world, workspace(&[listed(&world, &id)]), None);
    refused(&world, off, &request(&world, true), OffTrunk::NotAssigned.into()).await;
    world.memory.import(&[record(&CallerNumber { on_trunk: true, ..stored(&world) })]);
    let unknown = ports(&world, workspace(&[]), None);
    refused(&world, unknown, &request(&world, true), OffTrunk::HostUnknown.into()).await;
    let mut account = workspace(&[listed(&world, &id)]);
    account.expect_link_number().once().returning(|_, _| Ok(()));
    let toggled = run(&world, ports(&world, account, None), &request(&world, true)).await;
    assert_eq!(toggled, Ok(ToggledNumber { ai_enabled: true, trunk_was_read: false }));
    assert!(stored(&world).ai_enabled && world.memory.tables().trunks.is_empty());
}

#[tokio::test]
async fn a_vendor_that_fails_leaves_everything_as_it_was() {
    let world = world();
    let id = provider_number_id();
    let failures = [
        VendorFailure::KeyRefused,
        VendorFailure::NotAllowed,
        VendorFailure::NotFound,
        VendorFailure::RateLimited,
        VendorFailure::Unavailable(unavailable()),
    ];
    for failure in failures {
        let fails = failure.clone();
        let mut carrier = MockTrunkDirectory::new();
        carrier.expect_carrier().return_const(SERVED_CARRIERS[0].clone());
        carrier.expect_read().returning(move || Err(fails.clone()));
        let ports_ = ports(&world, MockVoiceWorkspace::new(), Some(carrier));
        let expected = ToggleNumberError::Trunk(failure.clone());
        refused(&world, ports_, &request(&world, true), expected).await;

        let expected = ToggleNumberError::Workspace(failure.clone());
        let fails = failure.clone();
        let mut account = MockVoiceWorkspace::new();
        account.expect_numbers().returning(move || Err(fails.clone()));
        let ports_ = ports(&world, account, Some(trunk(&world, true)));
        refused(&world, ports_, &request(&world, true), expected.clone()).await;

        let fails = failure.clone();
        let mut account = workspace(&[]);
        account.expect_import_number().once().returning(move |_| Err(fails.clone()));
        let ports_ = ports(&world, account, Some(trunk(&world, true)));
        refused(&world, ports_, &request(&world, true), expected.clone()).await;

        let fails = failure.clone();
        let mut account = workspace(&[listed(&world, &id)]);
        account.expect_link_number().once().returning(move |_, _| Err(fails.clone()));
        let ports_ = ports(&world, account, Some(trunk(&world, true)));
        refused(&world, ports_, &request(&world, true), expected.clone()).await;

        let mut account = workspace(&[listed(&world, &id)]);
        account.expect_remove_number().once().returning(move |_| Err(failure.clone()));
        refused(&world, ports(&world, account, None), &request(&world, false), expected).await;
    }
    let mut account = workspace(&[]);
    account.expect_import_number().once().returning(|_| Ok(NumberImport::Taken));
    let ports = ports(&world, account, Some(trunk(&world, true)));
    refused(&world, ports, &request(&world, true), ToggleNumberError::InOtherWorkspace).await;
}

#[tokio::test]
async fn a_disabled_number_is_removed_and_then_stored() {
    let world = world();
    let id = provider_number_id();
    let enabled = CallerNumber {
        ai_enabled: true,
        on_trunk: true,
        provider_number_id: Some(id.clone()),
        ..number(&world)
    };
    let answers = WorkspaceNumber {
        id: provider_number_id(),
        can_call_out: false,
        trunk_host: None,
        ..listed(&world, &id)
    };
    // The second time, it is removed already.
    for numbers in [vec![answers.clone(), listed(&world, &id)], vec![answers]] {
        world.memory.import(&[record(&enabled)]);
        let mut account = workspace(&numbers);
        let removed = id.clone();
        account.expect_remove_number().times(numbers.len() - 1).returning(move |id| {
            assert_eq!(*id, removed, "an entry that only receives calls stays");
            Ok(())
        });
        let ports = ports(&world, account, Some(MockTrunkDirectory::new()));
        let toggled = run(&world, ports, &request(&world, false)).await;
        assert_eq!(toggled, Ok(ToggledNumber { ai_enabled: false, trunk_was_read: false }));
        let expected = CallerNumber { ai_enabled: false, provider_number_id: None, ..enabled.clone() };
        assert_eq!(stored(&world), expected, "it stays on the trunk");
        assert!(world.memory.tables().number_agents.is_empty());
    }
    assert_eq!(world.memory.tables().audit_records.len(), 2);
}

#[tokio::test]
async fn the_number_of_another_organization_is_left_to_it() {
    let world = world();
    let other = Tenant::new();
    world.memory.import(&other.records());
    let theirs = CallerNumber { phone_number: number(&world).phone_number, ..other.number.number };
    world.memory.import(&[record(&theirs)]);
    let ports_ = ports(&world, MockVoiceWorkspace::new(), Some(MockTrunkDirectory::new()));
    let expected = ToggleNumberError::UsedByOthers;
    assert_eq!(run(&world, ports_, &request(&world, true)).await, Err(expected));
    // The workspace expects no request: the number stays there.
    let ports_ = ports(&world, MockVoiceWorkspace::new(), None);
    assert!(run(&world, ports_, &request(&world, false)).await.is_ok());
    let numbers = world.memory.tables().directory.numbers.clone();
    assert!(numbers.iter().any(|record| record.number == theirs), "it is as it was");
}

#[tokio::test]
async fn only_a_superadmin_changes_numbers_and_only_those_of_the_organization() {
    let world = world();
    let none = || ports(&world, MockVoiceWorkspace::new(), Some(MockTrunkDirectory::new()));
    let foreign = Tenant::new();
    world.memory.import(&foreign.records());
    let theirs = &foreign.number.number;
    for request in [
        ToggleNumberRequest { user_id: theirs.user_id.clone(), ..request(&world, true) },
        ToggleNumberRequest { phone_number: theirs.phone_number.clone(), ..request(&world, true) },
        ToggleNumberRequest {
            user_id: theirs.user_id.clone(),
            phone_number: theirs.phone_number.clone(),
            ..request(&world, true)
        },
    ] {
        assert_eq!(run(&world, none(), &request).await, Err(ToggleNumberError::NumberNotFound));
    }
    let asked = request(&world, true);
    let toggle = ToggleNumber::new(none(), SERVED_CARRIERS);
    assert_eq!(toggle.execute(&stranger(), &asked).await, Err(ToggleNumberError::UserNotFound));
    let without_account = ToggleNumberPorts { workspace: None, ..none() };
    refused(&world, without_account, &asked, ToggleNumberError::NoWorkspace).await;
    for role in [Some("ADMIN"), Some("SALES_REP"), None] {
        let access_role = role.and_then(|role| AccessRole::parse(role).ok());
        world
            .memory
            .import(&[DirectoryRecord::User(UserRecord { access_role, ..world.tenant.user.clone() })]);
        refused(&world, none(), &asked, ToggleNumberError::NotPermitted).await;
    }
}

#[tokio::test]
async fn a_number_that_is_being_changed_waits_for_no_one() {
    let world = world();
    let number = number(&world);
    let of_user = NumberOfUser {
        organization_id: number.organization_id,
        user_id: number.user_id,
        phone_number: number.phone_number,
    };
    let held = world.memory.hold(&of_user, Duration::from_secs(60)).await;
    assert!(matches!(held, Ok(HoldNumber::Held(_))));
    let none = ports(&world, MockVoiceWorkspace::new(), None);
    assert_eq!(run(&world, none, &request(&world, true)).await, Err(ToggleNumberError::Changing));
    // The hold of a process that ended ends too.
    world.clock.advance(Duration::from_secs(61)).await;
    let account = workspace(&[]);
    assert!(run(&world, ports(&world, account, None), &request(&world, false)).await.is_ok());
}

#[tokio::test]
async fn a_change_that_was_not_stored_is_repaired_by_repeating_it() {
    let world = world();
    let id = provider_number_id();
    for (error, expected) in [
        (Err(unavailable()), ToggleNumberError::ServiceUnavailable(unavailable())),
        (Ok(StoreToggleResult::HoldEnded), ToggleNumberError::Changing),
    ] {
        let memory = world.memory.clone();
        let mut numbers = MockAiNumbers::new();
        let of_user = NumberOfUser {
            organization_id: number(&world).organization_id,
            user_id: number(&world).user_id,
            phone_number: number(&world).phone_number,
        };
        let held = memory.hold(&of_user, Duration::from_secs(60)).await.expect("the store is not lost");
        world.memory.tables().number_holds.clear();
        numbers.expect_hold().return_once(move |_, _| Ok(held));
        numbers.expect_store().return_once(move |_| error);
        numbers.expect_release().return_once(|_, _| Ok(()));
        let mut account = workspace(&[]);
        let imported = id.clone();
        account
            .expect_import_number()
            .once()
            .returning(move |_| Ok(NumberImport::Imported(imported.clone())));
        let lost = ToggleNumberPorts {
            numbers: Arc::new(numbers),
            ..ports(&world, account, Some(trunk(&world, true)))
        };
        assert_eq!(run(&world, lost, &request(&world, true)).await, Err(expected));
        assert!(!stored(&world).ai_enabled);
    }
    let mut account = workspace(&[listed(&world, &id)]);
    account.expect_link_number().once().returning(|_, _| Ok(()));
    let again = run(&world, ports(&world, account, Some(trunk(&world, true))), &request(&world, true)).await;
    assert!(again.is_ok());
    assert_eq!(stored(&world).provider_number_id, Some(id));
}

/// The number is in the organization's own workspace: neither that of the gateway nor the directory is
/// changed.
#[tokio::test]
async fn a_number_of_an_organization_with_an_account_of_its_own_is_not_changed() {
    let world = world();
    let secrets = [(SecretKind::VoiceApiKey, SealedSecret::new("sealed"))].into();
    let credentials = StoredCredentials {
        organization_id: world.tenant.organization.id.clone(),
        credentials: Some(VendorCredentials { secrets, ..VendorCredentials::default() }),
        revision: 1,
    };
    world.memory.tables().credentials.insert(credentials.organization_id.clone(), credentials);
    let before = stored(&world);
    let toggle = ToggleNumber::new(ports(&world, MockVoiceWorkspace::new(), None), SERVED_CARRIERS)
        .with_credentials(Arc::new(world.memory.clone()));
    let refused = toggle.execute(world.user_id(), &request(&world, true)).await;
    assert_eq!(refused, Err(ToggleNumberError::NoWorkspace));
    assert_eq!(stored(&world), before);
}

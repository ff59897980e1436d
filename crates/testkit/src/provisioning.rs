//! The suite of [`Provisioning`](domain::ports::Provisioning).

use domain::ports::{
    OrganizationPolicy, ProvisionedAgent, ProvisionedNumber, ProvisionedTrunk, ProvisioningChanges,
};
use domain::{
    AccessRole, Agent, CallerNumber, Carrier, DirectoryRecord, NumberRecord, OrganizationId, PhoneNumber,
    PolicyRecord, User, UserRecord,
};

use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{
    self, Tenant, agent, calling_policy, carrier, number, phone_number, provider_agent_id,
    provider_number_id, trunk_id,
};
use crate::harness::ProvisioningHarness;

suite! {
    $ provisioning_suite of provisioning:
    records_of_every_tenant_are_listed,
    every_organization_is_listed_with_its_own_policy,
    pages_of_all_tenants_neither_repeat_nor_miss_a_record,
    what_the_vendors_know_is_stored,
    nothing_else_is_changed,
    a_change_of_an_absent_record_is_skipped,
    the_limit_of_a_trunk_is_replaced,
    a_carrier_has_one_trunk,
    a_lost_provisioning_store_is_unavailable,
}

/// Records of two organizations are listed, complete or not, with every field and in order.
pub async fn records_of_every_tenant_are_listed(harness: &impl ProvisioningHarness) {
    let tenants = stored_tenants(harness).await;
    let (agents, numbers) = list(harness, 500).await;
    assert_eq!(
        agents.into_iter().filter(|it| tenants.owns(&it.organization_id)).collect::<Vec<_>>(),
        tenants.agents
    );
    let own = numbers.into_iter().filter(|it| tenants.owns(&it.number.organization_id));
    assert_eq!(own.collect::<Vec<_>>(), tenants.numbers);
    let mut users = all_users(harness, 500).await;
    users.retain(|it| tenants.owns(&it.organization.id));
    assert_eq!(users, tenants.users);
}

/// An organization with a policy, one without, and one with neither users nor agents.
pub async fn every_organization_is_listed_with_its_own_policy(harness: &impl ProvisioningHarness) {
    let mut tenants = [Tenant::new(), Tenant::new(), Tenant::new()];
    tenants.sort_by(|one, other| one.organization.id.cmp(&other.organization.id));
    let mut records: Vec<_> =
        tenants.iter().map(|it| DirectoryRecord::Organization(it.organization.clone())).collect();
    let organization_id = tenants[0].organization.id.clone();
    let policy = calling_policy();
    records.push(DirectoryRecord::CallingPolicy(PolicyRecord {
        organization_id: organization_id.clone(),
        policy: Box::new(policy.clone()),
    }));
    harness.store(&records).await;
    for limit in [1, 500] {
        let mut listed = all_organizations(harness, limit).await;
        listed.retain(|it| tenants.iter().any(|tenant| tenant.organization.id == it.organization_id));
        let expected = tenants.iter().map(|tenant| OrganizationPolicy {
            organization_id: tenant.organization.id.clone(),
            policy: (tenant.organization.id == organization_id).then(|| policy.clone()),
        });
        assert_eq!(listed, expected.collect::<Vec<_>>(), "pages of {limit}");
    }
}

/// Each page begins after the last record of the one before.
pub async fn pages_of_all_tenants_neither_repeat_nor_miss_a_record(harness: &impl ProvisioningHarness) {
    let tenants = stored_tenants(harness).await;
    let whole = list(harness, 500).await;
    assert!(whole.0.len() >= tenants.agents.len());
    assert_eq!(list(harness, 2).await, whole);
    let users = all_users(harness, 500).await;
    assert!(users.len() >= tenants.users.len());
    assert_eq!(all_users(harness, 1).await, users);
}

/// The changes of a call are stored, and once more without effect.
pub async fn what_the_vendors_know_is_stored(harness: &impl ProvisioningHarness) {
    let tenants = stored_tenants(harness).await;
    let (mut agents, mut numbers) = (tenants.agents.clone(), tenants.numbers.clone());
    for (index, record) in numbers.iter_mut().enumerate() {
        record.number.on_trunk = index % 2 == 0;
        record.number.provider_number_id = (index % 3 > 0).then(provider_number_id);
    }
    agents.iter_mut().for_each(|it| it.provider_agent_id = Some(provider_agent_id()));
    let changes = ProvisioningChanges {
        numbers: numbers.iter().map(|record| provisioned(&record.number)).collect(),
        agents: agents.iter().map(synced).collect(),
        trunk: Some(trunk(&carrier(), 3)),
    };
    let port = harness.provisioning();
    for _ in 0..2 {
        port.apply(&changes).await.expect("store is up");
        assert_eq!(own(harness, &tenants).await, (agents.clone(), numbers.clone()));
    }
    let trunk = changes.trunk.expect("the changes have a trunk");
    assert_eq!(port.calls_per_second(&trunk.id).await, Ok(Some(3)));
}

/// A change of one record leaves the others, and its other fields, as they are. The same number of
/// another organization is another record, and an agent of another organization is not changed.
pub async fn nothing_else_is_changed(harness: &impl ProvisioningHarness) {
    let tenants = stored_tenants(harness).await;
    let (mut agents, mut numbers) = (tenants.agents.clone(), tenants.numbers.clone());
    let shared = tenants.shared_number();
    let number = numbers
        .iter_mut()
        .find(|it| it.number.phone_number == shared && it.number.organization_id == tenants.organizations[0])
        .expect("both organizations have the number");
    number.number.on_trunk = false;
    number.number.provider_number_id = None;
    let agent = agents.iter_mut().find(|it| it.organization_id == tenants.organizations[0]);
    let agent = agent.expect("the organization has an agent");
    agent.provider_agent_id = Some(provider_agent_id());
    let mut changes = ProvisioningChanges {
        numbers: vec![provisioned(&number.number)],
        agents: vec![synced(agent)],
        trunk: None,
    };
    let foreign = tenants.agents.iter().find(|it| it.organization_id == tenants.organizations[1]);
    changes.agents.push(ProvisionedAgent {
        organization_id: tenants.organizations[0].clone(),
        ..synced(&Agent {
            provider_agent_id: Some(provider_agent_id()),
            ..foreign.expect("the organization has an agent").clone()
        })
    });
    harness.provisioning().apply(&changes).await.expect("store is up");
    assert_eq!(own(harness, &tenants).await, (agents, numbers));
}

/// A record that was removed meanwhile is not created again, and the other changes are stored.
pub async fn a_change_of_an_absent_record_is_skipped(harness: &impl ProvisioningHarness) {
    let tenants = stored_tenants(harness).await;
    let mut numbers = tenants.numbers.clone();
    let present = &mut numbers[0].number;
    present.provider_number_id = Some(provider_number_id());
    let absent = CallerNumber { phone_number: phone_number(), ..present.clone() };
    let changes = ProvisioningChanges {
        numbers: vec![provisioned(&absent), provisioned(present)],
        agents: vec![synced(&agent(&tenants.organizations[0]))],
        trunk: None,
    };
    harness.provisioning().apply(&changes).await.expect("store is up");
    assert_eq!(own(harness, &tenants).await, (tenants.agents.clone(), numbers));
}

/// The last limit of a trunk counts; other trunks have their own.
pub async fn the_limit_of_a_trunk_is_replaced(harness: &impl ProvisioningHarness) {
    let (port, one, other) = (harness.provisioning(), trunk(&carrier(), 1), trunk(&carrier(), 9));
    assert_eq!(port.calls_per_second(&one.id).await, Ok(None));
    let faster = ProvisionedTrunk { calls_per_second: 4, ..one.clone() };
    for trunk in [&one, &other, &faster] {
        store(harness, trunk).await;
    }
    assert_eq!(port.calls_per_second(&one.id).await, Ok(Some(4)));
    assert_eq!(port.calls_per_second(&other.id).await, Ok(Some(9)));
    assert_eq!(port.calls_per_second(&trunk_id()).await, Ok(None));
}

/// Another trunk of a carrier takes the place of the one before, and may give it back.
pub async fn a_carrier_has_one_trunk(harness: &impl ProvisioningHarness) {
    let (port, carrier) = (harness.provisioning(), carrier());
    let (old, new, other) = (trunk(&carrier, 1), trunk(&carrier, 2), trunk(&fixtures::carrier(), 3));
    for (stored, replaced) in [(&other, None), (&old, None), (&new, Some(&old)), (&old, Some(&new))] {
        store(harness, stored).await;
        assert_eq!(port.calls_per_second(&stored.id).await, Ok(Some(stored.calls_per_second)));
        if let Some(replaced) = replaced {
            assert_eq!(port.calls_per_second(&replaced.id).await, Ok(None), "the carrier has two trunks");
        }
    }
    assert_eq!(port.calls_per_second(&other.id).await, Ok(Some(3)), "another carrier's");
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting data.
pub async fn a_lost_provisioning_store_is_unavailable(harness: &impl ProvisioningHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (port, number, trunk) = (harness.provisioning(), &tenant.number.number, trunk(&carrier(), 1));
    harness.lose().await;
    let private = [
        tenant.organization.id.as_str(),
        tenant.agent.id.as_str(),
        number.phone_number.as_e164(),
        trunk.id.as_str(),
    ];
    let after = (number.organization_id.clone(), number.phone_number.clone());
    let changes = ProvisioningChanges {
        numbers: vec![provisioned(number)],
        agents: vec![synced(&tenant.agent)],
        trunk: Some(trunk.clone()),
    };
    let organizations = port.organizations(Some(tenant.organization.id.clone()), 5);
    unavailable_within(LOST_DATABASE_BOUND, organizations, &private).await;
    unavailable_within(LOST_DATABASE_BOUND, port.users(Some(tenant.user.id.clone()), 5), &private).await;
    let agents = port.agents(Some(tenant.agent.id.clone()), 5);
    unavailable_within(LOST_DATABASE_BOUND, agents, &private).await;
    unavailable_within(LOST_DATABASE_BOUND, port.numbers(Some(after), 5), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, port.apply(&changes), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, port.calls_per_second(&trunk.id), &private).await;
}

/// Two organizations, and their users, agents and numbers in the order of the lists. One number
/// belongs to both.
struct Tenants {
    organizations: [OrganizationId; 2],
    users: Vec<User>,
    agents: Vec<Agent>,
    numbers: Vec<NumberRecord>,
}

impl Tenants {
    fn owns(&self, id: &OrganizationId) -> bool {
        self.organizations.contains(id)
    }

    fn shared_number(&self) -> PhoneNumber {
        let count = |number| self.numbers.iter().filter(|it| it.number.phone_number == number).count();
        let mut numbers = self.numbers.iter().map(|it| it.number.phone_number.clone());
        numbers.find(|it| count(it.clone()) == 2).expect("one number belongs to both")
    }
}

async fn stored_tenants(harness: &impl ProvisioningHarness) -> Tenants {
    let tenants = [Tenant::new(), Tenant::new()];
    let (mut users, mut agents, mut numbers, mut records) = (vec![], vec![], vec![], vec![]);
    let shared = phone_number();
    for tenant in &tenants {
        let role = AccessRole::parse("SALES_REP").expect("a valid role");
        let user = UserRecord { access_role: Some(role), ..tenant.user.clone() };
        users.push(User {
            id: user.id.clone(),
            organization: tenant.organization.clone(),
            full_name: user.full_name.clone(),
            access_role: user.access_role.clone(),
        });
        let bare = CallerNumber {
            carrier: Carrier::named("twilio"),
            ai_enabled: false,
            on_trunk: false,
            provider_number_id: None,
            ..number(&tenant.user, 0).number
        };
        let of_both = CallerNumber { phone_number: shared.clone(), ..number(&tenant.user, 0).number };
        agents.push(tenant.agent.clone());
        agents.push(Agent {
            voice_enabled: false,
            provider_agent_id: None,
            ..agent(&tenant.organization.id)
        });
        numbers.push(tenant.number.clone());
        numbers.push(NumberRecord { number: bare, position: 7 });
        numbers.push(NumberRecord { number: of_both, position: 2 });
        records.push(DirectoryRecord::Organization(tenant.organization.clone()));
        records.push(DirectoryRecord::User(user));
    }
    records.extend(agents.iter().cloned().map(DirectoryRecord::Agent));
    records.extend(numbers.iter().cloned().map(DirectoryRecord::Number));
    harness.store(&records).await;
    users.sort_by(|one, other| one.id.cmp(&other.id));
    agents.sort_by(|one, other| one.id.cmp(&other.id));
    let key = |it: &NumberRecord| (it.number.organization_id.clone(), it.number.phone_number.clone());
    numbers.sort_by_key(key);
    Tenants { organizations: tenants.map(|tenant| tenant.organization.id), users, agents, numbers }
}

/// All agents and numbers, in pages.
async fn list(harness: &impl ProvisioningHarness, limit: u32) -> (Vec<Agent>, Vec<NumberRecord>) {
    let port = harness.provisioning();
    let (mut agents, mut numbers): (Vec<Agent>, Vec<NumberRecord>) = (Vec::new(), Vec::new());
    loop {
        let page = port.agents(agents.last().map(|it| it.id.clone()), limit).await.expect("store is up");
        assert!(page.len() <= limit as usize, "no more than the limit");
        let is_empty = page.is_empty();
        agents.extend(page);
        if is_empty {
            break;
        }
        assert!(agents.len() < 10_000, "the pages repeat");
    }
    loop {
        let last = numbers.last().map(|it| &it.number);
        let after = last.map(|it| (it.organization_id.clone(), it.phone_number.clone()));
        let page = port.numbers(after, limit).await.expect("store is up");
        assert!(page.len() <= limit as usize, "no more than the limit");
        let is_empty = page.is_empty();
        numbers.extend(page);
        if is_empty {
            return (agents, numbers);
        }
        assert!(numbers.len() < 10_000, "the pages repeat");
    }
}

/// All users, in pages.
async fn all_users(harness: &impl ProvisioningHarness, limit: u32) -> Vec<User> {
    let (port, mut users) = (harness.provisioning(), Vec::<User>::new());
    loop {
        let page = port.users(users.last().map(|it| it.id.clone()), limit).await.expect("store is up");
        assert!(page.len() <= limit as usize, "no more than the limit");
        if page.is_empty() {
            return users;
        }
        users.extend(page);
        assert!(users.len() < 10_000, "the pages repeat");
    }
}

/// All organizations, in pages.
async fn all_organizations(harness: &impl ProvisioningHarness, limit: u32) -> Vec<OrganizationPolicy> {
    let (port, mut organizations) = (harness.provisioning(), Vec::<OrganizationPolicy>::new());
    loop {
        let after = organizations.last().map(|it| it.organization_id.clone());
        let page = port.organizations(after, limit).await.expect("store is up");
        assert!(page.len() <= limit as usize, "no more than the limit");
        if page.is_empty() {
            return organizations;
        }
        organizations.extend(page);
        assert!(organizations.len() < 10_000, "the pages repeat");
    }
}

async fn own(harness: &impl ProvisioningHarness, tenants: &Tenants) -> (Vec<Agent>, Vec<NumberRecord>) {
    let (mut agents, mut numbers) = list(harness, 500).await;
    agents.retain(|it| tenants.owns(&it.organization_id));
    numbers.retain(|it| tenants.owns(&it.number.organization_id));
    (agents, numbers)
}

fn provisioned(number: &CallerNumber) -> ProvisionedNumber {
    ProvisionedNumber {
        organization_id: number.organization_id.clone(),
        phone_number: number.phone_number.clone(),
        on_trunk: number.on_trunk,
        provider_number_id: number.provider_number_id.clone(),
    }
}

fn synced(agent: &Agent) -> ProvisionedAgent {
    ProvisionedAgent {
        organization_id: agent.organization_id.clone(),
        agent_id: agent.id.clone(),
        provider_agent_id: agent.provider_agent_id.clone().expect("the agent is synced"),
    }
}

fn trunk(carrier: &Carrier, calls_per_second: u32) -> ProvisionedTrunk {
    ProvisionedTrunk { id: trunk_id(), carrier: carrier.clone(), calls_per_second }
}

async fn store(harness: &impl ProvisioningHarness, trunk: &ProvisionedTrunk) {
    let changes = ProvisioningChanges { trunk: Some(trunk.clone()), ..ProvisioningChanges::default() };
    harness.provisioning().apply(&changes).await.expect("store is up");
}

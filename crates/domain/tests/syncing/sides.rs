use domain::ports::{Trunk, TrunkListing, WorkspaceAgent, WorkspaceNumber};
use domain::{
    Adoption, Agent, CallerNumber, NumberRecord, PhoneNumber, SyncInput, SyncPlan, SyncProblem, TrunkId,
};
use testkit::fixtures::{self, SERVED_CARRIERS, Tenant};

/// The three sides, all of which have the tenant's number and agent.
pub(crate) struct Sides {
    pub(crate) tenant: Tenant,
    pub(crate) agents: Vec<Agent>,
    pub(crate) numbers: Vec<NumberRecord>,
    pub(crate) workspace_agents: Vec<WorkspaceAgent>,
    pub(crate) workspace_numbers: Vec<WorkspaceNumber>,
    pub(crate) trunk: Option<TrunkListing>,
    pub(crate) stored_limit: Option<u32>,
    pub(crate) adoption: Option<Adoption>,
}

impl Sides {
    pub(crate) fn new() -> Self {
        let tenant = Tenant::new();
        let number = &tenant.number.number;
        let listed = WorkspaceNumber {
            id: number.provider_number_id.clone().expect("the number is imported"),
            phone_number: number.phone_number.clone(),
            can_call_out: true,
            trunk_host: Some("acme.example.com".to_owned()),
            agent: None,
        };
        let agent = WorkspaceAgent {
            id: tenant.agent.provider_agent_id.clone().expect("the agent is synced"),
            name: Some(tenant.agent.name.clone()),
        };
        let trunk = Trunk {
            id: TrunkId::parse("trunk-1").expect("an id"),
            domain: Some("acme.example.com".to_owned()),
            calls_per_second: 1,
        };
        Self {
            agents: vec![tenant.agent.clone()],
            numbers: vec![tenant.number.clone()],
            workspace_agents: vec![agent],
            workspace_numbers: vec![listed],
            trunk: Some(TrunkListing { trunk, numbers: [number.phone_number.clone()].into() }),
            stored_limit: Some(1),
            adoption: None,
            tenant,
        }
    }

    pub(crate) fn plan(&self) -> SyncPlan {
        SyncPlan::compute(&SyncInput {
            agents: &self.agents,
            numbers: &self.numbers,
            workspace_agents: &self.workspace_agents,
            workspace_numbers: &self.workspace_numbers,
            trunk: self.trunk.as_ref().map(|listing| (&SERVED_CARRIERS[0], listing)),
            calls_per_second: self.stored_limit,
            carriers: SERVED_CARRIERS,
            adoption: self.adoption.as_ref(),
        })
    }

    pub(crate) fn number(&mut self) -> &mut CallerNumber {
        &mut self.numbers[0].number
    }

    pub(crate) fn adopt(&mut self) {
        self.adoption = Some(Adoption {
            organization_id: self.tenant.organization.id.clone(),
            user_id: Some(self.tenant.user.id.clone()),
        });
    }

    pub(crate) fn trunk(&mut self) -> &mut TrunkListing {
        self.trunk.as_mut().expect("there is a trunk")
    }
}

pub(crate) fn problems(plan: &SyncPlan) -> Vec<SyncProblem> {
    plan.findings.iter().map(|finding| finding.problem).collect()
}

/// A second number of the tenant, on all sides.
pub(crate) fn add_number(sides: &mut Sides) -> PhoneNumber {
    let record = fixtures::number(&sides.tenant.user, 4);
    let number = record.number.clone();
    sides.workspace_numbers.push(WorkspaceNumber {
        id: number.provider_number_id.clone().expect("the number is imported"),
        phone_number: number.phone_number.clone(),
        ..sides.workspace_numbers[0].clone()
    });
    sides.trunk().numbers.insert(number.phone_number.clone());
    sides.numbers.push(record);
    number.phone_number
}
